import type { NetworkSpec } from "../../model/types.js";
import type { InnerLoop, OuterGradient } from "../engine.js";
import { adaptedLayers } from "../inner-loop.js";
import { quantizeTensors } from "../grid-quantizer.js";
import { DEFAULT_SOEL_PAPER } from "../soel-paper.js";
import { soelPaperUpdate } from "./soel-paper.js";
import type { SoelPaperUpdate } from "./soel-paper.js";
import { batchGradient } from "./srm-network.js";
import type { Batch, Horizon, SrmNetwork, Tensors } from "./srm-network.js";

/** Which time steps run how. */
export function horizonOf(spec: NetworkSpec, inner: InnerLoop): Horizon {
  const burnIn = Math.min(inner.burnIn, spec.steps - 1);
  return { burnIn, differentiated: Math.max(burnIn, spec.steps - (inner.truncation ?? spec.steps)) };
}

/** Inner rate of each tensor; 0 where a layer is left alone. `anil` and the paper's SOEL adapt the last layer
 *  only. */
export function innerRates(
  spec: NetworkSpec,
  inner: InnerLoop,
  outer: OuterGradient,
): Readonly<Record<string, number>> {
  const adapted = adaptedLayers(spec, inner, outer);
  const rates: Record<string, number> = {};
  for (const { kind, name } of spec.layers) {
    if (kind === "pool") continue;
    const rate = !adapted.has(name) ? 0 : typeof inner.rate === "number" ? inner.rate : (inner.rate[name] ?? 0);
    rates[`${name}.weight`] = rate;
    rates[`${name}.bias`] = inner.rule === "soel-paper" ? 0 : rate;
  }
  return rates;
}

/** One inner step, and how to go back through it. */
interface InnerStep {
  readonly from: Tensors;
  /** θ' = quantize(from + rate·update). */
  readonly update: Tensors;
  readonly open: Tensors;
  readonly soel: SoelPaperUpdate | null;
}

/** The weights on their way through the inner loop. */
export interface Adaptation {
  /** After the outer quantizer, before the first step. */
  readonly start: Tensors;
  readonly startOpen: Tensors;
  readonly adapted: Tensors;
  readonly steps: readonly InnerStep[];
}

/** Settings that adapting and its reverse share. */
export interface AdaptOptions {
  readonly inner: InnerLoop;
  readonly outer: OuterGradient;
  readonly roundingSeed: number;
}

/** θ0 on the outer grid: what the burn-in runs with. */
export const startWeights = (network: SrmNetwork, masters: Tensors, options: AdaptOptions) =>
  quantizeTensors(network.spec, masters, options.inner.quantizeOuter, options.roundingSeed, 0);

/** The inner loop: θ' = θ − α·∇L_support(θ), or SOEL in the paper's form, each step followed by the inner
 *  quantizer. Source: design §5. */
export function adapt(
  network: SrmNetwork,
  start: ReturnType<typeof startWeights>,
  support: Batch,
  options: AdaptOptions,
): Adaptation {
  const { inner } = options;
  const horizon = horizonOf(network.spec, inner);
  const rates = innerRates(network.spec, inner, options.outer);
  const last = `${network.spec.layers[network.spec.layers.length - 1].name}.weight`;
  const steps: InnerStep[] = [];
  let weights = start.tensors;
  for (let k = 1; k <= inner.steps; k++) {
    const soel =
      inner.rule === "soel-paper"
        ? soelPaperUpdate(network, weights, support, horizon, inner.soelPaper ?? DEFAULT_SOEL_PAPER)
        : null;
    const update = soel
      ? Object.fromEntries(
          Object.entries(weights).map(([name, t]) => [
            name,
            name === last ? soel.delta : new Float64Array(t.length),
          ]),
        )
      : mapTensors(batchGradient(network, weights, support, horizon).gradients, (g) => -g);
    const moved = mapTensors(weights, (w, name, i) => w + rates[name] * update[name][i]);
    const { tensors, open } = quantizeTensors(
      network.spec,
      moved,
      inner.quantizeInner,
      options.roundingSeed,
      k,
    );
    steps.push({ from: weights, update, open, soel });
    weights = tensors;
  }
  return { start: start.tensors, startOpen: start.open, adapted: weights, steps };
}

/** Gradients of everything that the inner loop started from. */
export interface OuterGradients {
  readonly masters: Tensors;
  /** [layer] of the inner rates, for those who learn them; 0 where the inner loop leaves a layer alone. */
  readonly rates: Readonly<Record<string, number>>;
  /** Of the paper's θ. */
  readonly theta: number;
}

/** Carries a gradient at the adapted weights back to the masters: exactly (`maml`, `anil`: v − H·αv for every
 *  step), or with the inner gradients as constants (`fomaml`). Quantizers are straight-through, 0 where
 *  clamped. Source: Finn 2017, eq. 1; design §5. */
export function outerGradients(
  network: SrmNetwork,
  adaptation: Adaptation,
  support: Batch,
  atAdapted: Tensors,
  options: AdaptOptions,
): OuterGradients {
  const { inner, outer } = options;
  const horizon = horizonOf(network.spec, inner);
  const rates = innerRates(network.spec, inner, outer);
  const last = `${network.spec.layers[network.spec.layers.length - 1].name}.weight`;
  const adapted = adaptedLayers(network.spec, inner, outer);
  const rateGradients: Record<string, number> = {};
  let theta = 0;
  let v = atAdapted;
  for (const step of [...adaptation.steps].reverse()) {
    v = mapTensors(v, (g, name, i) => g * step.open[name][i]);
    for (const name of Object.keys(v)) {
      const layer = name.slice(0, name.lastIndexOf("."));
      const along = v[name].reduce((sum, g, i) => sum + g * step.update[name][i], 0);
      rateGradients[layer] = (rateGradients[layer] ?? 0) + (adapted.has(layer) ? along : 0);
    }
    const scaled = mapTensors(v, (g, name) => g * rates[name]);
    if (step.soel) {
      const back = step.soel.pullBack(scaled[last]);
      theta += back.theta;
      if (back.gradients) v = mapTensors(v, (g, name, i) => g + back.gradients![name][i]);
    } else if (outer !== "fomaml") {
      const { hessianVector } = batchGradient(network, step.from, support, horizon, scaled);
      v = mapTensors(v, (g, name, i) => g - hessianVector![name][i]);
    }
  }
  return {
    masters: mapTensors(v, (g, name, i) => g * adaptation.startOpen[name][i]),
    rates: rateGradients,
    theta,
  };
}

/** Element by element into new tensors. */
export const mapTensors = (
  tensors: Tensors,
  f: (value: number, name: string, index: number) => number,
): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => [name, t.map((value, index) => f(value, name, index))]),
  );
