import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { userError } from "../../base/errors.js";
import type { EngineName } from "../../engines/create.js";
import { parametersHash } from "../../model/checkpoint.js";
import { engineFor } from "../../train/choose-engine.js";
import { summary } from "../../train/statistics.js";
import { preparedSource, readConfig } from "../config-source.js";
import { cacheOption } from "../data-place.js";
import { engineOptions, jsonOption, wholeNumber } from "../options.js";
import { type CommandResult, runHandler } from "../run.js";
import { checkRunFolder, RUN_FILE, runTraining } from "../training-run.js";

export interface TrainArgs {
  readonly config: string;
  readonly out: string;
  readonly resume?: boolean;
  readonly data?: string;
  /** Folder of recordings made ready; false keeps none. */
  readonly cache?: string | false;
  readonly seed?: number;
  /** Several seeds, one after the other, each into a folder of its own. */
  readonly seeds?: readonly number[];
  readonly tasks?: number;
  readonly engine?: EngineName;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Meta-trains; the folder then holds last.mlh, best.mlh, metrics.jsonl and a TensorBoard event file.
 *  @throws UserError E-CFG-…, E-DATA-…, E-TRAIN-… */
export async function trainNetwork(args: TrainArgs): Promise<CommandResult> {
  checkRunFolder(args.out, { resume: args.resume === true });
  const { resolved, source } = await preparedSource(readConfig(args.config, { seed: args.seed, tasks: args.tasks }), args.data, args);
  const { engine, notice } = await engineFor(resolved.config, resolved.spec, { engine: args.engine, threads: args.threads });
  if (notice) process.stderr.write(`${notice}\n`);
  // Validation stays real whatever training is fed with (design §8).
  const mixed = resolved.config.data.simulated !== undefined;
  process.stderr.write(`${resolved.spec.name}: ${source.name}, ${source.data} recordings${mixed ? " and simulated ones to train on" : ""}, protocol ${source.protocol}; engine ${engine.name}, ${engine.threads} threads\n`);
  const started = performance.now();
  try {
    const run = await runTraining(resolved, engine, source, { out: args.out, resume: args.resume === true });
    const { last, paths } = run;
    const sha256 = parametersHash(last.spec, last.masters, last.inner);
    const seconds = (performance.now() - started) / 1000;
    // The file of the best is there from the first validation on.
    const validated = existsSync(paths.best);
    return {
      interrupted: run.interrupted,
      json: {
        checkpoint: paths.last, best: validated ? paths.best : null, tasks: last.step, validation: last.history.length > 0 ? 100 * last.history[last.history.length - 1].validation : null,
        bestValidation: validated ? 100 * last.bestValidation : null, sha256, seconds, engine: engine.name, threads: engine.threads, interrupted: run.interrupted,
        data: source.data, trainedOn: mixed ? [source.data, "simulated"] : [source.data], protocol: source.protocol,
      },
      text: [
        `${run.interrupted ? "Stopped" : "Trained"} after ${last.step} tasks, ${seconds.toFixed(1)} s: ${paths.last}`,
        validated ? `  best meta-validation ${(100 * last.bestValidation).toFixed(1)} %: ${paths.best}` : "  not validated yet",
        `  sha256 of the parameters ${sha256}`,
        run.interrupted ? `Go on with: metaloihi train ${args.config} --out ${args.out} --resume` : `Next: metaloihi compile ${paths.best} -o bundle`,
      ].join("\n"),
    };
  } finally {
    engine.dispose();
  }
}

/** Trains each seed into OUT/seed-N: with --resume, those that are there go on, and those that are done stay as they are. */
export async function trainSeeds(args: TrainArgs): Promise<CommandResult> {
  const seeds = args.seeds ?? [];
  const wrong = seeds.find((seed) => !(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32));
  if (args.seed !== undefined || wrong !== undefined || new Set(seeds).size < seeds.length) {
    throw userError({
      code: "E-CLI-003", at: "--seeds", found: args.seed !== undefined ? "--seed beside it" : seeds.join(" "), limit: "different whole numbers, without --seed",
      hint: "--seeds 1 2 3",
    });
  }
  const runs: CommandResult[] = [];
  for (const seed of seeds) {
    const out = join(args.out, `seed-${seed}`);
    const resume = args.resume === true && existsSync(join(out, RUN_FILE.last));
    runs.push(await trainNetwork({ ...args, seeds: undefined, seed, out, resume }));
    if (runs[runs.length - 1].interrupted) break;
  }
  const best = runs.map(({ json }) => (json as { bestValidation: number | null }).bestValidation).filter((value) => value !== null);
  const { mean, std } = summary(best);
  return {
    interrupted: runs.some((run) => run.interrupted),
    json: { runs: runs.map(({ json }) => json), bestValidation: best.length === 0 ? null : { mean, std } },
    text: [
      ...runs.map(({ text }) => text), best.length === 0 ? `${runs.length} seeds: not validated yet`
        : `${best.length} seeds: best meta-validation ${mean.toFixed(1)} ± ${std.toFixed(1)} % (standard deviation between seeds)`,
      `Next: metaloihi evaluate ${join(args.out, "seed-*", RUN_FILE.best)} --split validation`,
    ].join("\n"),
  };
}

/** `train CONFIG.json`. */
export const trainCommand: CommandModule = {
  command: "train <config>",
  describe: "meta-train a network for one-shot learning by the chip's own rule",
  builder: (yargs) => yargs
    .positional("config", { type: "string", demandOption: true, describe: "configuration (JSON), or the name of a preset" })
    .options({
      out: { type: "string", requiresArg: true, default: "runs/train", describe: "folder for checkpoints and metrics" },
      resume: { type: "boolean", describe: "go on from the folder's last checkpoint, to the same bits" },
      data: { type: "string", requiresArg: true, describe: "recordings: one folder a class, N-Omniglot, or an N-MNIST folder or zip (default: those that ship with the package)" },
      seed: { type: "number", requiresArg: true, describe: "seed of everything random (default: the configuration's)", coerce: wholeNumber("seed", 0, 2 ** 32 - 1) },
      seeds: { type: "number", array: true, requiresArg: true, describe: "several seeds, one after the other, into OUT/seed-N" },
      tasks: { type: "number", requiresArg: true, describe: "tasks to train (default: the configuration's)" },
      ...cacheOption, ...engineOptions, ...jsonOption,
    })
    .example("$0 train demo --out runs/demo", "the demo's small network on the embedded recordings")
    .example("$0 train my.json --out runs/my --resume", "go on after an interrupt")
    .example("$0 train my.json --out runs/my --seeds 1 2 3", "three seeds; then evaluate runs/my/seed-*/best.mlh"),
  handler: runHandler((args) => {
    const given = args as unknown as TrainArgs;
    return given.seeds ? trainSeeds(given) : trainNetwork(given);
  }) as CommandModule["handler"],
};
