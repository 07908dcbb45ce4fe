import { Rng } from "../../../src/base/rng.js";
import type { SpikeTensor } from "../../../src/events/types.js";
import { quantizeNetwork } from "../../../src/model/quantize.js";
import { parameterShapes } from "../../../src/model/shapes.js";
import type { ConvLayer, LayerSpec, NetworkSpec, Parameters, SoelSpec } from "../../../src/model/types.js";
import type { Task } from "../../../src/tasks/types.js";

/** What a random network may have; every choice is drawn from `rng`. */
export interface NetworkChoices {
  readonly neuronModel: "loihi" | "srm";
  readonly mode: "binary" | "counts";
  readonly ways: number;
  /** False: one group in every convolution. */
  readonly groups?: boolean;
  /** Constants of the rule that differ from `smallSoel`. */
  readonly soel?: Partial<SoelSpec>;
}

const between = (rng: Rng, low: number, high: number): number => low + rng.below(high - low + 1);
const srm = (first: boolean) => ({ alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: first ? 10 : 1 });

/** SOEL constants of the chip form with short windows. */
export const smallSoel: SoelSpec = {
  form: "chip",
  windowSteps: 8,
  epochExp: 2,
  gamma: 3,
  tau: 10,
  impulse: 12,
  theta: 1,
  lo: 0,
  hi: 4,
  rateMant: 1,
  rateExp: -4,
  passes: 1,
  resetPreTrace: true,
  learned: [],
};

/** A small network: one or two convolutions of odd sizes, strides, paddings and groups, perhaps pools, then a
 *  dense layer. */
export function randomNetwork(rng: Rng, choices: NetworkChoices): NetworkSpec {
  const { neuronModel, mode, ways, groups = true } = choices;
  const input = {
    polarities: between(rng, 1, 2),
    height: between(rng, 5, 9),
    width: between(rng, 5, 10),
    mode,
  };
  const layers: LayerSpec[] = [];
  let [channels, height, width] = [input.polarities, input.height, input.width];
  for (let k = 0, count = between(rng, 1, 2); k < count; k++) {
    const conv = randomConvolution(rng, k, channels, groups);
    if (height < conv.kernel[0] || width < conv.kernel[1]) break;
    layers.push(conv);
    [height, width] = [0, 1].map(
      (axis) =>
        Math.floor(([height, width][axis] + 2 * conv.padding[axis] - conv.kernel[axis]) / conv.stride[axis]) +
        1,
    );
    channels = conv.outChannels;
    if (Math.min(height, width) >= 2 && rng.below(2) === 0) {
      layers.push({ kind: "pool", name: `pool${k + 1}` });
      [height, width] = [Math.floor(height / 2), Math.floor(width / 2)];
    }
  }
  layers.push({
    kind: "dense",
    name: "dense",
    outputs: ways,
    weight: { bits: rng.below(2) === 0 ? 8 : 6, signMode: "mixed", wgtExp: 0 },
    loihi: { decayU: 1024, decayV: 410, vthMant: between(rng, 300, 1200), refractory: 1, biasExp: 4 },
    srm: srm(false),
  });
  return {
    name: "random",
    neuronModel,
    input,
    steps: between(rng, 12, 21),
    layers,
    readout: { kappa: 0.5, lambda: 1 },
    soel: neuronModel === "loihi" ? { ...smallSoel, ...choices.soel } : null,
  };
}

function randomConvolution(rng: Rng, index: number, channels: number, groups: boolean): ConvLayer {
  const kernel = [between(rng, 1, 3), between(rng, 1, 3)] as const;
  return {
    kind: "conv",
    name: `conv${index + 1}`,
    outChannels: channels * between(rng, 1, 2),
    kernel,
    stride: [between(rng, 1, 2), between(rng, 1, 2)],
    padding: [rng.below(kernel[0]), rng.below(kernel[1])],
    groups: rng.below(3) === 0 && groups ? channels : 1,
    weight: { bits: between(rng, 4, 8), signMode: "mixed", wgtExp: 0 },
    loihi: {
      decayU: between(rng, 300, 4096),
      decayV: between(rng, 200, 4096),
      vthMant: between(rng, 200, 900),
      refractory: between(rng, 1, 3),
      biasExp: 4,
    },
    srm: srm(index === 0),
  };
}

/** Random masters of a size that lets every layer fire. */
export function randomParameters(rng: Rng, spec: NetworkSpec): Parameters {
  const { hi = 0, lo = 0, theta = 1, rateMant = 0, rateExp = 0 } = spec.soel ?? {};
  const soel: Record<string, number> = { hi, lo, theta, rho: rateMant * 2 ** rateExp };
  return Object.fromEntries(
    parameterShapes(spec).map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      if (name in soel) return [name, Float32Array.of(soel[name])];
      const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
      const scale = name.endsWith("bias") ? 0.02 : 1.1 / Math.sqrt(fanIn);
      return [name, Float32Array.from({ length: size }, () => scale * (rng.normal() + 0.25))];
    }),
  );
}

/** A sample whose pixels fire with `share`; counts 1…3. */
export function randomSample(rng: Rng, spec: NetworkSpec, share: number): SpikeTensor {
  const { polarities, height, width } = spec.input;
  const rowStart = new Uint32Array(spec.steps + 1);
  const [channel, count]: [number[], number[]] = [[], []];
  for (let t = 0; t < spec.steps; t++) {
    for (let k = 0; k < polarities * height * width; k++) {
      if (rng.uniform() >= share) continue;
      channel.push(k);
      count.push(between(rng, 1, 3));
    }
    rowStart[t + 1] = channel.length;
  }
  return {
    shape: [spec.steps, polarities, height, width],
    rowStart,
    channel: Uint16Array.from(channel),
    count: Uint8Array.from(count),
    timestepUs: 1000,
  };
}

/** One support and two query samples a class, supports in random order. `share` 0: empty samples. */
export function randomTask(rng: Rng, spec: NetworkSpec, ways: number, share = 0.15): Task {
  const labels = Array.from({ length: ways }, (_, k) => k);
  const sample = (): SpikeTensor => randomSample(rng, spec, share);
  return {
    number: 3,
    seed: 1,
    classNames: labels.map((k) => `class ${k}`),
    support: labels.map(sample),
    supportLabels: labels,
    presentation: Array.from({ length: spec.soel?.passes ?? 1 }, () => rng.shuffled(labels)).flat(),
    query: [...labels, ...labels].map(sample),
    queryLabels: [...labels, ...labels],
    supportRecordings: labels.map((k) => [`s${k}`]),
    queryRecordings: [...labels, ...labels].map((k) => [`q${k}`]),
  };
}

/** A whole random case, all from one seed. */
export function randomCase(seed: number, choices: Omit<NetworkChoices, "ways">, share?: number) {
  const rng = new Rng(seed, 0x1ffff);
  const ways = between(rng, 2, 3);
  const spec = randomNetwork(rng, { ...choices, ways });
  const masters = randomParameters(rng, spec);
  return {
    spec,
    masters,
    quantized: quantizeNetwork(spec, masters),
    task: randomTask(rng, spec, ways, share),
  };
}
