import type { MetaStepOptions, MetaStepResult } from "../../../src/engines/engine.js";
import { createReferenceEngine } from "../../../src/engines/reference/reference-engine.js";
import { adapt, horizonOf, mapTensors, startWeights } from "../../../src/engines/reference/srm-adapt.js";
import { batchGradient, prepareBatch, srmNetwork } from "../../../src/engines/reference/srm-network.js";
import type { Tensors } from "../../../src/engines/reference/srm-network.js";
import type { NetworkSpec, Parameters, QuantizedNetwork } from "../../../src/model/types.js";
import type { Task } from "../../../src/tasks/types.js";

/** A network, its masters and a task. */
export interface Case {
  readonly spec: NetworkSpec;
  readonly masters: Parameters;
  readonly quantized: QuantizedNetwork;
  readonly task: Task;
}

type Step = Pick<MetaStepResult, "loss" | "gradients" | "innerGradients">;

/** Largest difference of two results: of a tensor's entries relative to its largest entry, or to a thousandth of the largest
 *  of all, or to 1e-3, as what is smaller than that is what cancellation left; of losses relative to 1 at least. */
export function differenceOf(found: Step, expected: Step): number {
  const largest = Math.max(...Object.values(expected.gradients).flatMap((g) => [...g].map(Math.abs)));
  let worst = Math.abs(found.loss - expected.loss) / Math.max(1, expected.loss);
  for (const [name, g] of Object.entries(expected.gradients)) {
    const scale = Math.max(1e-3, 1e-3 * largest, ...[...g].map(Math.abs));
    g.forEach((x, k) => {
      worst = Math.max(worst, Math.abs(x - found.gradients[name][k]) / scale);
    });
  }
  const [a, b] = [found, expected].map(({ innerGradients: i }) => (i ? [...Object.values(i.rates), i.theta] : []));
  const scale = Math.max(1e-2, ...b.map(Math.abs));
  b.forEach((x, k) => {
    worst = Math.max(worst, Math.abs(x - a[k]) / scale);
  });
  return worst;
}

/** The reference's step; null where it stands on an edge. A threshold or a grid point may lie so close to a value that a
 *  rounding error falls on its other side (on grids, sums cancel to exactly the threshold): there even the reference jumps
 *  when the weights of any of its passes or its inner rates move by `size` of themselves, and a comparison says nothing
 *  about formulas.
 *  @param bound  what counts as a jump, as `differenceOf` measures */
export async function steadyStep(found: Case, options: MetaStepOptions, size: number, bound: number): Promise<MetaStepResult | null> {
  const { spec, masters, quantized, task } = found;
  const inner = options.inner!;
  const network = srmNetwork(spec);
  const horizon = horizonOf(spec, inner);
  const settings = { inner, outer: options.outer, roundingSeed: options.roundingSeed ?? 0 };
  const theta0 = Object.fromEntries(Object.entries(masters).map(([name, w]) => [name, Float64Array.from(w)]));
  const start = startWeights(network, theta0, settings);
  // Start weights of 0 stay; where the sums of a gradient cancel, an adapted weight is 0 but for a rounding error.
  const moved = (weights: Tensors, sign: number): Tensors =>
    mapTensors(weights, (w, _, i) => w + sign * size * (i % 2 === 0 ? 1 : -1) * (weights === start.tensors ? w : Math.abs(w) + 1));
  const batch = (part: "support" | "query", sign: number) =>
    prepareBatch(network, moved(start.tensors, sign), task[part], task[`${part}Labels`], horizon);
  const support = batch("support", 0);
  const adaptation = adapt(network, start, support, settings);
  for (const sign of [1, -1]) {
    const scaled = (rate: number): number => rate * (1 + sign * size);
    const rate = typeof inner.rate === "number" ? scaled(inner.rate)
      : Object.fromEntries(Object.entries(inner.rate).map(([name, r]) => [name, scaled(r)]));
    const again = adapt(network, start, support, { ...settings, inner: { ...inner, rate } });
    if (inner.quantizeInner && again.steps.some(({ from }, k) => jump(from, adaptation.steps[k].from) > 0)) return null;
    if (inner.quantizeInner && jump(again.adapted, adaptation.adapted) > 0) return null;
  }
  const passes = [...adaptation.steps.map(({ from }) => ["support", from] as const), ["query", adaptation.adapted] as const];
  for (const [part, weights] of passes) {
    const [still, up, down] = [0, 1, -1].map((sign) => batchGradient(network, moved(weights, sign), batch(part, sign), horizon));
    if (differenceOf(up, still) > bound || differenceOf(down, still) > bound) return null;
  }
  const engine = createReferenceEngine(spec);
  engine.setParameters(masters, quantized);
  return engine.metaStep(task, options);
}

const jump = (a: Tensors, b: Tensors): number =>
  Math.max(0, ...Object.entries(a).flatMap(([name, t]) => [...t].map((x, i) => Math.abs(x - b[name][i]))));
