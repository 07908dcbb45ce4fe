import type { ConvLayer, DenseLayer } from "../../model/types.js";
import type { LinearMap } from "./convolution.js";
import type { SpikeFunction } from "./spike-function.js";

/** A weighted layer of a `srm` network and the pools on it. Pools act on U, then the step (design §4). */
export interface SrmStage {
  readonly layer: ConvLayer | DenseLayer;
  readonly map: LinearMap;
  /** Four inputs of each window, one list a pool. */
  readonly pools: readonly Int32Array[];
  /** Size of what is passed on. */
  readonly passedSize: number;
}

/** What a stage carries from step to step; all 0 at first. */
export interface StageState {
  readonly p: Float64Array;
  readonly q: Float64Array;
  readonly r: Float64Array;
  /** The layer's own spikes, unpooled. */
  readonly s: Float64Array;
}

/** Weights [..], bias [out] of one layer, or a direction in them. */
export interface StageWeights {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

/** A value and, where a direction is followed, its derivative along it. */
export interface Dual {
  readonly value: Float64Array;
  readonly dot: Float64Array | null;
}

/** A stage over n steps: rows of [n, inputs], [n, outputs], [n, passed]. */
export interface StageTape {
  readonly steps: number;
  readonly p: Dual;
  readonly u: Dual;
  readonly passed: Dual;
  /** [n, passed] neuron whose U each passed value is. */
  readonly winner: Int32Array;
  readonly end: StageState;
}

/** A zero array, and a zero derivative where one is wanted. */
export const dual = (size: number, withDot: boolean): Dual => ({
  value: new Float64Array(size),
  dot: withDot ? new Float64Array(size) : null,
});

/** State before the first step. */
export function restState(stage: SrmStage): StageState {
  const { inputSize, outputSize } = stage.map;
  return {
    p: new Float64Array(inputSize),
    q: new Float64Array(inputSize),
    r: new Float64Array(outputSize),
    s: new Float64Array(outputSize),
  };
}

/** Runs a stage over n steps from a state that counts as constant. With `direction`, derivatives along it go
 *  beside.
 *  @param x [n, inputs] */
export function runStage(
  stage: SrmStage,
  weights: StageWeights,
  x: Dual,
  steps: number,
  start: StageState,
  spike: SpikeFunction,
  direction: StageWeights | null,
): StageTape {
  const { map, passedSize } = stage;
  const { alpha, beta, gain, alphaR, wr } = stage.layer.srm;
  const [I, O] = [map.inputSize, map.outputSize];
  const [p, u, passed] = [
    dual(steps * I, !!direction),
    dual(steps * O, !!direction),
    dual(steps * passedSize, !!direction),
  ];
  const winner = new Int32Array(steps * passedSize);
  const state = { p: start.p.slice(), q: start.q.slice(), r: start.r.slice(), s: start.s.slice() };
  const dState = direction ? restState(stage) : null;
  const filter = (s: StageState, input: Float64Array, out: Float64Array, t: number): void => {
    for (let j = 0; j < I; j++) {
      s.p[j] = alpha * s.p[j] + (1 - alpha) * s.q[j];
      s.q[j] = beta * s.q[j] + (1 - beta) * gain * input[t * I + j];
      out[t * I + j] = s.p[j];
    }
  };
  const positions = O / weights.bias.length;
  for (let t = 0; t < steps; t++) {
    filter(state, x.value, p.value, t);
    for (let i = 0; i < O; i++) {
      state.r[i] = alphaR * state.r[i] - (1 - alphaR) * wr * state.s[i];
      u.value[t * O + i] = weights.bias[Math.floor(i / positions)] + state.r[i];
    }
    map.forward(weights.weight, p.value, t * I, u.value, t * O);
    for (let i = 0; i < O; i++) state.s[i] = spike.value(u.value[t * O + i]);
    const winners = winnersOf(stage, u.value, t * O);
    for (let k = 0; k < passedSize; k++) {
      winner[t * passedSize + k] = winners[k];
      passed.value[t * passedSize + k] = spike.value(u.value[t * O + winners[k]]);
    }
    if (!direction || !dState || !p.dot || !u.dot || !passed.dot || !x.dot) continue;
    filter(dState, x.dot, p.dot, t);
    for (let i = 0; i < O; i++) {
      dState.r[i] = alphaR * dState.r[i] - (1 - alphaR) * wr * dState.s[i];
      u.dot[t * O + i] = direction.bias[Math.floor(i / positions)] + dState.r[i];
    }
    map.forward(weights.weight, p.dot, t * I, u.dot, t * O);
    map.forward(direction.weight, p.value, t * I, u.dot, t * O);
    for (let i = 0; i < O; i++) dState.s[i] = spike.slope(u.value[t * O + i]) * u.dot[t * O + i];
    for (let k = 0; k < passedSize; k++) {
      const at = t * O + winners[k];
      passed.dot[t * passedSize + k] = spike.slope(u.value[at]) * u.dot[at];
    }
  }
  return { steps, p, u, passed, winner, end: state };
}

/** [passed] neuron with the largest U of each window, the first in row-major order on ties; itself without
 *  pools. */
function winnersOf(stage: SrmStage, u: Float64Array, at: number): Int32Array {
  let winners = Int32Array.from({ length: stage.map.outputSize }, (_, i) => i);
  for (const windows of stage.pools) {
    const next = new Int32Array(windows.length / 4);
    for (let k = 0; k < next.length; k++) {
      let best = winners[windows[4 * k]];
      for (let c = 1; c < 4; c++) {
        const candidate = winners[windows[4 * k + c]];
        if (u[at + candidate] > u[at + best]) best = candidate;
      }
      next[k] = best;
    }
    winners = next;
  }
  return winners;
}

/** Gradients that come into a stage. */
export interface StageCotangents {
  /** [n, passed] */
  readonly passed: Dual | null;
  /** [outputs] of U at the last step. */
  readonly uLast: Dual | null;
  /** [inputs] of the trace P at the last step. */
  readonly pLast: Float64Array | null;
}

/** Goes back through a stage. Adds to the gradients, and to their derivatives along `direction` where it is
 *  given.
 *  @returns [n, inputs] gradient of x, or null where `wantInput` is false */
export function reverseStage(
  stage: SrmStage,
  weights: StageWeights,
  tape: StageTape,
  cotangents: StageCotangents,
  spike: SpikeFunction,
  direction: StageWeights | null,
  gradient: StageWeights,
  gradientDot: StageWeights | null,
  wantInput: boolean,
): Dual | null {
  const { map, passedSize } = stage;
  const { alpha, beta, gain, alphaR, wr } = stage.layer.srm;
  const { steps, u, p, winner } = tape;
  const [I, O] = [map.inputSize, map.outputSize];
  const positions = O / weights.bias.length;
  const both = direction !== null && gradientDot !== null;
  const gx = dual(steps * I, both);
  const [gU, gR, gP, aP, aQ] = [dual(O, both), dual(O, both), dual(I, both), dual(I, both), dual(I, both)];
  for (let t = steps - 1; t >= 0; t--) {
    const row = t * O;
    gU.value.fill(0);
    gU.dot?.fill(0);
    if (t === steps - 1 && cotangents.uLast) add(gU, cotangents.uLast);
    if (cotangents.passed) {
      const g = cotangents.passed;
      for (let k = 0; k < passedSize; k++) {
        const i = winner[t * passedSize + k];
        const at = t * passedSize + k;
        gU.value[i] += g.value[at] * spike.slope(u.value[row + i]);
        if (gU.dot && g.dot && u.dot) {
          gU.dot[i] +=
            g.dot[at] * spike.slope(u.value[row + i]) +
            g.value[at] * spike.curve(u.value[row + i]) * u.dot[row + i];
        }
      }
    }
    for (let i = 0; i < O; i++) {
      const gS = -(1 - alphaR) * wr * gR.value[i];
      gU.value[i] += spike.slope(u.value[row + i]) * gS;
      if (gU.dot && gR.dot && u.dot) {
        gU.dot[i] +=
          spike.slope(u.value[row + i]) * -(1 - alphaR) * wr * gR.dot[i] +
          spike.curve(u.value[row + i]) * u.dot[row + i] * gS;
        gR.dot[i] = gU.dot[i] + alphaR * gR.dot[i];
      }
      gR.value[i] = gU.value[i] + alphaR * gR.value[i];
      gradient.bias[Math.floor(i / positions)] += gU.value[i];
      if (gradientDot && gU.dot) gradientDot.bias[Math.floor(i / positions)] += gU.dot[i];
    }
    map.weightGradient(p.value, t * I, gU.value, 0, gradient.weight);
    if (gradientDot && gU.dot && p.dot) {
      map.weightGradient(p.value, t * I, gU.dot, 0, gradientDot.weight);
      map.weightGradient(p.dot, t * I, gU.value, 0, gradientDot.weight);
    }
    if (!wantInput) continue;
    gP.value.fill(0);
    map.transpose(weights.weight, gU.value, 0, gP.value, 0);
    if (t === steps - 1 && cotangents.pLast) for (let j = 0; j < I; j++) gP.value[j] += cotangents.pLast[j];
    backFilter(aP.value, aQ.value, gP.value, gx.value, t * I, alpha, beta, gain);
    if (!direction || !gP.dot || !gU.dot || !aP.dot || !aQ.dot || !gx.dot) continue;
    gP.dot.fill(0);
    map.transpose(weights.weight, gU.dot, 0, gP.dot, 0);
    map.transpose(direction.weight, gU.value, 0, gP.dot, 0);
    backFilter(aP.dot, aQ.dot, gP.dot, gx.dot, t * I, alpha, beta, gain);
  }
  return wantInput ? gx : null;
}

function add(to: Dual, from: Dual): void {
  for (let i = 0; i < to.value.length; i++) to.value[i] += from.value[i];
  if (to.dot && from.dot) for (let i = 0; i < to.dot.length; i++) to.dot[i] += from.dot[i];
}

/** One step back through the two trace filters: aQ first, as it takes aP of the step after. */
function backFilter(
  aP: Float64Array,
  aQ: Float64Array,
  gP: Float64Array,
  gx: Float64Array,
  at: number,
  alpha: number,
  beta: number,
  gain: number,
): void {
  for (let j = 0; j < aP.length; j++) {
    aQ[j] = (1 - alpha) * aP[j] + beta * aQ[j];
    aP[j] = gP[j] + alpha * aP[j];
    gx[at + j] = (1 - beta) * gain * aQ[j];
  }
}
