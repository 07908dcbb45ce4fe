/** A training run as the command line sees it: where its files are, resume, interrupt, progress. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { userError } from "../base/errors.js";
import { readFileBytes, writeWhole } from "../base/node/files.js";
import type { Engine } from "../engines/engine.js";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../model/checkpoint.js";
import type { TaskSource } from "../tasks/index.js";
import { resolveConfig, type ResolvedConfig } from "../train/config.js";
import { passesOf, startCheckpoint, taskOptions, train, type TrainResult } from "../train/loop.js";
import { MetricsLog } from "../train/node/metrics-log.js";
import { Progress } from "./progress.js";

/** Files of a run in its folder. */
export const RUN_FILE = { last: "last.mlh", best: "best.mlh" } as const;

export interface TrainingRun extends TrainResult {
  readonly paths: { readonly last: string; readonly best: string };
  /** Training accuracy by task, percent. */
  readonly curve: readonly { readonly task: number; readonly accuracy: number }[];
}

export interface TrainingRunOptions {
  readonly out: string;
  readonly resume: boolean;
  readonly quiet?: boolean;
  /** A checkpoint to start from instead of start weights. */
  readonly from?: Checkpoint;
  /** Overwrite the run that is in the folder; the demo's folder is its own. */
  readonly replace?: boolean;
}

/** Refuses to train over what another run left. @throws UserError E-TRAIN-005 */
export function checkRunFolder(out: string, options: { readonly resume: boolean; readonly replace?: boolean }): void {
  const last = join(out, RUN_FILE.last);
  if (options.resume || options.replace || !existsSync(last)) return;
  throw userError({
    code: "E-TRAIN-005", at: out, found: `there is a run already (${RUN_FILE.last})`, limit: "a folder without one",
    hint: "--resume to go on with it, or another --out",
  });
}

/** Tasks of a split that are drawn before anything is written. */
const PROBED_TASKS = 16;

/** Trains, with progress on stderr; Ctrl-C ends after the task at hand, with a checkpoint that resumes to the same bits.
 *  @throws UserError E-TRAIN-003 where there is nothing to resume, E-TRAIN-004 where it belongs to another configuration,
 *  E-TRAIN-005 where the folder holds a run and nobody said --resume */
export async function runTraining(
  resolved: ResolvedConfig, engine: Engine, source: TaskSource, options: TrainingRunOptions,
): Promise<TrainingRun> {
  checkRunFolder(options.out, options);
  const paths = { last: join(options.out, RUN_FILE.last), best: join(options.out, RUN_FILE.best) };
  const warn = (message: string): void => { if (!options.quiet) process.stderr.write(`warning: ${message}\n`); };
  const from = options.resume ? resumed(paths.last, resolved) : (options.from ?? await startCheckpoint(resolved, engine, source, warn));
  const best = options.resume && existsSync(paths.best) ? decodeCheckpoint(readFileBytes(paths.best), paths.best) : undefined;
  // Too few recordings show before the folder is made.
  for (const [split, purpose] of [["train", "train"], ["validation", "test"]] as const) {
    for (let number = 0; number < PROBED_TASKS; number++) {
      source.draw(split, number, taskOptions(resolved.config, passesOf(resolved.spec), purpose));
    }
  }
  const log = new MetricsLog(options.out, options.resume);
  const { tasks } = resolved.config.training;
  const progress = new Progress("trained", tasks, options.quiet);
  const curve: { task: number; accuracy: number }[] = [];
  let interrupted = false;
  const onInterrupt = (): void => { interrupted = true; };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  let validation = "";
  try {
    const result = await train(resolved, engine, source, from, best, {
      step: (done, { accuracy, loss }) => {
        curve.push({ task: done, accuracy: 100 * accuracy });
        progress.update(done, `loss ${loss.toFixed(2)}${validation}`);
      },
      validated: (row, checkpoint, isBest, spikeRates) => {
        log.add({ ...row, ...Object.fromEntries(Object.entries(spikeRates).map(([layer, rate]) => [`spikes/${layer}`, rate])) });
        writeWhole(paths.last, encodeCheckpoint(checkpoint));
        if (isBest || !existsSync(paths.best)) writeWhole(paths.best, encodeCheckpoint(checkpoint));
        validation = `  validation ${(100 * row.validation).toFixed(1)} %`;
        progress.line(`${String(row.tasks).padStart(7)} tasks  loss ${row.loss.toFixed(3)}  training ${(100 * row.accuracy).toFixed(1)} %  ` +
          `meta-validation ${(100 * row.validation).toFixed(1)} %${isBest ? "  (best)" : ""}`);
      },
      warn: (message) => progress.line(`warning: ${message}`),
      interrupted: () => interrupted,
    });
    writeWhole(paths.last, encodeCheckpoint(result.last));
    return { ...result, paths, curve };
  } finally {
    progress.done();
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

function resumed(path: string, resolved: ResolvedConfig): Checkpoint {
  if (!existsSync(path)) {
    throw userError({ code: "E-TRAIN-003", at: path, found: "there is nothing to resume", hint: "leave --resume out, or name the folder with --out" });
  }
  const checkpoint = decodeCheckpoint(readFileBytes(path), path);
  // Fields that the schema gained since then are at their defaults in both.
  if (checkpoint.config !== resolved.text && resolveConfig(JSON.parse(checkpoint.config), path).text !== resolved.text) {
    throw userError({
      code: "E-TRAIN-004", at: path, found: "it was trained with another configuration",
      hint: "the configuration it was made with, or another --out",
    });
  }
  return checkpoint;
}
