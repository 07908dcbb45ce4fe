import type { ConvLayer, DenseLayer, InputGeometry, LoihiNeuron, NetworkSpec, PoolLayer, SoelSpec, SrmNeuron, WeightPrecision } from "./types.js";

/** Neuron of the presets: a current that keeps ¾ and a voltage that keeps 90 % a step. Source: design §6, "Start". */
export const LOIHI_NEURON: LoihiNeuron = { decayU: 1024, decayV: 410, vthMant: 512, refractory: 1, biasExp: 6 };

/** Threshold mantissas of the presets: the first strided layer's is lower, else 7 % of its weights clamp. Source: design §6. */
export const VTH_MANT = { firstStrided: 256, hidden: 512, plastic: 4096 } as const;

/** The paper's neuron; gain 10 in the first layer, else 1. Source: design §4. */
export const srmNeuron = (first: boolean): SrmNeuron => ({ alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: first ? 10 : 1 });

/** SOEL `chip` with the constants that the design found to serve. Source: design §6. */
export const SOEL_CHIP: SoelSpec = {
  form: "chip", windowSteps: 20, epochExp: 2, gamma: 3, tau: 10, impulse: 12, theta: 1, lo: 0, hi: 14, rateMant: 1, rateExp: -4,
  passes: 1, resetPreTrace: true, learned: [],
};

/** SOEL as the authors' public simulator of the chip has it: all but the window, the epoch and the passes is fixed.
 *  Source: design §6, `authors-chip`. */
export const AUTHORS_CHIP: SoelSpec = { ...SOEL_CHIP, form: "authors-chip", gamma: 1, tau: 3, impulse: 40, hi: 10 };

const mixed = (bits: number): WeightPrecision => ({ bits, signMode: "mixed", wgtExp: 0 });

/** A square convolution with the presets' neuron. */
export function convLayer(
  name: string, outChannels: number, kernel: number,
  options: { readonly stride?: number; readonly padding?: number; readonly bits?: number; readonly vthMant?: number; readonly first?: boolean } = {},
): ConvLayer {
  const { stride = 1, padding = Math.floor(kernel / 2), bits = 8, vthMant = VTH_MANT.hidden, first = false } = options;
  return {
    kind: "conv", name, outChannels, kernel: [kernel, kernel], stride: [stride, stride], padding: [padding, padding], groups: 1,
    weight: mixed(bits), loihi: { ...LOIHI_NEURON, vthMant }, srm: srmNeuron(first),
  };
}

export const poolLayer = (name: string): PoolLayer => ({ kind: "pool", name });

/** The last layer, with the plastic layer's threshold. */
export const denseLayer = (name: string, outputs: number, bits = 8): DenseLayer => ({
  kind: "dense", name, outputs, weight: mixed(bits), loihi: { ...LOIHI_NEURON, vthMant: VTH_MANT.plastic }, srm: srmNeuron(false),
});

/** Net B of design §6: three strided convolutions, no pools; 26,517 parameters. The demo's network. The support is shown
 *  eight times at a rate of 1/64: small steps that come back to every class let none overwrite another (src/assets/README.md). */
export function demoNetwork(bits = 8, ways = 5): NetworkSpec {
  return {
    name: "double-nmnist-small", neuronModel: "loihi", input: { polarities: 2, height: 16, width: 32, mode: "binary" }, steps: 100,
    layers: [
      convLayer("conv1", 16, 5, { stride: 2, bits, vthMant: VTH_MANT.firstStrided, first: true }),
      convLayer("conv2", 32, 3, { stride: 2, bits }),
      convLayer("conv3", 64, 3, { stride: 2, bits }),
      denseLayer("output", ways, bits),
    ],
    readout: { kappa: 0.1, lambda: 1 }, soel: { ...SOEL_CHIP, passes: 8, rateExp: -6 },
  };
}

/** The paper's network on an input of that size: conv 5×5 (32, 64, 128), each with a pool, then dense; `extraPool` pools once
 *  more before the output, so that a plastic layer's inputs fit a core (design §4, ASL). */
export function paperNetwork(
  name: string, height: number, width: number, options: { readonly bits?: number; readonly ways?: number; readonly extraPool?: boolean } = {},
): NetworkSpec {
  const { bits = 8, ways = 5, extraPool = false } = options;
  return {
    name, neuronModel: "loihi", input: { polarities: 2, height, width, mode: "binary" }, steps: 100,
    layers: [
      convLayer("conv1", 32, 5, { bits, first: true }), poolLayer("pool1"),
      convLayer("conv2", 64, 5, { bits }), poolLayer("pool2"),
      convLayer("conv3", 128, 5, { bits }), poolLayer("pool3"),
      ...(extraPool ? [poolLayer("pool4")] : []),
      denseLayer("output", ways, bits),
    ],
    readout: { kappa: 0.1, lambda: 1 }, soel: SOEL_CHIP,
  };
}

/** The same network as the paper's float model. */
export const asSrm = (spec: NetworkSpec): NetworkSpec => ({
  ...spec, name: `${spec.name}-srm`, neuronModel: "srm", soel: null,
  layers: spec.layers.filter((layer) => layer.name !== "pool4"),
});

const nmnist: InputGeometry = {
  sensor: { width: 34, height: 34 }, crop: { x: 0, y: 0, width: 32, height: 32 }, downsample: 2, compose: 2, timestepUs: 1000,
};
const omniglot: InputGeometry = {
  sensor: { width: 346, height: 260 }, crop: { x: 0, y: 0, width: 340, height: 260 }, downsample: 10, compose: 1, timestepUs: 100_000,
};
const asl: InputGeometry = {
  sensor: { width: 240, height: 180 }, crop: { x: 0, y: 0, width: 240, height: 180 }, downsample: 6, compose: 2, timestepUs: 1000,
};

/** A network with the recordings it is made for. */
export interface Preset {
  readonly network: NetworkSpec;
  readonly geometry: InputGeometry;
}

/** Presets by name: the paper's three networks, each also with `-srm`, and the demo's. Source: design §4, commands.md. */
export const PRESETS: Readonly<Record<string, Preset>> = (() => {
  const base: Record<string, Preset> = {
    "double-nmnist": { network: paperNetwork("double-nmnist", 16, 32), geometry: nmnist },
    "n-omniglot": { network: paperNetwork("n-omniglot", 26, 34), geometry: omniglot },
    "double-asl-dvs": { network: paperNetwork("double-asl-dvs", 30, 80, { extraPool: true }), geometry: asl },
    demo: { network: demoNetwork(), geometry: nmnist },
  };
  const srm = Object.entries(base).filter(([name]) => name !== "demo")
    .map(([name, { network, geometry }]) => [`${name}-srm`, { network: asSrm(network), geometry }] as const);
  return { ...base, ...Object.fromEntries(srm) };
})();
