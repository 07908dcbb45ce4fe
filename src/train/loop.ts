import { draw32, STREAM } from "../base/rng.js";
import { createEngine } from "../engines/create.js";
import type { Engine, Gradients, MetaStepOptions, MetaStepResult } from "../engines/engine.js";
import type { Checkpoint, HistoryRow } from "../model/checkpoint.js";
import { freshCheckpoint } from "../model/checkpoint.js";
import { scaled } from "../model/start-weights.js";
import { quantizeNetwork } from "../model/quantize.js";
import type { RoundingDraw } from "../model/quantize.js";
import type { NetworkSpec, Parameters, QuantizedNetwork } from "../model/types.js";
import type { Task, TaskOptions, TaskSource } from "../tasks/types.js";
import { adamStep } from "./adam.js";
import type { ResolvedConfig, TrainConfig } from "./config.js";
import { clampInner, INNER_PREFIX, innerGradients, innerLoop, innerOf, startInner } from "./inner-state.js";
import { lsuvWeights } from "./lsuv.js";
import { RateWatch, silentLayers } from "./rate-watch.js";
import { rateFactor } from "./schedule.js";
import { loihiStartWeights, srmStartWeights } from "./start.js";

/** What a listener hears of. */
export interface TrainEvents {
  /** After every outer step. */
  readonly step?: (done: number, result: { readonly loss: number; readonly accuracy: number; readonly spikeRates: readonly number[] }) => void;
  /** After every validation; the checkpoint is a new value, ready to be written; mean spikes a neuron and step by layer. */
  readonly validated?: (row: HistoryRow, checkpoint: Checkpoint, best: boolean, spikeRates: Readonly<Record<string, number>>) => void;
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

/** Options of tasks as a configuration asks for; training tasks are augmented. */
export const taskOptions = (config: TrainConfig, passes: number, purpose: "train" | "test"): TaskOptions => ({
  seed: config.seed, ways: config.data.ways, shots: config.data.shots, passes,
  queriesPerClass: purpose === "train" ? config.data.queries : config.data.testQueries,
  augmentation: purpose === "train" && (config.data.shiftPixels > 0 || config.data.dropShare > 0 || config.data.variants !== undefined)
    ? { shiftPixels: config.data.shiftPixels, dropShare: config.data.dropShare } : undefined,
});

/** Options of a meta-step for task `number`: the chip's seed as the chip itself would have it.
 *  @param learned  what was learned of the inner loop (checkpoint.inner) */
export const stepOptions = (config: TrainConfig, chipSeed: number, number: number, learned?: Parameters): MetaStepOptions => ({
  outer: config.training.outer, ratePenalty: config.training.ratePenalty, chipSeed: draw32(chipSeed, 0, number, 0),
  inner: innerLoop(config, learned), roundingSeed: draw32(config.seed, STREAM.stochasticRounding, number, 0),
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

/** A checkpoint with start weights. @param warn  told of layers that no start weight wakes */
export async function startCheckpoint(
  resolved: ResolvedConfig, engine: Engine, source: TaskSource, warn?: (message: string) => void,
): Promise<Checkpoint> {
  const { spec, config, geometry, text } = resolved;
  const task = source.draw("train", 0, { ...taskOptions(config, passesOf(spec), "train"), augmentation: undefined, queriesPerClass: 3 });
  const masters = await startWeights(resolved, engine, task);
  if (warn) {
    engine.setParameters(masters, quantizeNetwork(spec, masters));
    const { spikeRates } = await engine.evaluate(task, { outer: "maml", chipSeed: 1, learn: false });
    for (const { message } of silentLayers(spec, spikeRates)) warn(`at the start, ${message}`);
  }
  const inner = startInner(config, spec);
  return {
    ...freshCheckpoint(spec, geometry, masters, {
      seed: config.seed, chipSeed: draw32(config.seed, STREAM.startWeights, 0xc41b, 0), config: text, data: source.data, protocol: source.protocol,
    }),
    ...(inner ? { inner } : {}),
  };
}

async function startWeights({ spec, config }: ResolvedConfig, engine: Engine, task: Task): Promise<Parameters> {
  const { start } = config.training;
  if (spec.neuronModel === "loihi") return loihiStartWeights(spec, engine, task, config.seed, start === "orthogonal" ? "orthogonal" : "gaussian");
  const last = spec.layers[spec.layers.length - 1].name;
  const quiet = (masters: Parameters): Parameters =>
    [`${last}.weight`, `${last}.bias`].reduce((all, name) => scaled(all, name, config.training.outputScale), masters);
  if (start === "gaussian") return quiet(await srmStartWeights(spec, engine, task, config.seed));
  const make = async (part: NetworkSpec): Promise<Engine> => (await createEngine(part, { engine: engine.name, threads: engine.threads })).engine;
  return quiet((await lsuvWeights(spec, make, task, config.seed)).masters);
}

/** Learning rate of a tensor before the schedule: one rate for all does not do, as the units differ (design §6). */
function baseRate(config: TrainConfig, spec: NetworkSpec, tensor: string): number {
  const { learningRate: rate } = config.training;
  if (tensor.startsWith(INNER_PREFIX)) return rate.inner;
  if (!tensor.includes(".")) return spec.soel?.learned.includes(tensor as "hi") ? rate.soel : 0;
  if (spec.neuronModel === "srm") return rate.hidden;
  if (tensor.endsWith(".bias")) return rate.bias;
  const last = spec.layers[spec.layers.length - 1].name;
  return tensor === `${last}.weight` ? rate.output : rate.hidden;
}

/** Mean query accuracy after learning on meta-validation tasks; the same tasks every time. */
export async function validate(
  engine: Engine, source: TaskSource, config: TrainConfig, spec: NetworkSpec, chipSeed: number, inner?: Parameters,
): Promise<number> {
  let sum = 0;
  const { validationTasks } = config.training;
  for (let number = 0; number < validationTasks; number++) {
    const task = source.draw("validation", number, taskOptions(config, passesOf(spec), "test"));
    sum += (await engine.evaluate(task, { ...stepOptions(config, chipSeed, number, inner), learn: true, onWrap: config.training.onWrap })).accuracy;
  }
  return sum / validationTasks;
}

/** Trains from a checkpoint to the configured number of tasks. The same configuration gives the same bits, however often
 *  it was interrupted and resumed, for any number of threads.
 *  @throws UserError E-TRAIN-002 where loss or gradient stop being finite: in which layer, and every layer's spike rate */
export async function train(
  resolved: ResolvedConfig, engine: Engine, source: TaskSource, from: Checkpoint, best: Checkpoint | undefined, events: TrainEvents = {},
): Promise<TrainResult> {
  const { config, spec } = resolved;
  const { tasks, metaBatch, schedule, epochTasks, validateEvery } = config.training;
  let [masters, inner, optimizer, step] = [from.masters, from.inner, from.optimizer, from.step];
  let history = from.history;
  let bestCheckpoint = best ?? from;
  let bestValidation = from.bestValidation;
  // Sums since the last row of the curve go with the checkpoint, so that a resumed run writes the same rows.
  const since = { ...from.since };
  const rates = new RateWatch(spec, events.warn);
  const snapshot = (): Checkpoint => ({
    ...from, masters, ...(inner ? { inner } : {}), optimizer, step, history, bestValidation, since: { ...since }, quantized: quantizeFor(config, spec, masters, step),
  });
  const draw = (number: number): Task => source.draw("train", number, taskOptions(config, passesOf(spec), "train"));
  let next: Task | undefined;
  while (step < tasks) {
    const results: MetaStepResult[] = [];
    engine.setParameters(masters, quantizeFor(config, spec, masters, step));
    for (let k = 0; k < metaBatch && step < tasks; k++, step++) {
      const task = next?.number === step ? next : draw(step);
      const pending = engine.metaStep(task, { ...stepOptions(config, from.chipSeed, step, inner), onWrap: config.training.onWrap });
      // Drawn while the engine works, so that training never waits for it. Should drawing fail, the step at hand is of no use.
      pending.catch(() => undefined);
      next = step + 1 < tasks ? draw(step + 1) : undefined;
      const result = await pending;
      rates.checkFinite(step, result);
      results.push(result);
      rates.see(result.spikeRates);
      rates.seeWraps(step, result.wraps ?? []);
      since.loss += result.loss;
      since.accuracy += result.accuracy;
      since.steps++;
    }
    const factor = rateFactor(schedule, step - results.length, tasks, epochTasks);
    const updates = Math.ceil(step / metaBatch);
    const gradients = meanGradients(results.map((r) => (inner ? { ...r.gradients, ...innerGradients(r, inner) } : r.gradients)));
    const stepped = adamStep({ ...masters, ...inner }, gradients, optimizer, updates, (name) => factor * baseRate(config, spec, name));
    if (inner) inner = clampInner(innerOf(stepped.masters));
    masters = clampScalars(spec, networkTensors(stepped.masters));
    optimizer = stepped.state;
    const mean = results[results.length - 1];
    events.step?.(step, mean);
    const atRow = Math.floor(step / validateEvery) > Math.floor((step - results.length) / validateEvery) || step >= tasks;
    if (atRow) {
      engine.setParameters(masters, quantizeNetwork(spec, masters));
      const validation = await validate(engine, source, config, spec, from.chipSeed, inner);
      const row = { tasks: step, loss: since.loss / since.steps, accuracy: since.accuracy / since.steps, validation };
      [since.loss, since.accuracy, since.steps] = [0, 0, 0];
      history = [...history, row];
      const improved = validation > bestValidation;
      if (improved) bestValidation = validation;
      const checkpoint = { ...snapshot(), quantized: quantizeNetwork(spec, masters) };
      if (improved) bestCheckpoint = checkpoint;
      events.validated?.(row, checkpoint, improved, rates.take());
    }
    // Engines may work in one go: without a turn of the event loop a signal would never be heard.
    await new Promise((resolve) => setImmediate(resolve));
    if (step < tasks && events.interrupted?.()) return { last: snapshot(), best: bestCheckpoint, interrupted: true };
  }
  return { last: { ...snapshot(), quantized: quantizeNetwork(spec, masters) }, best: bestCheckpoint, interrupted: false };
}

const networkTensors = (all: Parameters): Parameters =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !name.startsWith(INNER_PREFIX)));

function meanGradients(results: readonly Gradients[]): Gradients {
  if (results.length === 1) return results[0];
  const out: Record<string, Float64Array> = {};
  for (const gradients of results) {
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
