import { adaptedLayers } from "../../inner-loop.js";
import { quantizeTensors } from "../../grid-quantizer.js";
import { innerRates } from "../../reference/srm-adapt.js";
import type { InnerLoop, OuterGradient } from "../../engine.js";
import { DEFAULT_SOEL_PAPER, type SoelPaper } from "../../soel-paper.js";
import type { Tf } from "../ops/custom-op.js";
import { type Batch, type Tensors, batchGradient, hessianVector } from "./batch.js";
import type { SrmNetwork } from "./network.js";
import { soelPaperPullBack, soelPaperUpdate } from "./soel-paper.js";

/** Settings that adapting and its reverse share. */
export interface AdaptOptions {
  readonly inner: InnerLoop;
  readonly outer: OuterGradient;
  readonly roundingSeed: number;
}

/** θ0 after the outer quantizer, and 1 where a gradient passes it. */
export interface StartWeights {
  readonly tensors: Tensors;
  readonly open: Tensors;
}

/** The masters on the outer grid: what the burn-in runs with. */
export const startWeights = (network: SrmNetwork, masters: Tensors, { inner, roundingSeed }: AdaptOptions): StartWeights =>
  quantizeTensors(network.spec, masters, inner.quantizeOuter, roundingSeed, 0);

/** One inner step: θ' = quantize(from + rate·update). */
interface InnerStep {
  readonly from: Tensors;
  readonly update: Tensors;
  readonly open: Tensors;
}

/** The weights on their way through the inner loop. */
export interface Adaptation {
  readonly start: StartWeights;
  readonly adapted: Tensors;
  readonly steps: readonly InnerStep[];
}

/** Element by element into new tensors. */
export const mapTensors = (tensors: Tensors, f: (value: number, name: string, index: number) => number): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, t.map((x, i) => f(x, name, i))]));

const lastWeight = (network: SrmNetwork): string => network.parameters[network.parameters.length - 2].name;
const soelOptions = (inner: InnerLoop): SoelPaper => inner.soelPaper ?? DEFAULT_SOEL_PAPER;

/** The inner loop: θ' = θ − α·∇L_support(θ), or SOEL in the paper's form, each step followed by the inner quantizer.
 *  Source: design §5. */
export function adapt(
  tf: Tf,
  network: SrmNetwork,
  start: StartWeights,
  support: Batch,
  options: AdaptOptions,
): Adaptation {
  const { inner, outer, roundingSeed } = options;
  const rates = innerRates(network.spec, inner, outer);
  const steps: InnerStep[] = [];
  let from = start.tensors;
  for (let k = 1; k <= inner.steps; k++) {
    const update = updateAt(tf, network, from, support, inner);
    const moved = mapTensors(from, (w, name, i) => w + rates[name] * update[name][i]);
    const { tensors, open } = quantizeTensors(network.spec, moved, inner.quantizeInner, roundingSeed, k);
    steps.push({ from, update, open });
    from = tensors;
  }
  return { start, adapted: from, steps };
}

function updateAt(tf: Tf, network: SrmNetwork, at: Tensors, support: Batch, inner: InnerLoop): Tensors {
  if (inner.rule === "gradient") return mapTensors(batchGradient(tf, network, at, support).gradients, (g) => -g);
  const delta = soelPaperUpdate(tf, network, at, support, soelOptions(inner));
  return mapTensors(at, (_, name, i) => (name === lastWeight(network) ? delta[i] : 0));
}

/** Gradients of everything that the inner loop started from. */
export interface OuterGradients {
  readonly masters: Tensors;
  /** By layer, of the inner rates; 0 where the inner loop leaves a layer alone. */
  readonly rates: Readonly<Record<string, number>>;
  /** Of the paper's θ. */
  readonly theta: number;
}

/** Carries a gradient at the adapted weights back to the masters: v − α·H·v for every inner step by automatic
 *  differentiation, or with the inner gradients as constants (`fomaml`). One step at a time, so that memory holds one
 *  step's tape of one chunk; a test shows the same as one differentiation through the whole loop. Quantizers are
 *  straight-through, 0 where clamped. Source: Finn 2017, eq. 1; design §5. */
export function outerGradients(
  tf: Tf,
  network: SrmNetwork,
  { steps, start }: Adaptation,
  support: Batch,
  atAdapted: Tensors,
  { inner, outer }: AdaptOptions,
): OuterGradients {
  const rates = innerRates(network.spec, inner, outer);
  const adapted = adaptedLayers(network.spec, inner, outer);
  const byRate: Record<string, number> = {};
  let theta = 0;
  let v = atAdapted;
  for (const { from, update, open } of [...steps].reverse()) {
    v = mapTensors(v, (g, name, i) => g * open[name][i]);
    for (const { name } of network.parameters) {
      const layer = name.slice(0, name.lastIndexOf("."));
      const along = v[name].reduce((sum, g, i) => sum + g * update[name][i], 0);
      byRate[layer] = (byRate[layer] ?? 0) + (adapted.has(layer) ? along : 0);
    }
    const scaled = mapTensors(v, (g, name) => g * rates[name]);
    if (inner.rule === "soel-paper") {
      const along = scaled[lastWeight(network)];
      const back = soelPaperPullBack(tf, network, from, support, soelOptions(inner), along);
      theta += back.theta;
      if (back.gradients) v = mapTensors(v, (g, name, i) => g + back.gradients![name][i]);
    } else if (outer !== "fomaml") {
      const curved = hessianVector(tf, network, from, support, scaled);
      v = mapTensors(v, (g, name, i) => g - curved[name][i]);
    }
  }
  return { masters: mapTensors(v, (g, name, i) => g * start.open[name][i]), rates: byRate, theta };
}
