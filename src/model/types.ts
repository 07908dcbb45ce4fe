/** Grid of the stored weights of a layer. Source: loihi-facts §2.1. */
export interface WeightPrecision {
  /** 1…8; 7 is stored as 8 and refused where plastic (design §4). */
  readonly bits: number;
  readonly signMode: "mixed" | "excitatory" | "inhibitory";
  /** w_eff = floor(mantissa·2^wgtExp)·64; −8…7, trained layers ≥ −(9 − bits). */
  readonly wgtExp: number;
}

/** Constants of a Loihi compartment, the same for a whole layer. Source: design §4. */
export interface LoihiNeuron {
  /** Effective decays δu, δv, 0…4096. */
  readonly decayU: number;
  readonly decayV: number;
  /** vth = vthMant·64; 0…131071. */
  readonly vthMant: number;
  /** R: 1 blocks no step; R blocks the next R−1. 1…63. */
  readonly refractory: number;
  /** bias = 2^biasExp·mantissa; 0…7. */
  readonly biasExp: number;
}

/** Constants of the paper's float neuron. Source: design §4, `srm`. */
export interface SrmNeuron {
  readonly alpha: number;
  readonly beta: number;
  readonly alphaR: number;
  readonly wr: number;
  /** 10 in the first layer, else 1. */
  readonly gain: number;
}

interface LayerBase {
  /** The user's name, unique in the network, e.g. "conv1". */
  readonly name: string;
}

/** k×k convolution, cross-correlation, kernels [out, in/groups, kH, kW]. */
export interface ConvLayer extends LayerBase {
  readonly kind: "conv";
  readonly outChannels: number;
  readonly kernel: readonly [kH: number, kW: number];
  readonly stride: readonly [sH: number, sW: number];
  readonly padding: readonly [pH: number, pW: number];
  readonly groups: number;
  readonly weight: WeightPrecision;
  readonly loihi: LoihiNeuron;
  readonly srm: SrmNeuron;
}

/** 2×2 pool, stride 2: an OR pool in `loihi`, a max on U in `srm`. A last odd row or column is dropped. */
export interface PoolLayer extends LayerBase {
  readonly kind: "pool";
}

/** Dense layer on the flattened [C, H, W]; weights [out, in]. */
export interface DenseLayer extends LayerBase {
  readonly kind: "dense";
  readonly outputs: number;
  readonly weight: WeightPrecision;
  readonly loihi: LoihiNeuron;
  readonly srm: SrmNeuron;
}

export type LayerSpec = ConvLayer | PoolLayer | DenseLayer;

/** SOEL, form `chip` or `authors-chip`: constants of the rule as started; which of them are learned. Source: design §6. */
export interface SoelSpec {
  readonly form: "chip" | "authors-chip";
  /** W in steps, a multiple of 2^epochExp. */
  readonly windowSteps: number;
  /** k; E0 = 2^k. */
  readonly epochExp: number;
  /** γ 1…7. */
  readonly gamma: number;
  readonly tau: number;
  /** Impulse of x1, 0…127. */
  readonly impulse: number;
  readonly theta: number;
  readonly lo: number;
  readonly hi: number;
  /** ρ = rateMant·2^rateExp; −8…7, −7…8. */
  readonly rateMant: number;
  readonly rateExp: number;
  readonly passes: number;
  readonly resetPreTrace: boolean;
  /** Scalars that the outer loop learns. */
  readonly learned: readonly ("hi" | "lo" | "theta" | "rho")[];
}

/** The whole network before partitioning. The last layer is dense; with `soel` it is the plastic one. */
export interface NetworkSpec {
  readonly name: string;
  readonly neuronModel: "loihi" | "srm";
  readonly input: {
    readonly polarities: number;
    readonly height: number;
    readonly width: number;
    /** loihi: `binary` one spike a pixel, polarity and step; `counts` each event its own spike. */
    readonly mode: "binary" | "counts";
  };
  /** T, input frames of a sample. */
  readonly steps: number;
  readonly layers: readonly LayerSpec[];
  /** Logit = κ·N + λ·mean(u/vth). */
  readonly readout: { readonly kappa: number; readonly lambda: number };
  /** Null: no plastic layer. */
  readonly soel: SoelSpec | null;
}

/** [C, H, W] */
export type Shape3 = readonly [channels: number, height: number, width: number];

/** Float32 master weights by tensor name: `conv1.weight`, `conv1.bias`, …, and the scalars `hi lo theta rho`
 *  (length 1) where `soel` is set. Weights in units of the layer's threshold (design §4). Order: `parameterNames(spec)`. */
export type Parameters = Readonly<Record<string, Float32Array>>;

/** Integers of one weighted layer, as the chip has them. */
export interface QuantizedLayer {
  readonly name: string;
  /** Same layout as the weights; on the grid of the layer's precision. */
  readonly mantissa: Int16Array;
  /** [out] bias = 2^biasExp·biasMant, −4096…4095. */
  readonly biasMant: Int16Array;
  readonly biasExp: number;
}

/** Integer constants of the rule in use. */
export interface QuantizedSoel {
  readonly hi: number;
  readonly lo: number;
  readonly theta: number;
  readonly rateMant: number;
  readonly rateExp: number;
  /** dx = round(65536·e^(−1/τ)). */
  readonly traceDecay: number;
}

/** The network in integers: what engine, compiler and simulator all run. */
export interface QuantizedNetwork {
  readonly spec: NetworkSpec;
  /** One for each conv or dense layer, in order. */
  readonly layers: readonly QuantizedLayer[];
  readonly soel: QuantizedSoel | null;
}

/** How recordings become the network's input; kept in checkpoint and image (design §2, input contract). */
export interface InputGeometry {
  readonly sensor: { readonly width: number; readonly height: number };
  readonly crop: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** Integer down-sampling of both axes after the crop. */
  readonly downsample: number;
  /** Recordings side by side in one sample; 2 for the double sets. */
  readonly compose: number;
  readonly timestepUs: number;
}
