import { networkShapes, presentationSteps, sizeOf } from "../../../model/shapes.js";
import type { DenseLayer, NetworkSpec, Parameters, QuantizedNetwork } from "../../../model/types.js";
import type { Task } from "../../../tasks/types.js";
import { type PlasticRule, plasticRule } from "../../reference/plastic-rule.js";
import { type ChipOps, chipOps } from "../ops/chip.js";
import type { Tensor, Tf } from "../ops/custom-op.js";
import { type PoolOps, poolOps } from "../ops/pool.js";
import { type SmoothOps, smoothOps } from "../ops/smooth.js";
import { type WeightedLayer, masterTensors, roundedLayer, weightedLayers } from "./parameters.js";
import { PlasticLayer, type PlasticParameters } from "./plastic.js";

/** A `loihi` network with its integers, ready for tasks. Holds no tensors. */
export interface LoihiNetwork {
  readonly tf: Tf;
  readonly chip: ChipOps;
  readonly pool: PoolOps;
  readonly smooth: SmoothOps;
  readonly spec: NetworkSpec;
  readonly layers: readonly (WeightedLayer | null)[];
  /** Weighted layers before the output. */
  readonly hidden: readonly WeightedLayer[];
  readonly last: WeightedLayer;
  readonly rule: PlasticRule | null;
  /** Integer hi, lo, θ and the rate ρ in use. */
  readonly scalars: { readonly hi: number; readonly lo: number; readonly theta: number; readonly rho: number };
  /** S */
  readonly steps: number;
  /** J and K of the last layer. */
  readonly inputs: number;
  readonly outputs: number;
  /** Float32 values that the layers of some samples may take at once; more samples than fit go one chunk after another. */
  readonly chunkValues: number;
}

/** 384 MB; a single sample may take more. */
export const CHUNK_VALUES = 96e6;

/** Names of the rule's scalars among the parameters. */
export const SCALARS = ["hi", "lo", "theta", "rho"] as const;

/** Joins spec, masters and integers. */
export function loihiNetwork(
  tf: Tf,
  spec: NetworkSpec,
  masters: Parameters,
  quantized: QuantizedNetwork,
  chunkValues: number,
): LoihiNetwork {
  const layers = weightedLayers(tf, spec, masters, quantized);
  const last = layers[layers.length - 1];
  if (!last) throw new Error("engine bug: the last layer is dense");
  const { soel } = quantized;
  const rule = spec.soel && soel ? plasticRule(spec.soel, soel) : null;
  const shapes = networkShapes(spec);
  return {
    tf, chip: chipOps(tf), pool: poolOps(tf), smooth: smoothOps(tf), spec, layers, last, chunkValues,
    hidden: layers.slice(0, -1).filter((layer): layer is WeightedLayer => layer !== null),
    rule,
    // The rule's, not the spec's: `authors-chip` has constants of its own.
    scalars: { hi: rule?.hi ?? 0, lo: rule?.lo ?? 0, theta: rule?.theta ?? 1, rho: soel ? soel.rateMant * 2 ** soel.rateExp : 0 },
    steps: presentationSteps(spec),
    inputs: sizeOf(shapes[spec.layers.length - 1]),
    outputs: last.bias.length,
  };
}

/** The last layer of a network in one task. */
export const plasticLayer = (net: LoihiNetwork, task: Task, chipSeed: number): PlasticLayer =>
  new PlasticLayer(net.tf, net.chip, net.smooth, {
    layer: net.last.spec as DenseLayer,
    inputs: net.inputs,
    outputs: net.outputs,
    ways: Math.min(net.outputs, task.classNames.length),
    steps: net.steps,
    rule: net.rule,
    seed: chipSeed,
  });

/** The rule's scalars as tensors [1], in the order of `SCALARS`. */
export const scalarTensors = (net: LoihiNetwork): Tensor[] => SCALARS.map((name) => net.tf.tensor1d([net.scalars[name]]));

/** Parameters of the last layer as functions of its masters and of the scalars. */
export function plasticParameters(
  net: LoihiNetwork,
  masters: readonly [Tensor, Tensor] = masterTensors(net.tf, net.last),
  scalars: readonly Tensor[] = scalarTensors(net),
): PlasticParameters {
  const [hi, lo, theta, rho] = scalars;
  return { ...roundedLayer(net.tf, net.chip, net.last, masters), hi, lo, theta, rho };
}
