import type { FactorVariable, RuleTarget } from "../../hw/microcode.js";
import { weightUnits } from "../../hw/weights.js";
import { drawAt, drawPrefix } from "../../src/base/rng.js";
import type { CoreState } from "../core-state.js";
import { clip16, factorValue, productValue, roundStochastic } from "./arithmetic.js";
import { LEARNING_STREAM, type LearningPlan, type LearningState, type PlannedProduct } from "./learning-state.js";
import { learnSeparable } from "./learn-separable.js";

/** Runs the learning engine at the end of an epoch: every profile's products over its synapses (design §6, step 6). All
 *  products read the w, d and t of before the epoch; each is saturated, and so is the sum after each. */
export function learn(core: CoreState, t: number): void {
  const { learning } = core;
  core.work.synapticUpdates = 0;
  if (learning === null || t % learning.tepoch !== 0) return;
  learning.plans.forEach((plan, index) => {
    const due = t % plan.epochSteps === 0;
    if (plan.separable !== null) learnSeparable(core, learning, plan, index, t, due);
    else learnGeneral(core, learning, plan, index, t, due);
  });
  learning.preSpikeStep.fill(0);
  learning.postSpikeStep.fill(0);
  if (learning.tepoch > 1) endEpochHistory(core, learning);
}

/** The last values of an epoch are where the next one starts. */
function endEpochHistory(core: CoreState, learning: LearningState): void {
  learning.x1History.copyWithin(0, learning.tepoch * learning.rowCount);
  learning.x2History.copyWithin(0, learning.tepoch * learning.rowCount);
  for (const history of learning.yHistory) history.copyWithin(0, learning.tepoch * core.compartmentCount);
}

/** Any sum of products on w, d and t. */
function learnGeneral(
  core: CoreState, learning: LearningState, plan: LearningPlan, planIndex: number, t: number, due: boolean,
): void {
  const { plastic } = learning;
  const prefixes = targetPrefixes(learning, t);
  const sums: Record<RuleTarget, number> = { w: 0, d: 0, t: 0 };
  for (let c = 0; c < core.compartmentCount; c++) {
    for (let s = plastic.columnStart[c]; s < plastic.columnStart[c + 1]; s++) {
      if (plastic.plan[plastic.format[s]] !== planIndex) continue;
      const row = plastic.row[s];
      sums.w = plastic.mantissa[s] * 128;
      sums.d = core.synapses.delay[plastic.synapse[s]] * 128;
      sums.t = plastic.tag[s] * 128;
      let touched = false;
      for (const product of plan.products) {
        const step = productStep(core, learning, product, row, c, due);
        if (step < 0) continue;
        touched = true;
        const raw = rawProduct(core, learning, product, row, c, s, step);
        sums[product.target] = clip16(sums[product.target] + productValue(raw, product.downScale, product.upScale));
      }
      if (!touched) continue;
      core.work.synapticUpdates++;
      writeBack(core, learning, s, learning.image.logicalOutput[c] * learning.image.inputs + learning.logicalInput[row], sums, prefixes);
    }
  }
}

type Prefixes = Readonly<Record<RuleTarget, number>>;

function targetPrefixes(learning: LearningState, t: number): Prefixes {
  const base = LEARNING_STREAM.perLayer * learning.image.plasticLayer;
  const prefix = (stream: number) => drawPrefix(learning.seed, base + stream, t);
  return { w: prefix(LEARNING_STREAM.weight), d: prefix(LEARNING_STREAM.delay), t: prefix(LEARNING_STREAM.tag) };
}

/** Step of the epoch at which the product reads traces; −1: its dependency did not happen. */
function productStep(
  core: CoreState, learning: LearningState, product: PlannedProduct, row: number, compartment: number, due: boolean,
): number {
  if (core.compartmentCount === 0) return -1;
  if (product.dependency === "u") return due ? learning.tepoch : -1;
  const step = product.dependency === "x0" ? learning.preSpikeStep[row] : learning.postSpikeStep[compartment];
  return step === 0 ? -1 : step;
}

function rawProduct(
  core: CoreState, learning: LearningState, product: PlannedProduct, row: number, compartment: number, s: number, step: number,
): number {
  let raw = product.mantissa;
  for (const factor of product.factors) {
    raw *= factorValue(factor, operand(core, learning, factor.variable, row, compartment, s, step));
  }
  return raw;
}

function operand(
  core: CoreState, learning: LearningState, variable: FactorVariable, row: number, compartment: number, s: number, step: number,
): number {
  const past = learning.tepoch > 1;
  const y = (index: 0 | 1 | 2) =>
    past ? learning.yHistory[index][step * core.compartmentCount + compartment] : learning.y[index][compartment];
  switch (variable) {
    case "x0": return learning.preSpikeStep[row] > 0 ? 1 : 0;
    case "x1": return past ? learning.x1History[step * learning.rowCount + row] : learning.x1[row];
    case "x2": return past ? learning.x2History[step * learning.rowCount + row] : learning.x2[row];
    case "y0": return learning.postSpikeStep[compartment] > 0 ? 1 : 0;
    case "y1": return y(0);
    case "y2": return y(1);
    case "y3": return y(2);
    case "r0": return learning.reward[0];
    case "r1": return learning.reward[1];
    case "w": return learning.plastic.mantissa[s];
    case "d": return core.synapses.delay[learning.plastic.synapse[s]];
    case "t": return learning.plastic.tag[s];
  }
}

function writeBack(
  core: CoreState, learning: LearningState, s: number, draw: number, sums: Record<RuleTarget, number>, prefixes: Prefixes,
): void {
  const { plastic } = learning;
  const format = plastic.format[s];
  const k = plastic.synapse[s];
  const grid = plastic.grids[format];
  const next = roundStochastic(sums.w, drawAt(prefixes.w, draw), grid.lsb, grid.min, grid.max);
  if (next !== plastic.mantissa[s]) {
    plastic.mantissa[s] = next;
    core.synapses.weight[k] = weightUnits(next, plastic.wgtExp[format]);
  }
  const delayMax = plastic.delayMax[format];
  if (delayMax > 0) core.synapses.delay[k] = roundStochastic(sums.d, drawAt(prefixes.d, draw), 0, 0, delayMax);
  const tagMax = plastic.tagMax[format];
  if (tagMax >= 0) plastic.tag[s] = roundStochastic(sums.t, drawAt(prefixes.t, draw), 0, -tagMax - 1, tagMax);
}
