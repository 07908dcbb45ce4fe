/** The main job from end to end: recordings → tasks → meta-training → compiler → replay on the simulated chip → report. */
import { join } from "node:path";
import { compileNetwork } from "../../compiler/pipeline.js";
import { estimatePlaced } from "../../compiler/estimate.js";
import { readFileBytes } from "../base/node/files.js";
import { assetPath } from "../base/node/package-root.js";
import { createEngine, type EngineName } from "../engines/create.js";
import type { Engine } from "../engines/engine.js";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../model/checkpoint.js";
import { type Certificate, makeCertificate } from "../parity/certificate.js";
import { renderReport } from "../report/render-report.js";
import type { TaskSource } from "../tasks/index.js";
import { resolveConfig, type ResolvedConfig } from "../train/config.js";
import { taskOptions } from "../train/loop.js";
import { BUNDLE_PART, readBundle, type Bundle, writeBundle } from "./bundle.js";
import { compiledParts } from "./compiled-parts.js";
import { certifiedHashes } from "./open-bundle.js";
import { Progress } from "./progress.js";
import { buildReport } from "./report/build-report.js";
import { type ComparedReplay, replayWithComparisons } from "./replay-with-comparisons.js";
import { doubleNmnistSource } from "./task-source.js";
import { runTraining } from "./training-run.js";

export interface DemoArgs {
  readonly quick?: boolean;
  readonly pretrained?: boolean;
  readonly out: string;
  readonly seed: number;
  readonly engine?: EngineName;
  readonly threads?: number;
  readonly data?: string;
  readonly json?: boolean;
  /** Other numbers than those of the full or the quick demo. */
  readonly budget?: DemoBudget;
}

export interface DemoBudget {
  readonly train: number;
  readonly test: number;
  readonly validateEvery: number;
  readonly validationTasks: number;
}

/** How much the demo does: fixed numbers, so that a seed gives the same bits again. */
const BUDGET = {
  full: { train: 1350, test: 30, validateEvery: 300, validationTasks: 12 },
  quick: { train: 220, test: 6, validateEvery: 110, validationTasks: 6 },
} as const;
const RECORDINGS = "N-MNIST, Orchard et al. 2015, CC BY-SA 4.0";

export interface DemoOutcome {
  readonly seconds: number;
  readonly engine: string;
  readonly tasks: { readonly trained: number; readonly tested: number };
  readonly compared: ComparedReplay;
  readonly certificate: Certificate;
  readonly bundle: string;
  readonly report: string;
  readonly data: "real" | "simulated";
  readonly protocol: string;
  readonly cores: number;
  readonly budget: "full" | "quick";
  /** The checkpoint came with the package. */
  readonly pretrained: boolean;
}

/** Runs the demo. What it trained is what is compiled and replayed. */
export async function runDemo(args: DemoArgs, say: (line: string) => void): Promise<DemoOutcome> {
  const started = performance.now();
  const budget = args.budget ?? BUDGET[args.quick ? "quick" : "full"];
  const resolved = demoConfig(args.seed, budget);
  const source = await doubleNmnistSource(args.data, "B", {}, { variants: resolved.config.data.variants, seed: args.seed });
  const { engine, notice } = await createEngine(resolved.spec, { engine: args.engine, threads: args.threads });
  if (notice) say(notice);
  try {
    say(`1  recordings  ${source.name}: real event-camera recordings (${RECORDINGS}), protocol ${source.protocol}; ` +
      `${source.classes("train").length} classes to train on, ${source.classes("test").length} never seen before the end`);
    const trained = args.pretrained ? pretrained() : await trainDemo(resolved, engine, source, args, say);
    const bundle = compileDemo(trained.checkpoint, args.out, say);
    const compared = await replayDemo(bundle, trained.checkpoint, engine, source, resolved, budget.test, args, say);
    const certificate = certify(bundle, source, engine, resolved, compared);
    const seconds = (performance.now() - started) / 1000;
    const report = writeReport(bundle, trained, compared, certificate, engine, args, seconds);
    return {
      seconds, engine: engine.name, tasks: { trained: trained.checkpoint.step, tested: budget.test }, compared, certificate, budget: args.quick ? "quick" : "full",
      pretrained: args.pretrained === true,
      bundle: bundle.path, report, data: source.data, protocol: source.protocol, cores: bundle.image.cores.length,
    };
  } finally {
    engine.dispose();
  }
}

