import type { FactorVariable } from "../../hw/microcode.js";
import { weightUnits } from "../../hw/weights.js";
import { drawAt, drawPrefix } from "../../src/base/rng.js";
import type { CoreState } from "../core-state.js";
import { clip16, factorValue, productValue, roundStochastic } from "./arithmetic.js";
import { LEARNING_STREAM, type LearningPlan, type LearningState, type PlannedFactor, type SeparableProduct } from "./learning-state.js";

/** Products that are a pre factor times a post factor, on w: only synapses where some product is not 0 can change, since w lies
 *  on its grid. SOEL's rule and pair rules are of this form; the arithmetic is that of `learn`. */
export function learnSeparable(
  core: CoreState, learning: LearningState, plan: LearningPlan, planIndex: number, t: number, due: boolean,
): void {
  const products = plan.separable!;
  let active = 0;
  for (let n = 0; n < products.length; n++) {
    if ((products[n].dependency !== "u" || due) && fillPostValues(core, learning, products[n])) active |= 1 << n;
  }
  if (active === 0) return;
  const base = LEARNING_STREAM.perLayer * learning.image.plasticLayer;
  const prefix = drawPrefix(learning.seed, base + LEARNING_STREAM.weight, t);
  core.work.synapticUpdates += learning.kernels !== null
    ? learning.kernels.learnSeparable(planIndex, active, prefix)
    : learnInTypeScript(core, learning, products.filter((_, n) => active & (1 << n)), planIndex, prefix);
}

/** One column after another. @param products those that are not 0 in this step
 *  @returns synapses with a product other than 0 */
function learnInTypeScript(
  core: CoreState, learning: LearningState, products: readonly SeparableProduct[], planIndex: number, prefix: number,
): number {
  const pre = products.map((product) => preValues(learning, product));
  const { columnStart, synapse, row, format, mantissa, grids, wgtExp, plan } = learning.plastic;
  const { logicalOutput, inputs } = learning.image;
  const { weight } = core.synapses;
  let updates = 0;
  for (let c = 0; c < core.compartmentCount; c++) {
    if (products.every(({ postValue }) => postValue[c] === 0)) continue;
    for (let s = columnStart[c], end = columnStart[c + 1]; s < end; s++) {
      let acc = mantissa[s] * 128;
      let touched = false;
      for (let n = 0; n < products.length; n++) {
        const { postValue, downScale, upScale } = products[n];
        const raw = pre[n][row[s]] * postValue[c];
        if (raw === 0) continue;
        touched = true;
        acc = clip16(acc + productValue(raw, downScale, upScale));
      }
      if (!touched || plan[format[s]] !== planIndex) continue;
      updates++;
      const grid = grids[format[s]];
      const random = drawAt(prefix, logicalOutput[c] * inputs + learning.logicalInput[row[s]]);
      const next = roundStochastic(acc, random, grid.lsb, grid.min, grid.max);
      if (next === mantissa[s]) continue;
      mantissa[s] = next;
      weight[synapse[s]] = weightUnits(next, wgtExp[format[s]]);
    }
  }
  return updates;
}

/** [row] mantissa·Π pre; 0 where the product waits for a pre spike that did not come. */
function preValues(learning: LearningState, { dependency, mantissa, pre: factors }: SeparableProduct): Int32Array {
  const values = new Int32Array(learning.rowCount);
  for (let row = 0; row < values.length; row++) {
    if (dependency === "x0" && learning.preSpikeStep[row] === 0) continue;
    let value = mantissa;
    for (let f = 0; f < factors.length; f++) value *= factorValue(factors[f], preOperand(learning, factors[f].variable, row));
    values[row] = value;
  }
  return values;
}

function preOperand(learning: LearningState, variable: FactorVariable, row: number): number {
  if (variable === "x1") return learning.x1[row];
  return variable === "x2" ? learning.x2[row] : learning.preSpikeStep[row] > 0 ? 1 : 0;
}

/** @returns whether the product is other than 0 for some compartment */
function fillPostValues(core: CoreState, learning: LearningState, { dependency, post: factors, postValue }: SeparableProduct): boolean {
  const { logicalOutput } = learning.image;
  let any = 0;
  for (let c = 0; c < core.compartmentCount; c++) {
    let value = logicalOutput[c] < 0 || (dependency === "y0" && learning.postSpikeStep[c] === 0) ? 0 : 1;
    if (value !== 0) for (let f = 0; f < factors.length; f++) value *= postFactor(learning, factors[f], c);
    postValue[c] = value;
    any |= value;
  }
  return any !== 0;
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
