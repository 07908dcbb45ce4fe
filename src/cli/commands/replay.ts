import { join } from "node:path";
import type { CommandModule } from "yargs";
import { userError } from "../../base/errors.js";
import { writeWhole } from "../../base/node/files.js";
import { createEngine, type EngineName } from "../../engines/create.js";
import type { Engine } from "../../engines/engine.js";
import { type Checkpoint, decodeCheckpoint } from "../../model/checkpoint.js";
import { type Certificate, formatDifference, makeCertificate } from "../../parity/certificate.js";
import { predictRun } from "../../parity/predict-run.js";
import type { TaskReplay } from "../../replay/replay-task.js";
import { encodeTrace } from "../../replay/trace-file.js";
import { buildReport } from "../report/build-report.js";
import { renderReport } from "../../report/render-report.js";
import type { Task, TaskSource } from "../../tasks/types.js";
import { resolveConfig, type ResolvedConfig, type TrainConfig } from "../../train/config.js";
import { taskOptions } from "../../train/loop.js";
import { BUNDLE_PART, type Bundle } from "../bundle.js";
import { checkCount } from "../check-count.js";
import { certifiedHashes, openBundle } from "../open-bundle.js";
import { sourceOf } from "../config-source.js";
import { cacheOption } from "../data-place.js";
import { engineOptions, jsonOption } from "../options.js";
import { Progress } from "../progress.js";
import { type ComparedReplay, describeAccuracy, replayWithComparisons } from "../replay-with-comparisons.js";
import { type CommandResult, runHandler } from "../run.js";
import { sourceFits } from "../task-source.js";

export interface ReplayArgs {
  readonly bundle: string;
  readonly tasks: number;
  readonly queries?: number;
  readonly seed?: number;
  readonly program: "typed" | "x86";
  readonly engine?: EngineName;
  readonly threads?: number;
  readonly data?: string;
  /** Folder of recordings made ready; false keeps none. */
  readonly cache?: string | false;
  /** Meta-validation tasks on which the rate of the comparison "one float gradient step" is chosen. */
  readonly rateTasks?: number;
  readonly trace?: string;
  readonly report?: string;
  readonly json?: boolean;
}

/** What the embedded recordings are, for reports. */
const RECORDINGS = "N-MNIST, Orchard et al. 2015, CC BY-SA 4.0";

/** Replays meta-test tasks of a bundle on the simulated chip, beside every comparison, and in parity with the engine.
 *  @throws UserError E-REPLAY-001 (no checkpoint), E-REPLAY-002 (no recordings fit the input contract) */
export async function replayBundle(args: ReplayArgs): Promise<CommandResult> {
  const started = performance.now();
  checkCount("--tasks", args.tasks);
  checkCount("--queries", args.queries);
  const bundle = openBundle(args.bundle);
  const checkpoint = checkpointOf(bundle);
  const resolved = resolveConfig(JSON.parse(checkpoint.config), join(bundle.path, BUNDLE_PART.checkpoint));
  const { config } = resolved;
  const source = await fittingSource(bundle, resolved, args);
  const { engine, notice } = await createEngine(checkpoint.spec, { engine: args.engine, threads: args.threads });
  if (notice) process.stderr.write(`${notice}\n`);
  try {
    const compared = await run(args, bundle, checkpoint, config, source, engine);
    const certificate = certificateOf(args, bundle, config, source, engine, compared);
    if (args.report) writeReport(args, bundle, checkpoint, config, engine, compared, certificate);
    return resultOf(args, source, engine, compared, certificate, (performance.now() - started) / 1000);
  } finally {
    engine.dispose();
  }
}

function checkpointOf(bundle: Bundle): Checkpoint {
  const bytes = bundle.files[BUNDLE_PART.checkpoint];
  if (!bytes) {
    throw userError({
      code: "E-REPLAY-001", at: bundle.path, found: `no ${BUNDLE_PART.checkpoint}: the engine has nothing to predict the run from`,
      hint: "compile again, or classify recordings of your own with `teach` and `classify`",
    });
  }
  return decodeCheckpoint(bytes, join(bundle.path, BUNDLE_PART.checkpoint));
}

async function fittingSource(bundle: Bundle, resolved: ResolvedConfig, { data, cache }: ReplayArgs): Promise<TaskSource> {
  const source = await sourceOf(resolved, data, { cache });
  const { contract } = bundle.image;
  if (sourceFits(source, contract)) return source;
  throw userError({
    code: "E-REPLAY-002", at: bundle.path,
    found: `its input is [${contract.steps}, ${contract.shape}] at ${contract.timestepUs} µs, and ${source.name} gives [${source.shape}] at ${source.timestepUs} µs`,
    hint: "the recordings that the network was trained for with --data, or `verify` without it, which runs on noise",
  });
}

async function run(
  args: ReplayArgs, bundle: Bundle, checkpoint: Checkpoint, config: TrainConfig, source: TaskSource, engine: Engine,
): Promise<ComparedReplay> {
  const { image } = bundle;
  const base = taskOptions(config, image.contract.passes, "test");
  const progress = new Progress("replayed", args.tasks, args.json === true && process.stderr.isTTY !== true);
  const compared = await replayWithComparisons({
    image, checkpoint, config, engine, source, split: "test", program: args.program, rateTasks: args.rateTasks,
    tasks: Array.from({ length: args.tasks }, (_, n) => n),
    options: { ...base, ways: image.contract.outputs, seed: args.seed ?? base.seed, queriesPerClass: args.queries ?? base.queriesPerClass },
    progress: (done, { after }) => progress.update(done, `last task ${after.toFixed(0)} %`),
    visit: async (task, replay) => { if (args.trace && task.number === 0) await writeTraces(args.trace, bundle, engine, task, replay); },
  });
  progress.done();
  return compared;
}

