import { draw32, STREAM } from "../base/rng.js";
import type { Engine, MetaStepOptions, MetaStepResult } from "../engines/engine.js";
import type { Checkpoint, HistoryRow } from "../model/checkpoint.js";
import { freshCheckpoint } from "../model/checkpoint.js";
import { quantizeNetwork } from "../model/quantize.js";
import type { RoundingDraw } from "../model/quantize.js";
import type { NetworkSpec, Parameters, QuantizedNetwork } from "../model/types.js";
import type { TaskOptions, TaskSource } from "../tasks/types.js";
import { adamStep } from "./adam.js";
import type { ResolvedConfig, TrainConfig } from "./config.js";
import { rateFactor } from "./schedule.js";
import { loihiStartWeights, srmStartWeights } from "./start.js";

/** What a listener hears of. */
export interface TrainEvents {
  /** After every outer step. */
  readonly step?: (done: number, result: { readonly loss: number; readonly accuracy: number; readonly spikeRates: readonly number[] }) => void;
  /** After every validation; the checkpoint is a new value, ready to be written. */
  readonly validated?: (row: HistoryRow, checkpoint: Checkpoint, best: boolean) => void;
  /** Warnings for people: silent layers, losses that are not finite. */
  readonly warn?: (message: string) => void;
  /** Asked after every step; true ends training with a checkpoint that resumes to the same bits. */
  readonly interrupted?: () => boolean;
}

export interface TrainResult {
  readonly last: Checkpoint;
  readonly best: Checkpoint;
  readonly interrupted: boolean;
}

/** A layer passes on less than one spike in this many neurons and steps: as good as silent. */
const SILENT_RATE = 1e-5;
/** Rates of that many steps are averaged before a layer is called silent. */
const SILENT_STEPS = 50;

/** Options of tasks as a configuration asks for; training tasks are augmented. */
export const taskOptions = (config: TrainConfig, passes: number, purpose: "train" | "test"): TaskOptions => ({
  seed: config.seed, ways: config.data.ways, shots: config.data.shots, passes,
  queriesPerClass: purpose === "train" ? config.data.queries : config.data.testQueries,
  augmentation: purpose === "train" && (config.data.shiftPixels > 0 || config.data.dropShare > 0)
    ? { shiftPixels: config.data.shiftPixels, dropShare: config.data.dropShare } : undefined,
});

/** Options of a meta-step for task `number`: the chip's seed as the chip itself would have it. */
export const stepOptions = (config: TrainConfig, chipSeed: number, number: number): MetaStepOptions => ({
  outer: config.training.outer, ratePenalty: config.training.ratePenalty, chipSeed: draw32(chipSeed, 0, number, 0),
  inner: { rule: "gradient", ...config.training.inner },
});

/** Number of support passes of a network. */
export const passesOf = (spec: NetworkSpec): number => spec.soel?.passes ?? 1;

/** Integers of the masters for the task `number`: nearest, or stochastic by the task's own draws. */
export function quantizeFor(config: TrainConfig, spec: NetworkSpec, masters: Parameters, number: number): QuantizedNetwork {
  if (config.training.rounding === "nearest") return quantizeNetwork(spec, masters);
  const draw: RoundingDraw = (tensor, index) =>
    draw32((config.seed ^ number) >>> 0, STREAM.stochasticRounding + (tensor << 20), number, index) / 2 ** 32;
  return quantizeNetwork(spec, masters, draw);
}

/** A checkpoint with start weights. */
export async function startCheckpoint(resolved: ResolvedConfig, engine: Engine, source: TaskSource): Promise<Checkpoint> {
  const { spec, config, geometry, text } = resolved;
  const task = source.draw("train", 0, { ...taskOptions(config, passesOf(spec), "train"), augmentation: undefined, queriesPerClass: 3 });
  const make = spec.neuronModel === "loihi" ? loihiStartWeights : srmStartWeights;
  const masters = await make(spec, engine, task, config.seed);
  return freshCheckpoint(spec, geometry, masters, {
    seed: config.seed, chipSeed: draw32(config.seed, STREAM.startWeights, 0xc41b, 0), config: text, data: source.data, protocol: source.protocol,
  });
}

/** Learning rate of a tensor before the schedule: one rate for all does not do, as the units differ (design §6). */
function baseRate(config: TrainConfig, spec: NetworkSpec, tensor: string): number {
  const { learningRate: rate } = config.training;
  if (!tensor.includes(".")) return spec.soel?.learned.includes(tensor as "hi") ? rate.soel : 0;
  if (spec.neuronModel === "srm") return rate.hidden;
  if (tensor.endsWith(".bias")) return rate.bias;
  const last = spec.layers[spec.layers.length - 1].name;
  return tensor === `${last}.weight` ? rate.output : rate.hidden;
}

/** Mean query accuracy after learning on meta-validation tasks; the same tasks every time. */
export async function validate(engine: Engine, source: TaskSource, config: TrainConfig, spec: NetworkSpec, chipSeed: number): Promise<number> {
  let sum = 0;
  const { validationTasks } = config.training;
  for (let number = 0; number < validationTasks; number++) {
    const task = source.draw("validation", number, taskOptions(config, passesOf(spec), "test"));
    sum += (await engine.evaluate(task, { ...stepOptions(config, chipSeed, number), learn: true })).accuracy;
  }
  return sum / validationTasks;
}

/** Trains from a checkpoint to the configured number of tasks. The same configuration gives the same bits, however often
 *  it was interrupted and resumed, for any number of threads.
 *  @throws Error where the loss stops being finite, with the layer that is silent if there is one */
