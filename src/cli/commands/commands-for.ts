import type { CommandModule } from "yargs";

/** Commands of `data` that look at one file and need nothing of the rest of the program. */
const FILE_COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  convert: async () => (await import("./data-convert.js")).dataConvertCommand as CommandModule,
  info: async () => (await import("./data-info.js")).dataInfoCommand as CommandModule,
  view: async () => (await import("./data-view.js")).dataViewCommand as CommandModule,
};

/** The commands that a command line may mean: all, but where the first words name a command for one file that alone, as loading
 *  engines, simulator and compiler takes more memory than converting a file of any size. */
export async function commandsFor(words: readonly string[]): Promise<readonly CommandModule[]> {
  const [first, second] = words;
  const load = first === "data" && Object.hasOwn(FILE_COMMANDS, second ?? "") ? FILE_COMMANDS[second] : undefined;
  if (!load) return (await import("./index.js")).commands;
  const command = await load();
  return [{
    command: "data <command>", describe: "inspect, convert and draw event recordings", builder: (yargs) => yargs.command(command), handler: () => undefined,
  }];
}
