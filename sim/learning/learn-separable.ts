import type { FactorVariable } from "../../hw/microcode.js";
import { weightUnits } from "../../hw/weights.js";
import { drawAt, drawPrefix } from "../../src/base/rng.js";
import type { CoreState } from "../core-state.js";
import type { OperationCounts } from "../trace.js";
import { clip16, factorValue, productValue, roundStochastic } from "./arithmetic.js";
import { LEARNING_STREAM, type LearningState, type PlannedFactor, type SeparableProduct } from "./learning-state.js";

/** A product in this step: values by row and by compartment, 0 where it changes nothing. */
interface ActiveProduct {
  readonly pre: Int32Array;
  readonly post: Int32Array;
  readonly mantissa: number;
  readonly downScale: number;
  readonly upScale: number;
}

/** Products that are a pre factor times a post factor, on w: only synapses where some product is not 0 can change, since w lies
 *  on its grid. SOEL's rule and pair rules are of this form; the arithmetic is that of `learn`. */
export function learnSeparable(
  core: CoreState, learning: LearningState, products: readonly SeparableProduct[], planIndex: number, t: number, due: boolean,
  counts: OperationCounts,
): void {
  const posts = products.map((product) => (product.dependency === "u" && !due ? null : postValues(core, learning, product)));
  if (posts.every((post) => post === null)) return;
  const base = LEARNING_STREAM.perLayer * learning.image.plasticLayer;
  const prefix = drawPrefix(learning.seed, base + LEARNING_STREAM.weight, t);
  counts.synapticUpdates += learning.kernels !== null
    ? learning.kernels.learnSeparable(planIndex, posts, prefix)
    : learnInTypeScript(core, learning, products, planIndex, posts, prefix);
}

/** @param posts what `postValues` gives for each product; null: not in this step. @returns synapses with a product other than 0 */
function learnInTypeScript(
  core: CoreState, learning: LearningState, products: readonly SeparableProduct[], planIndex: number,
  posts: readonly (Int32Array | null)[], prefix: number,
): number {
  const active = products.flatMap((product, n) => activate(learning, product, posts[n]));
  const { rowStart, synapse, compartment, format, mantissa, grids, wgtExp, plan } = learning.plastic;
  const { logicalOutput, inputs } = learning.image;
  const { weight } = core.synapses;
  let updates = 0;
  for (let row = 0; row < learning.rowCount; row++) {
    let rowActive = 0;
    for (let n = 0; n < active.length; n++) rowActive |= active[n].pre[row];
    if (rowActive === 0) continue;
    for (let s = rowStart[row], end = rowStart[row + 1]; s < end; s++) {
      const c = compartment[s];
      let acc = mantissa[s] * 128;
      let touched = false;
      for (let n = 0; n < active.length; n++) {
        const { pre, post, mantissa: scale, downScale, upScale } = active[n];
        const raw = scale * pre[row] * post[c];
        if (raw === 0) continue;
        touched = true;
        acc = clip16(acc + productValue(raw, downScale, upScale));
      }
      if (!touched || plan[format[s]] !== planIndex) continue;
      updates++;
      const grid = grids[format[s]];
      const random = drawAt(prefix, logicalOutput[c] * inputs + learning.logicalInput[row]);
      const next = roundStochastic(acc, random, grid.lsb, grid.min, grid.max);
      if (next === mantissa[s]) continue;
      mantissa[s] = next;
      weight[synapse[s]] = weightUnits(next, wgtExp[format[s]]);
    }
  }
  return updates;
}

/** The product's values in this step; nothing where it is 0 for every synapse. */
function activate(learning: LearningState, product: SeparableProduct, post: Int32Array | null): ActiveProduct[] {
  if (post === null) return [];
  const pre = preValues(learning, product);
  return pre === null ? [] : [{ ...product, pre, post }];
}

function preValues(learning: LearningState, { dependency, pre: factors }: SeparableProduct): Int32Array | null {
  const values = new Int32Array(learning.rowCount);
  let any = 0;
  for (let row = 0; row < values.length; row++) {
    if (dependency === "x0" && learning.preSpikeStep[row] === 0) continue;
    let value = 1;
    for (let f = 0; f < factors.length; f++) value *= factorValue(factors[f], preOperand(learning, factors[f].variable, row));
    values[row] = value;
    any |= value;
  }
  return any === 0 ? null : values;
}

function preOperand(learning: LearningState, variable: FactorVariable, row: number): number {
  if (variable === "x1") return learning.x1[row];
  return variable === "x2" ? learning.x2[row] : learning.preSpikeStep[row] > 0 ? 1 : 0;
}

function postValues(core: CoreState, learning: LearningState, { dependency, post: factors }: SeparableProduct): Int32Array | null {
  const values = new Int32Array(core.compartmentCount);
  let any = 0;
  for (let c = 0; c < values.length; c++) {
    if (learning.image.logicalOutput[c] < 0 || (dependency === "y0" && learning.postSpikeStep[c] === 0)) continue;
    values[c] = factors.reduce((product, factor) => product * postFactor(learning, factor, c), 1);
    any |= values[c];
  }
  return any === 0 ? null : values;
}

function postFactor(learning: LearningState, factor: PlannedFactor, c: number): number {
  return factorValue(factor, postOperand(learning, factor.variable, c));
}

function postOperand(learning: LearningState, variable: FactorVariable, c: number): number {
  switch (variable) {
    case "y0": return learning.postSpikeStep[c] > 0 ? 1 : 0;
    case "y1": return learning.y[0][c];
    case "y2": return learning.y[1][c];
    case "y3": return learning.y[2][c];
    case "r0": return learning.reward[0];
    default: return learning.reward[1];
  }
}
