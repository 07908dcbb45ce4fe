import type { CommandModule } from "yargs";
import { classifyCommand } from "./classify.js";
import { diffCommand } from "./diff.js";
import { teachCommand } from "./teach.js";

/** All commands, in the order `--help` lists them. */
export const commands: readonly CommandModule[] = [
  teachCommand, classifyCommand, diffCommand,
];
