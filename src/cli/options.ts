import { availableParallelism } from "node:os";
import { userError } from "../base/errors.js";

/** Refuses a number that is none, or outside its range. @throws UserError E-CLI-001 */
export const wholeNumber = (option: string, least: number, most: number) => (value: number | undefined): number | undefined => {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return value;
  throw userError({ code: "E-CLI-001", at: `--${option}`, found: String(value), limit: `whole numbers ${least}…${most}` });
};

/** Options shared by commands, for yargs' `options()`. */
export const jsonOption = {
  json: { type: "boolean", describe: "print one JSON object on stdout and nothing else there" },
} as const;

export const seedOption = {
  seed: { type: "number", describe: "seed of everything random", default: 1, requiresArg: true, coerce: wholeNumber("seed", 0, 2 ** 32 - 1) },
} as const;

export const engineOptions = {
  engine: {
    choices: ["native", "wasm", "tfjs", "reference"] as const,
    requiresArg: true, describe: "training engine (default: the fastest one that is there and can do it)",
  },
  threads: { type: "number", requiresArg: true, describe: "threads of the engine", default: Math.min(8, availableParallelism()), coerce: wholeNumber("threads", 1, 256) },
} as const;