/** The demo's network and budget for a seed. */
export function demoConfig(seed: number, budget: DemoBudget): ResolvedConfig {
  const { train: tasks, validateEvery, validationTasks } = budget;
  return resolveConfig({ name: "demo", preset: "demo", seed, data: { variants: { count: 8 } }, training: { tasks, validateEvery, validationTasks } });
}

interface Trained {
  readonly checkpoint: Checkpoint;
  readonly curve?: readonly { readonly task: number; readonly accuracy: number }[];
}

function pretrained(): Trained {
  const path = assetPath("pretrained.mlh");
  return { checkpoint: decodeCheckpoint(readFileBytes(path), path) };
}

async function trainDemo(resolved: ResolvedConfig, engine: Engine, source: TaskSource, args: DemoArgs, say: (line: string) => void): Promise<Trained> {
  const { tasks } = resolved.config.training;
  say(`2  meta-train  ${tasks} tasks through the chip's arithmetic and its learning rule, engine ${engine.name}, ${engine.threads} threads`);
  const run = await runTraining(resolved, engine, source, { out: join(args.out, "train"), resume: false, replace: true, quiet: args.json === true });
  if (run.interrupted) throw new Error(`interrupted; the checkpoint is ${run.paths.last}`);
  return { checkpoint: run.last, curve: run.curve };
}

function compileDemo(checkpoint: Checkpoint, out: string, say: (line: string) => void): Bundle {
  const path = join(out, "bundle");
  const compilation = compileNetwork(checkpoint.quantized, checkpoint.geometry, { chipSeed: checkpoint.chipSeed });
  writeBundle(path, compiledParts(compilation, estimatePlaced(compilation.placed), encodeCheckpoint(checkpoint)));
  const seconds = compilation.passes.reduce((sum, p) => sum + p.milliseconds, 0) / 1000;
  say(`3  compile     ${compilation.image.cores.length} cores of one chip, learning microcode, SOEL program for the x86 core: ${seconds.toFixed(1)} s`);
  return readBundle(path);
}

async function replayDemo(
  bundle: Bundle, checkpoint: Checkpoint, engine: Engine, source: TaskSource, resolved: ResolvedConfig, count: number,
  args: DemoArgs, say: (line: string) => void,
): Promise<ComparedReplay> {
  say(`4  replay      ${count} tasks of classes never trained on, on the simulated chip, each class learned from one recording`);
  const progress = new Progress("replayed", count, args.json === true);
  const compared = await replayWithComparisons({
    image: bundle.image, checkpoint, config: resolved.config, engine, source, split: "test", program: "typed",
    tasks: Array.from({ length: count }, (_, n) => n), options: taskOptions(resolved.config, bundle.image.contract.passes, "test"),
    progress: (done) => progress.update(done),
  });
  progress.done();
  return compared;
}

function certify(bundle: Bundle, source: TaskSource, engine: Engine, resolved: ResolvedConfig, compared: ComparedReplay): Certificate {
  return makeCertificate({
    comparison: compared.comparison, engine: engine.name, programs: ["typed"], data: source.data, source: source.name,
    protocol: source.protocol, split: "meta-test", tasks: compared.comparedTasks, taskSeed: resolved.config.seed,
    chipSeed: bundle.image.chipSeed, hashes: certifiedHashes(bundle),
    resetPreTrace: bundle.image.cores.every((core) => core.learning === null || core.learning.resetPreTrace),
  });
}

function writeReport(
  bundle: Bundle, trained: Trained, compared: ComparedReplay, certificate: Certificate, engine: Engine, args: DemoArgs, seconds: number,
): string {
  const { image, path } = bundle;
  const { config } = resolveConfig(JSON.parse(trained.checkpoint.config));
  const page = renderReport(buildReport({
    title: "A simulated Loihi chip learns two-digit numbers from one recording each", image, checkpoint: trained.checkpoint, ...compared,
    certificate, engine: engine.name, source: RECORDINGS, split: "meta-test", ways: image.contract.outputs, shots: config.data.shots, seconds,
    training: trained.curve,
    commands: [
      { what: "hold trainer and chip against each other again", line: `npx metaloihi verify ${path}` },
      { what: "teach the chip a class of your own", line: `npx metaloihi teach ${path} --class wave=wave.bin -o taught` },
      { what: "ask it", line: "npx metaloihi classify taught another.bin" },
    ],
  }));
  writeBundle(path, { ...bundle.files, [BUNDLE_PART.report]: new TextEncoder().encode(page) });
  return join(args.out, "bundle", BUNDLE_PART.report);
}
