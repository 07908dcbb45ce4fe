import { quantizeNetwork } from "../../src/model/quantize.js";
import { parameterShapes } from "../../src/model/shapes.js";
import { Rng } from "../../src/base/rng.js";
import type {
  ConvLayer,
  DenseLayer,
  InputGeometry,
  LayerSpec,
  LoihiNeuron,
  NetworkSpec,
  PoolLayer,
  QuantizedNetwork,
  SoelSpec,
  SrmNeuron,
} from "../../src/model/types.js";

/** Constants that the trial of design §6 used. */
export const neuron: LoihiNeuron = { decayU: 1024, decayV: 410, vthMant: 512, refractory: 1, biasExp: 6 };
const srm: SrmNeuron = { alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: 1 };

export const soel: SoelSpec = {
  form: "chip",
  windowSteps: 20,
  epochExp: 2,
  gamma: 3,
  tau: 10,
  impulse: 12,
  theta: 1,
  lo: 0,
  hi: 14,
  rateMant: 1,
  rateExp: -4,
  passes: 1,
  resetPreTrace: true,
  learned: [],
};

export const conv = (
  name: string,
  outChannels: number,
  k: number,
  stride = 1,
  padding = 0,
  more: Partial<ConvLayer> = {},
): ConvLayer => ({
  kind: "conv",
  name,
  outChannels,
  kernel: [k, k],
  stride: [stride, stride],
  padding: [padding, padding],
  groups: 1,
  weight: { bits: 8, signMode: "mixed", wgtExp: 0 },
  loihi: neuron,
  srm,
  ...more,
});
export const pool = (name: string): PoolLayer => ({ kind: "pool", name });
export const dense = (name: string, outputs: number, more: Partial<DenseLayer> = {}): DenseLayer => ({
  kind: "dense",
  name,
  outputs,
  weight: { bits: 8, signMode: "mixed", wgtExp: 0 },
  loihi: { ...neuron, vthMant: 4096 },
  srm,
  ...more,
});

export const network = (
  name: string,
  [polarities, height, width]: readonly [number, number, number],
  layers: readonly LayerSpec[],
  more: Partial<NetworkSpec> = {},
): NetworkSpec => ({
  name,
  neuronModel: "loihi",
  input: { polarities, height, width, mode: "binary" },
  steps: 100,
  layers,
  readout: { kappa: 0.1, lambda: 1 },
  soel,
  ...more,
});

/** Net B of design §6, the demo's. */
export const netB = network(
  "net-b",
  [2, 16, 32],
  [
    conv("conv1", 16, 5, 2, 2, { loihi: { ...neuron, vthMant: 256 } }),
    conv("conv2", 32, 3, 2, 1),
    conv("conv3", 64, 3, 2, 1),
    dense("out", 5),
  ],
);

/** The paper's network on an input of [2, height, width]. */
export const paper = (height: number, width: number, lastPool = false): NetworkSpec =>
  network(
    "paper",
    [2, height, width],
    [
      conv("conv1", 32, 5, 1, 2),
      pool("pool1"),
      conv("conv2", 64, 5, 1, 2),
      pool("pool2"),
      conv("conv3", 128, 5, 1, 2),
      pool("pool3"),
      ...(lastPool ? [pool("pool4")] : []),
      dense("out", 5),
    ],
  );

/** The same network with all its layers at other weight bits. */
export const withBits = (
  spec: NetworkSpec,
  bits: number,
  signMode: "mixed" | "excitatory" = "mixed",
): NetworkSpec => ({
  ...spec,
  layers: spec.layers.map((layer) =>
    layer.kind === "pool" ? layer : { ...layer, weight: { bits, signMode, wgtExp: 0 } },
  ),
});

/** Random masters from a seed, quantized: every mantissa of the grid can come up. */
export function quantized(spec: NetworkSpec, seed = 1): QuantizedNetwork {
  const masters: Record<string, Float32Array> = {};
  for (const [k, { name, shape }] of parameterShapes(spec).entries()) {
    const rng = new Rng(seed, 0x20000, k);
    masters[name] = Float32Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      () => 0.3 * (rng.uniform() - 0.5),
    );
  }
  if (spec.soel) {
    masters.hi = Float32Array.of(spec.soel.hi);
    masters.lo = Float32Array.of(spec.soel.lo);
    masters.theta = Float32Array.of(spec.soel.theta);
    masters.rho = Float32Array.of(spec.soel.rateMant * 2 ** spec.soel.rateExp);
  }
  return quantizeNetwork(spec, masters);
}

/** The model with all but a share of the mantissas of its static layers set to 0. */
export function pruned(model: QuantizedNetwork, kept: number, seed = 5): QuantizedNetwork {
  const rng = new Rng(seed, 0x40000, 0);
  const statics = model.spec.soel ? model.layers.length - 1 : model.layers.length;
  return {
    ...model,
    layers: model.layers.map((layer, k) =>
      k < statics ? { ...layer, mantissa: layer.mantissa.map((m) => (rng.uniform() < kept ? m : 0)) } : layer,
    ),
  };
}

/** One layer with a few synapses in a hundred, one with a third, one kernel that is all 0: every format has its list. */
export function prunedNetwork(): QuantizedNetwork {
  const spec = network(
    "pruned",
    [2, 10, 12],
    [conv("c1", 8, 5, 1, 2), pool("p1"), conv("c2", 16, 5, 1, 2), pool("p2"), dense("out", 3)],
  );
  const [first, second, last] = pruned(quantized(spec), 0.35).layers;
  const thin = pruned(quantized(spec), 0.04, 6).layers[1].mantissa;
  return { ...quantized(spec), layers: [first, { ...second, mantissa: thin }, last] };
}

/** Double N-MNIST. */
export const geometry: InputGeometry = {
  sensor: { width: 34, height: 34 },
  crop: { x: 1, y: 1, width: 32, height: 32 },
  downsample: 2,
  compose: 2,
  timestepUs: 1000,
};
