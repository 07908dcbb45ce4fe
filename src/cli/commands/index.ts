import type { CommandModule } from "yargs";
import { benchCommand } from "./bench.js";
import { demoCommand } from "./demo.js";
import { evaluateCommand } from "./evaluate.js";
import { trainCommand } from "./train.js";
import { configSchemaCommand } from "./config-schema.js";
import { compileCommand } from "./compile.js";
import { estimateCommand } from "./estimate.js";
import { inspectCommand } from "./inspect.js";
import { replayCommand } from "./replay.js";
import { simulateCommand } from "./simulate.js";
import { dataCommand } from "./data-command.js";
import { classifyCommand } from "./classify.js";
import { diffCommand } from "./diff.js";
import { gradcheckCommand } from "./gradcheck.js";
import { teachCommand } from "./teach.js";
import { verifyCommand } from "./verify.js";

/** All commands, in the order `--help` lists them. */
export const commands: readonly CommandModule[] = [
  demoCommand, trainCommand, evaluateCommand,
  simulateCommand, gradcheckCommand,
  compileCommand, estimateCommand, inspectCommand,
  replayCommand, verifyCommand, teachCommand, classifyCommand, diffCommand,
  dataCommand, benchCommand, configSchemaCommand,
];
