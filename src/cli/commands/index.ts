import type { CommandModule } from "yargs";

/** All commands, in the order `--help` lists them. */
export const commands: readonly CommandModule[] = [];
