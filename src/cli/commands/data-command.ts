import type { CommandModule } from "yargs";
import { dataConvertCommand } from "./data-convert.js";
import { dataInfoCommand } from "./data-info.js";
import { dataViewCommand } from "./data-view.js";

/** `data …`: everything about recordings. */
export const dataCommand: CommandModule = {
  command: "data <command>",
  describe: "inspect, convert and draw event recordings",
  builder: (yargs) => yargs.command(dataInfoCommand).command(dataConvertCommand).command(dataViewCommand)
    .demandCommand(1, "name a command of data: info, convert or view"),
  handler: () => undefined,
};