export async function train(
  resolved: ResolvedConfig, engine: Engine, source: TaskSource, from: Checkpoint, best: Checkpoint | undefined, events: TrainEvents = {},
): Promise<TrainResult> {
  const { config, spec } = resolved;
  const { tasks, metaBatch, schedule, epochTasks, validateEvery } = config.training;
  let [masters, optimizer, step] = [from.masters, from.optimizer, from.step];
  let history = from.history;
  let bestCheckpoint = best ?? from;
  let bestValidation = from.bestValidation;
  // Sums since the last row of the curve go with the checkpoint, so that a resumed run writes the same rows.
  const since = { ...from.since };
  const rates = new RateWatch(spec, events.warn);
  const snapshot = (): Checkpoint => ({
    ...from, masters, optimizer, step, history, bestValidation, since: { ...since }, quantized: quantizeFor(config, spec, masters, step),
  });
  while (step < tasks) {
    const results: MetaStepResult[] = [];
    engine.setParameters(masters, quantizeFor(config, spec, masters, step));
    for (let k = 0; k < metaBatch && step < tasks; k++, step++) {
      const task = source.draw("train", step, taskOptions(config, passesOf(spec), "train"));
      const result = await engine.metaStep(task, stepOptions(config, from.chipSeed, step));
      if (!Number.isFinite(result.loss)) {
        throw new Error(`the loss of task ${step} is ${result.loss}; ${rates.describe(result.spikeRates)}`);
      }
      results.push(result);
      rates.see(result.spikeRates);
      since.loss += result.loss;
      since.accuracy += result.accuracy;
      since.steps++;
    }
    const factor = rateFactor(schedule, step - results.length, tasks, epochTasks);
    const updates = Math.ceil(step / metaBatch);
    const stepped = adamStep(masters, meanGradients(results), optimizer, updates, (name) => factor * baseRate(config, spec, name));
    masters = clampScalars(spec, stepped.masters);
    optimizer = stepped.state;
    const mean = results[results.length - 1];
    events.step?.(step, mean);
    const atRow = Math.floor(step / validateEvery) > Math.floor((step - results.length) / validateEvery) || step >= tasks;
    if (atRow) {
      engine.setParameters(masters, quantizeNetwork(spec, masters));
      const validation = await validate(engine, source, config, spec, from.chipSeed);
      const row = { tasks: step, loss: since.loss / since.steps, accuracy: since.accuracy / since.steps, validation };
      [since.loss, since.accuracy, since.steps] = [0, 0, 0];
      history = [...history, row];
      const improved = validation > bestValidation;
      if (improved) bestValidation = validation;
      const checkpoint = { ...snapshot(), quantized: quantizeNetwork(spec, masters) };
      if (improved) bestCheckpoint = checkpoint;
      events.validated?.(row, checkpoint, improved);
    }
    // Engines may work in one go: without a turn of the event loop a signal would never be heard.
    await new Promise((resolve) => setImmediate(resolve));
    if (step < tasks && events.interrupted?.()) return { last: snapshot(), best: bestCheckpoint, interrupted: true };
  }
  return { last: { ...snapshot(), quantized: quantizeNetwork(spec, masters) }, best: bestCheckpoint, interrupted: false };
}

function meanGradients(results: readonly MetaStepResult[]): MetaStepResult["gradients"] {
  if (results.length === 1) return results[0].gradients;
  const out: Record<string, Float64Array> = {};
  for (const { gradients } of results) {
    for (const [name, g] of Object.entries(gradients)) {
      out[name] ??= new Float64Array(g.length);
      for (let i = 0; i < g.length; i++) out[name][i] += g[i] / results.length;
    }
  }
  return out;
}

/** Learned scalars stay where the chip can follow: θ ≥ 1 and a positive rate. */
function clampScalars(spec: NetworkSpec, masters: Parameters): Parameters {
  if (!spec.soel || spec.soel.learned.length === 0) return masters;
  return {
    ...masters,
    theta: masters.theta.map((x) => Math.max(1, x)), rho: masters.rho.map((x) => Math.max(2 ** -7, x)),
    hi: masters.hi.map((x) => Math.max(1, x)), lo: masters.lo.map((x) => Math.max(0, x)),
  };
}

/** Watches spike rates, so that a dead layer is named while it can still be helped. */
class RateWatch {
  private sums: number[] = [];
  private steps = 0;
  private readonly told = new Set<string>();

  constructor(private readonly spec: NetworkSpec, private readonly warn?: (message: string) => void) {}

  private names(count: number): readonly string[] {
    const { layers } = this.spec;
    return (count === layers.length ? layers : layers.filter((l) => l.kind !== "pool")).map((l) => l.name);
  }

  describe(rates: readonly number[]): string {
    return `spike rates: ${this.names(rates.length).map((name, k) => `${name} ${rates[k].toPrecision(2)}`).join(", ")}`;
  }

  see(rates: readonly number[]): void {
    rates.forEach((rate, k) => { this.sums[k] = (this.sums[k] ?? 0) + rate; });
    if (++this.steps % SILENT_STEPS !== 0) return;
    const names = this.names(rates.length);
    this.sums.forEach((sum, k) => {
      if (k === rates.length - 1 || sum / SILENT_STEPS > SILENT_RATE || this.told.has(names[k])) return;
      this.told.add(names[k]);
      this.warn?.(`layer "${names[k]}" is silent (rate ${(sum / SILENT_STEPS).toPrecision(2)}): lower its threshold or its learning rate`);
    });
    this.sums = [];
  }
}
