/** Start weights of `srm` networks on any engine: the same rule as engines/reference/lsuv.ts, which is its twin in tests. */
import type { Engine } from "../engines/engine.js";
import { LSUV_TARGET, type LayerStatistics, orthogonal } from "../engines/reference/lsuv.js";
import { Rng, STREAM } from "../base/rng.js";
import { networkShapes, parameterShapes } from "../model/shapes.js";
import type { ConvLayer, DenseLayer, NetworkSpec, Parameters, Shape3 } from "../model/types.js";
import type { Task } from "../tasks/types.js";

/** Makes an engine for a part of the network. */
export type EngineMaker = (spec: NetworkSpec) => Promise<Engine>;

/** Orthogonal weights in the shape of each layer, [out, rest], and biases 0; tensor k draws item k of the stream. */
export function orthogonalWeights(spec: NetworkSpec, seed: number): Record<string, Float32Array> {
  const out: Record<string, Float32Array> = {};
  parameterShapes(spec).filter(({ name }) => name.includes(".")).forEach(({ name, shape }, item) => {
    const columns = shape.slice(1).reduce((a, b) => a * b, 1);
    out[name] = shape.length > 1
      ? Float32Array.from(orthogonal(shape[0], columns, new Rng(seed, STREAM.startWeights, item)))
      : new Float32Array(shape[0]);
  });
  return out;
}

/** Orthogonal, then layer by layer rescaled to variance 1 and the bias shifted to mean −0.559 of U at the last step on the
 *  support of `task`. A layer that gets no spikes stays as drawn; `statistics` shows it. Source: Mishkin 2016 (LSUV);
 *  design §4, start weights. */
export async function lsuvWeights(
  spec: NetworkSpec, make: EngineMaker, task: Task, seed: number,
): Promise<{ readonly masters: Parameters; readonly statistics: readonly LayerStatistics[] }> {
  const masters = orthogonalWeights(spec, seed);
  const batch: Task = {
    ...task, support: task.support.slice(0, 1), supportLabels: [0], presentation: [0], query: task.support, queryLabels: task.support.map(() => 0),
  };
  const statistics: LayerStatistics[] = [];
  for (const [index, layer] of spec.layers.entries()) {
    if (layer.kind === "pool") continue;
    const windows = windowsOf(spec, index, new Rng(seed, STREAM.startSamples, index));
    const engine = await make(windows.spec);
    try {
      statistics.push({ name: layer.name, ...await settle(masters, layer.name, () => statisticsOf(engine, windows, masters, batch)) });
    } finally {
      engine.dispose();
    }
  }
  return { masters, statistics };
}

type Statistics = { readonly mean: number; readonly variance: number };

async function settle(masters: Record<string, Float32Array>, name: string, measure: () => Promise<Statistics>): Promise<Statistics> {
  const [weight, bias] = [`${name}.weight`, `${name}.bias`];
  let found = await measure();
  for (let round = 0; round < LSUV_TARGET.rounds && !within(found) && found.variance > 0; round++) {
    const scale = Math.sqrt(LSUV_TARGET.variance / found.variance);
    masters[weight] = masters[weight].map((w) => w * scale);
    // The mean moves with the weights too, so it is shifted by what is missing after the scale.
    const shift = LSUV_TARGET.mean - (await measure()).mean;
    masters[bias] = masters[bias].map((b) => b + shift);
    found = await measure();
  }
  return found;
}

/** Outputs of a part network at a time: enough for few runs, small enough for the cache. */
const WINDOW_OUTPUTS = 1024;
/** A map with more neurons than this is judged by positions drawn from it: with five samples their variance is within 2 % of
 *  the whole map's, and the paper's network starts in seconds instead of a minute. */
const JUDGED_NEURONS = 2 * WINDOW_OUTPUTS;

/** A network that ends at one layer, whose U is its readout. Engines read out dense layers, so a convolution stands there as a
 *  dense layer of some of its positions at a time: the same sums. */
interface Windows {
  readonly spec: NetworkSpec;
  /** [group][position] of the layer's map that are judged; one empty group for a dense layer. */
  readonly groups: readonly (readonly number[])[];
  readonly layer: ConvLayer | DenseLayer;
  readonly input: Shape3;
  readonly output: Shape3;
}

