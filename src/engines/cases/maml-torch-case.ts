import type { ConvLayer, NetworkSpec, Parameters, SrmNeuron } from "../../model/types.js";
import type { Task } from "../../tasks/types.js";
import type { InnerLoop } from "../engine.js";
import { samplesOf, taskOf } from "./frames.js";

type Values = Readonly<Record<string, readonly number[]>>;

/** A file in the format of `maml_torch_small.json` (fields as in the golden folder's README). */
export interface MamlTorchFile {
  readonly spec: {
    readonly channels: readonly number[];
    readonly size: readonly [number, number];
    readonly steps: number;
    readonly burnIn: number;
    readonly ways: number;
    readonly kernel: number;
    readonly padding: number;
    readonly alpha: number;
    readonly beta: number;
    readonly rho: number;
    readonly kappa: number;
    readonly firstGain: number;
    readonly innerLr: number;
  };
  readonly weights: Values;
  readonly support: { readonly labels: readonly number[]; readonly frames: readonly string[] };
  readonly query: { readonly labels: readonly number[]; readonly frames: readonly string[] };
  readonly supportReadout: readonly number[];
  readonly supportLoss: number;
  readonly innerGradient: Values;
  readonly adapted: Values;
  readonly queryReadout: readonly number[];
  readonly queryLoss: number;
  readonly secondOrderGradient: Values;
  readonly firstOrderGradient: Values;
  readonly evaluation: {
    readonly queryLoss: number;
    readonly predictions: readonly number[];
    readonly accuracy: number;
  };
}

/** A case ready to run. */
export interface MamlTorchCase {
  readonly spec: NetworkSpec;
  readonly masters: Parameters;
  readonly task: Task;
  readonly inner: InnerLoop;
}

/** Network and task of a case. Its first spatial axis, x, is read as H (design §4). */
export function mamlTorchCase(file: MamlTorchFile): MamlTorchCase {
  const { channels, size, kernel, padding, alpha, beta, rho, kappa, firstGain, ways } = file.spec;
  const srm = (first: boolean): SrmNeuron => ({
    alpha,
    beta,
    alphaR: rho,
    wr: kappa / (1 - rho),
    gain: first ? firstGain : 1,
  });
  const loihi = { decayU: 1024, decayV: 410, vthMant: 512, refractory: 1, biasExp: 4 };
  const weight = { bits: 8, signMode: "mixed" as const, wgtExp: 0 };
  const convolutions = channels.slice(1).flatMap((outChannels, k) => [
    {
      kind: "conv",
      name: `conv${k + 1}`,
      outChannels,
      kernel: [kernel, kernel],
      stride: [1, 1],
      padding: [padding, padding],
      groups: 1,
      weight,
      loihi,
      srm: srm(k === 0),
    } satisfies ConvLayer,
    { kind: "pool", name: `pool${k + 1}` } as const,
  ]);
  const [height, width] = size;
  const spec: NetworkSpec = {
    name: "case",
    neuronModel: "srm",
    input: { polarities: channels[0], height, width, mode: "counts" },
    steps: file.spec.steps,
    layers: [
      ...convolutions,
      { kind: "dense", name: "dense", outputs: ways, weight, loihi, srm: srm(false) },
    ],
    readout: { kappa: 0, lambda: 1 },
    soel: null,
  };
  const shape = [channels[0], height, width] as const;
  const { support, query } = file;
  return {
    spec,
    masters: Object.fromEntries(
      Object.entries(file.weights).map(([name, w]) => [name, Float32Array.from(w)]),
    ),
    task: taskOf(
      ways,
      samplesOf(support.frames, support.labels.length, shape),
      support.labels,
      samplesOf(query.frames, query.labels.length, shape),
      query.labels,
    ),
    inner: { rule: "gradient", steps: 1, rate: file.spec.innerLr, frozen: [], burnIn: file.spec.burnIn },
  };
}
