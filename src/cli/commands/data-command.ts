import type { CommandModule } from "yargs";
import { dataAuditCommand } from "./data-audit.js";
import { dataConvertCommand } from "./data-convert.js";
import { dataInfoCommand } from "./data-info.js";
import { dataSimulateCommand } from "./data-simulate.js";
import { dataTasksCommand } from "./data-tasks.js";
import { dataViewCommand } from "./data-view.js";
import { namesOf } from "../usage-sentence.js";

/** `data …`: everything about recordings. */
export const dataCommand: CommandModule = {
  command: "data <command>",
  describe: "inspect, convert and draw event recordings; audit the tasks made of them",
  builder: (yargs) => yargs.command(dataInfoCommand).command(dataConvertCommand).command(dataViewCommand)
    .command(dataAuditCommand).command(dataTasksCommand).command(dataSimulateCommand)
    .demandCommand(1, `name a command of data: ${namesOf("data")}`),
  handler: () => undefined,
};
