import { quantizeNetwork } from "../../model/quantize.js";
import type {
  LayerSpec,
  LoihiNeuron,
  NetworkSpec,
  Parameters,
  QuantizedNetwork,
  SrmNeuron,
} from "../../model/types.js";
import type { Task } from "../../tasks/types.js";
import { samplesOf, taskOf } from "./frames.js";

interface CaseLayer {
  readonly name: string;
  readonly kind: "conv" | "pool" | "dense";
  readonly in: number;
  readonly out: number;
  readonly k: readonly [number, number];
  readonly pad: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly groups?: number;
  readonly bits: number;
  readonly wgtExp: number;
  readonly vthMant: number;
  readonly biasExp: number;
  readonly decayU: number;
  readonly decayV: number;
  readonly refractory: number;
}

interface CaseSoel {
  readonly tepoch: number;
  readonly k: number;
  readonly W: number;
  readonly gamma: number;
  readonly tau: number;
  readonly dx: number;
  readonly imp: number;
  readonly hi: number;
  readonly lo: number;
  readonly theta: number;
  readonly m: number;
  readonly s: number;
}

/** Steps of a presentation in a case: what the last layer did. Lists are flat; `spikes` is a string of
 *  0/1. */
export interface CaseSteps {
  readonly u?: readonly number[];
  readonly v?: readonly number[];
  readonly spikes?: string;
  readonly c?: string;
  readonly x1?: string;
  readonly y1?: readonly number[];
  readonly e?: readonly number[];
  readonly cEnd?: readonly number[];
  readonly x1End?: readonly number[];
  readonly w?: readonly number[];
}

/** The results that a case holds. */
export interface CaseResults {
  readonly supportSteps: readonly CaseSteps[];
  readonly querySteps?: readonly CaseSteps[];
  readonly raster?: Readonly<Record<string, readonly string[]>>;
  readonly N: readonly number[];
  readonly decisions: readonly number[];
  readonly logits: readonly number[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
  readonly gradientsDirect?: Readonly<Record<string, readonly number[]>>;
}

/** A file in format `maml-soel-1` (fields as in the golden folder's README). */
export interface MamlSoelFile extends CaseResults {
  readonly format: "maml-soel-1";
  readonly input: readonly [number, number, number];
  readonly T: number;
  readonly S: number;
  readonly seed: number;
  readonly layers: readonly CaseLayer[];
  readonly soel: CaseSoel;
  readonly masters: Readonly<Record<string, readonly number[] | number>>;
  readonly support: { readonly labels: readonly number[]; readonly frames: readonly string[] };
  readonly query: { readonly labels: readonly number[]; readonly frames: readonly string[] };
  readonly mantissas: Readonly<Record<string, readonly number[]>>;
  readonly variant?: CaseResults & {
    readonly masters: Readonly<Record<string, number>>;
    readonly soel: Partial<CaseSoel>;
  };
}

/** A case ready to run. */
export interface MamlSoelCase {
  readonly spec: NetworkSpec;
  readonly masters: Parameters;
  readonly quantized: QuantizedNetwork;
  readonly task: Task;
  readonly chipSeed: number;
  readonly expected: CaseResults;
}

const noSrm: SrmNeuron = { alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: 1 };

function layerOf(layer: CaseLayer): LayerSpec {
  if (layer.kind === "pool") return { kind: "pool", name: layer.name };
  const { name, decayU, decayV, vthMant, refractory, biasExp } = layer;
  const loihi: LoihiNeuron = { decayU, decayV, vthMant, refractory, biasExp };
  const weight = { bits: layer.bits, signMode: "mixed" as const, wgtExp: layer.wgtExp };
  if (layer.kind === "dense") return { kind: "dense", name, outputs: layer.out, weight, loihi, srm: noSrm };
  return {
    kind: "conv",
    name,
    outChannels: layer.out,
    kernel: layer.k,
    stride: layer.stride,
    padding: layer.pad,
    groups: layer.groups ?? 1,
    weight,
    loihi,
    srm: noSrm,
  };
}

/** Network, integers and task of a case; `variant`: with its other constants. */
export function mamlSoelCase(file: MamlSoelFile, variant = false): MamlSoelCase {
  const soel = { ...file.soel, ...(variant ? file.variant!.soel : {}) };
  const floats = { ...file.masters, ...(variant ? file.variant!.masters : {}) };
  const [polarities, height, width] = file.input;
  const spec: NetworkSpec = {
    name: "case",
    neuronModel: "loihi",
    input: { polarities, height, width, mode: "binary" },
    steps: file.T,
    layers: file.layers.map(layerOf),
    readout: { kappa: 0.5, lambda: 1 },
    soel: {
      form: "chip",
      windowSteps: soel.W,
      epochExp: soel.k + Math.log2(soel.tepoch),
      gamma: soel.gamma,
      tau: soel.tau,
      impulse: soel.imp,
      theta: soel.theta,
      lo: soel.lo,
      hi: soel.hi,
      rateMant: soel.m,
      rateExp: soel.s,
      passes: 1,
      resetPreTrace: true,
      learned: ["hi", "lo", "theta", "rho"],
    },
  };
  const masters = Object.fromEntries(
    Object.entries(floats).map(([name, value]) => [
      name,
      Float32Array.from(typeof value === "number" ? [value] : value),
    ]),
  );
  const quantized: QuantizedNetwork = {
    ...quantizeNetwork(spec, masters),
    soel: {
      hi: soel.hi,
      lo: soel.lo,
      theta: soel.theta,
      rateMant: soel.m,
      rateExp: soel.s,
      traceDecay: soel.dx,
    },
  };
  const { support, query } = file;
  const task = taskOf(
    file.layers[file.layers.length - 1].out,
    samplesOf(support.frames, support.labels.length, file.input),
    support.labels,
    samplesOf(query.frames, query.labels.length, file.input),
    query.labels,
  );
  return { spec, masters, quantized, task, chipSeed: file.seed, expected: variant ? file.variant! : file };
}
