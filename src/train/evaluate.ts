import type { Engine, MetaStepOptions } from "../engines/engine.js";
import { quantizeNetwork } from "../model/quantize.js";
import type { NetworkSpec, Parameters } from "../model/types.js";
import type { Split, Task, TaskSource } from "../tasks/types.js";
import type { TrainConfig } from "./config.js";
import { passesOf, stepOptions, taskOptions } from "./loop.js";
import { framesAccuracy, prototypeAccuracy } from "./prototypes.js";
import { summary } from "./statistics.js";

/** Comparisons on the same tasks. Source: design §5. */
export interface Floors {
  readonly chance: number;
  /** Nearest prototype on summed input frames. */
  readonly frames: number;
  /** Nearest prototype on the same network's last hidden spike counts. */
  readonly features: number;
  /** The same network after one float gradient step of the last layer. */
  readonly gradientStep: number;
}

export interface EvaluationReport {
  readonly tasks: number;
  readonly split: Split;
  readonly before: { readonly mean: number; readonly ci95: number };
  readonly accuracy: { readonly mean: number; readonly std: number; readonly ci95: number };
  /** Standard deviation of the means of ten equal parts: the paper's way. */
  readonly stdOfTenMeans: number;
  readonly floors: Floors;
  readonly floorsCi95: { readonly frames: number; readonly features: number; readonly gradientStep: number };
  readonly loss: number;
  /** Share of queries that a tie decided, and of those without any output spike. */
  readonly ties: number;
  readonly silent: number;
  /** Share of triggered products that floor to 0 or −1. */
  readonly productsLost: number;
  /** Accuracy by the place at which a class was shown in the support; empty for srm networks, which learn from all at once. */
  readonly byPosition: readonly number[];
  readonly spikeRates: readonly number[];
  readonly gradientStepRate: number;
}

/** Rates that the float step is tried with on meta-validation; the best one is used. */
export const GRADIENT_STEP_RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1] as const;

/** Best rate of the float gradient step on meta-validation tasks. */
export async function chooseGradientStepRate(
  engine: Engine, source: TaskSource, config: TrainConfig, spec: NetworkSpec, chipSeed: number, tasks = 8, inner?: Parameters,
): Promise<number> {
  const scores = GRADIENT_STEP_RATES.map(() => 0);
  for (let number = 0; number < tasks; number++) {
    const task = source.draw("validation", number, taskOptions(config, passesOf(spec), "test"));
    for (let k = 0; k < scores.length; k++) {
      scores[k] += await engine.gradientStepAccuracy(task, { ...stepOptions(config, chipSeed, number, inner), rate: GRADIENT_STEP_RATES[k] });
    }
  }
  return GRADIENT_STEP_RATES[scores.indexOf(Math.max(...scores))];
}

/** The same options with spikes counted over the whole sample: without learning, a burn-in changes nothing but that. */
const wholeSample = (step: MetaStepOptions): MetaStepOptions =>
  (step.inner ? { ...step, inner: { ...step.inner, burnIn: 0, truncation: undefined } } : step);

/** Evaluates parameters on tasks 0…n−1 of a split, with every comparison on the same tasks. */
export async function evaluateTasks(
  engine: Engine, source: TaskSource, config: TrainConfig, spec: NetworkSpec, masters: Parameters, chipSeed: number,
  options: { readonly split: Split; readonly tasks: number; readonly progress?: (done: number) => void; readonly inner?: Parameters },
): Promise<EvaluationReport> {
  const { inner } = options;
  engine.setParameters(masters, quantizeNetwork(spec, masters));
  const rate = await chooseGradientStepRate(engine, source, config, spec, chipSeed, 8, inner);
  const columns = { before: [] as number[], after: [] as number[], frames: [] as number[], features: [] as number[], step: [] as number[] };
  let [loss, ties, silent, queries, triggered, lost] = [0, 0, 0, 0, 0, 0];
  const positions: { right: number; all: number }[] = [];
  let spikeRates: readonly number[] = [];
  for (let number = 0; number < options.tasks; number++) {
    const task = source.draw(options.split, number, taskOptions(config, passesOf(spec), "test"));
    const step = stepOptions(config, chipSeed, number, inner);
    const before = await engine.evaluate(task, { ...wholeSample(step), learn: false });
    const after = await engine.evaluate(task, { ...step, learn: true });
    columns.before.push(before.accuracy);
    columns.after.push(after.accuracy);
    columns.frames.push(framesAccuracy(task));
    // What the network was before it learned: an srm network's inner loop may change every layer, the chip's only the last.
    const { features } = spec.neuronModel === "srm" ? before : after;
    columns.features.push(prototypeAccuracy(task, features, features.length / (task.support.length + task.query.length)));
    columns.step.push(await engine.gradientStepAccuracy(task, { ...step, rate }));
    loss += after.loss;
    ties += after.ties;
    silent += after.silent;
    queries += task.query.length;
    triggered += after.products?.triggered ?? 0;
    lost += after.products?.lost ?? 0;
    if (spec.neuronModel === "loihi") countPositions(task, after.decisions, positions);
    spikeRates = after.spikeRates;
    options.progress?.(number + 1);
  }
  const accuracy = summary(columns.after);
  const tenth = Math.floor(options.tasks / 10);
  const means = tenth > 0 ? Array.from({ length: 10 }, (_, k) => summary(columns.after.slice(k * tenth, (k + 1) * tenth)).mean) : [];
  return {
    tasks: options.tasks, split: options.split, accuracy, before: summary(columns.before), stdOfTenMeans: summary(means).std,
    floors: {
      chance: 1 / config.data.ways, frames: summary(columns.frames).mean, features: summary(columns.features).mean,
      gradientStep: summary(columns.step).mean,
    },
    floorsCi95: {
      frames: summary(columns.frames).ci95, features: summary(columns.features).ci95, gradientStep: summary(columns.step).ci95,
    },
    loss: loss / options.tasks, ties: ties / queries, silent: silent / queries, productsLost: triggered > 0 ? lost / triggered : 0,
    byPosition: positions.map(({ right, all }) => right / all), spikeRates, gradientStepRate: rate,
  };
}

/** Adds each query to the place at which its class was shown last in the support. */
function countPositions(task: Task, decisions: readonly number[], positions: { right: number; all: number }[]): void {
  const place = new Map<number, number>();
  const lastPass = task.presentation.slice(-task.support.length);
  lastPass.forEach((sample, k) => place.set(task.supportLabels[sample], k));
  task.queryLabels.forEach((label, q) => {
    const k = place.get(label) ?? 0;
    positions[k] ??= { right: 0, all: 0 };
    positions[k].all++;
    if (decisions[q] === label) positions[k].right++;
  });
}
