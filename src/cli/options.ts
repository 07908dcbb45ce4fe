import { availableParallelism } from "node:os";

/** Options shared by commands, for yargs' `options()`. */
export const jsonOption = {
  json: { type: "boolean", describe: "print one JSON object on stdout and nothing else there" },
} as const;

export const seedOption = {
  seed: { type: "number", describe: "seed of everything random", default: 1 },
} as const;

export const engineOptions = {
  engine: {
    choices: ["native", "wasm", "tfjs", "reference"] as const,
    describe: "training engine (default: the fastest one that is there)",
  },
  threads: { type: "number", describe: "threads of the engine", default: Math.min(8, availableParallelism()) },
} as const;