function windowsOf(spec: NetworkSpec, index: number, rng: Rng): Windows {
  const layer = spec.layers[index] as ConvLayer | DenseLayer;
  const shapes = networkShapes(spec);
  const [input, output] = [shapes[index], shapes[index + 1]];
  const below = spec.layers.slice(0, index);
  if (layer.kind === "dense") return { spec: { ...spec, layers: [...below, layer] }, groups: [[]], layer, input, output };
  const [channels, height, width] = output;
  const each = Math.min(height * width, Math.max(1, Math.floor(WINDOW_OUTPUTS / channels)));
  const all = Array.from({ length: height * width }, (_, k) => k);
  const most = Math.max(each, Math.floor(JUDGED_NEURONS / channels));
  const judged = all.length <= most ? all : rng.sample(all, most).sort((a, b) => a - b);
  const groups: number[][] = [];
  for (let at = 0; at < judged.length; at += each) groups.push(judged.slice(at, at + each));
  const { name, weight, loihi, srm } = layer;
  const dense: DenseLayer = { kind: "dense", name, outputs: channels * each, weight, loihi, srm };
  return { spec: { ...spec, layers: [...below, dense] }, groups, layer, input, output };
}

/** Weights [position·channel, C·H·W] and biases of a group; rows past the group's end are 0. */
function windowTensors({ layer, input, output, spec }: Windows, masters: Parameters, group: readonly number[]): readonly [Float32Array, Float32Array] {
  const [weight, bias] = [masters[`${layer.name}.weight`], masters[`${layer.name}.bias`]];
  if (layer.kind === "dense") return [weight, bias];
  const [inC, inH, inW] = input;
  const [outC, , outW] = output;
  const [kH, kW] = layer.kernel;
  const [inPerGroup, outPerGroup] = [inC / layer.groups, outC / layer.groups];
  const rows = (spec.layers[spec.layers.length - 1] as DenseLayer).outputs;
  const [w, b] = [new Float32Array(rows * inC * inH * inW), new Float32Array(rows)];
  group.forEach((position, p) => {
    const [y, x] = [Math.floor(position / outW), position % outW];
    for (let o = 0; o < outC; o++) {
      b[p * outC + o] = bias[o];
      const first = Math.floor(o / outPerGroup) * inPerGroup;
      for (let c = 0; c < inPerGroup; c++) {
        for (let k = 0; k < kH * kW; k++) {
          const [yi, xi] = [y * layer.stride[0] + Math.floor(k / kW) - layer.padding[0], x * layer.stride[1] + (k % kW) - layer.padding[1]];
          if (yi < 0 || yi >= inH || xi < 0 || xi >= inW) continue;
          w[(p * outC + o) * inC * inH * inW + ((first + c) * inH + yi) * inW + xi] = weight[(o * inPerGroup + c) * kH * kW + k];
        }
      }
    }
  });
  return [w, b];
}

/** Mean and variance of U at the last step, over samples, channels and positions. */
async function statisticsOf(engine: Engine, windows: Windows, masters: Parameters, batch: Task): Promise<Statistics> {
  const { spec, groups, layer, output } = windows;
  const outputs = (spec.layers[spec.layers.length - 1] as DenseLayer).outputs;
  let [sum, squares, n] = [0, 0, 0];
  for (const group of groups) {
    const [weight, bias] = windowTensors(windows, masters, group);
    const part = { ...masters, [`${layer.name}.weight`]: weight, [`${layer.name}.bias`]: bias };
    // Integers are for loihi networks.
    engine.setParameters(part, { spec, layers: [], soel: null });
    const { logits } = await engine.evaluate(batch, {
      outer: "maml", chipSeed: 1, learn: false, inner: { rule: "gradient", steps: 1, rate: 0, frozen: [], burnIn: 0 },
    });
    const used = layer.kind === "dense" ? outputs : group.length * output[0];
    logits.forEach((u, k) => {
      if (k % outputs >= used) return;
      sum += u;
      squares += u * u;
      n++;
    });
  }
  const mean = sum / n;
  return { mean, variance: squares / n - mean * mean };
}

const within = ({ mean, variance }: Statistics): boolean =>
  Math.abs(variance - LSUV_TARGET.variance) <= LSUV_TARGET.varianceTolerance &&
  Math.abs(mean - LSUV_TARGET.mean) <= LSUV_TARGET.meanTolerance;