/** `FILE`: what the simulated chip did in the first task; `FILE.engine`: what the engine says it does. */
async function writeTraces(path: string, bundle: Bundle, engine: Engine, task: Task, replay: TaskReplay): Promise<void> {
  const layerNames = bundle.image.layers.map((l) => l.name);
  const about = { layerNames, chipSeed: replay.chipSeed };
  const predicted = await predictRun(engine, task, bundle.image.chipSeed, { before: false });
  writeWhole(path, encodeTrace({ ...about, source: "simulator", presentations: replay.after.traces }, bundle.hashes));
  writeWhole(`${path}.engine`, encodeTrace({ ...about, source: `engine ${engine.name}`, presentations: predicted.after }, bundle.hashes));
}

function certificateOf(
  args: ReplayArgs, bundle: Bundle, config: TrainConfig, source: TaskSource, engine: Engine, compared: ComparedReplay,
): Certificate {
  return makeCertificate({
    comparison: compared.comparison, engine: engine.name, programs: [args.program], data: source.data, source: source.name,
    protocol: source.protocol, split: "meta-test", tasks: compared.comparedTasks, taskSeed: args.seed ?? config.seed,
    chipSeed: bundle.image.chipSeed, hashes: certifiedHashes(bundle),
    resetPreTrace: bundle.image.cores.every((core) => core.learning === null || core.learning.resetPreTrace),
  });
}

function writeReport(
  args: ReplayArgs, bundle: Bundle, checkpoint: Checkpoint, config: TrainConfig, engine: Engine, compared: ComparedReplay, certificate: Certificate,
): void {
  writeWhole(args.report as string, renderReport(buildReport({
    title: `${bundle.image.name}, replayed on the simulated chip`, image: bundle.image, checkpoint, ...compared, certificate,
    engine: engine.name, source: RECORDINGS, split: "meta-test", ways: bundle.image.contract.outputs, shots: config.data.shots,
    commands: [
      { what: "hold trainer and chip against each other again", line: `npx metaloihi verify ${args.bundle}` },
      { what: "teach the chip a class of your own", line: `npx metaloihi teach ${args.bundle} --class NAME=FILE -o taught` },
    ],
  })));
}

function resultOf(
  args: ReplayArgs, source: TaskSource, engine: Engine, compared: ComparedReplay, certificate: Certificate, seconds: number,
): CommandResult {
  const { result, floors, comparison } = compared;
  const { differences, first, compared: counts } = comparison;
  return {
    json: {
      accuracy: result.accuracy, floors, perTask: result.perTask, data: source.data, protocol: source.protocol, engine: engine.name,
      program: args.program, seconds, certificate, report: args.report,
      parity: { differences, spikes: counts.spikes, weights: counts.weights, first, compared: counts },
    },
    text: [
      `${args.tasks} meta-test tasks on the simulated chip (${source.data} recordings, ${source.name}, protocol ${source.protocol}; ` +
      `not silicon), ${seconds.toFixed(1)} s:`,
      describeAccuracy(compared), ...(first ? [`  first difference: ${formatDifference(first)}`] : []),
      ...(args.trace ? [`Written: ${args.trace} and ${args.trace}.engine`] : []), ...(args.report ? [`Written: ${args.report}`] : []),
    ].join("\n"),
    failed: certificate.verdict !== "equal",
  };
}

/** `replay BUNDLE`. */
export const replayCommand: CommandModule = {
  command: "replay <bundle>",
  describe: "run one-shot learning of meta-test classes on the simulated chip, beside its comparisons and the engine",
  builder: (yargs) => yargs
    .positional("bundle", { type: "string", demandOption: true, describe: "folder that compile made" })
    .options({
      tasks: { type: "number", default: 20, describe: "tasks of meta-test classes" },
      queries: { type: "number", describe: "queries a class (default: as the network's configuration has it)" },
      seed: { type: "number", describe: "seed of the sequence of tasks (default: the configuration's)" },
      program: { choices: ["typed", "x86"] as const, default: "typed", describe: "form of the embedded program to run" },
      data: { type: "string", describe: "recordings, as train takes them (default: those that ship with the package)" },
      ...cacheOption,
      trace: { type: "string", describe: "write the first task's trace to FILE, and the engine's prediction to FILE.engine" },
      report: { type: "string", describe: "write a report page to FILE.html" },
      ...engineOptions, ...jsonOption,
    })
    .example("$0 replay out/bundle", "20 tasks, with parity and all comparisons")
    .example("$0 replay out/bundle --tasks 5 --program x86", "the embedded program as machine code on an emulated x86")
    .example("$0 replay out/bundle --tasks 1 --trace chip.trace --report replay.html", "a trace for diff, and a page to look at"),
  handler: runHandler((args) => replayBundle(args as unknown as ReplayArgs)) as CommandModule["handler"],
};
