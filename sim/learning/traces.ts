import { TRACE_MAX } from "../../hw/limits.js";
import { drawAt, drawPrefix } from "../../src/base/rng.js";
import { ATOM_BITS, type CoreState } from "../core-state.js";
import { LEARNING_STREAM, type LearningState, type TraceConstants } from "./learning-state.js";

const FRACTION_MASK = 127;

/** One step of a trace: min(127, ((x·decay + draw16) >> 16) + impulse). The impulse's fraction, in 1/128, is rounded by 7 low
 *  bits of the same draw. Design §6, step 3. */
function nextTrace(x: number, decay: number, random: number, spiked: boolean, impulse: number, fraction: number): number {
  const decayed = (x * decay + (random >>> 16)) >>> 16;
  if (!spiked) return decayed;
  const next = decayed + impulse + ((random & FRACTION_MASK) < fraction ? 1 : 0);
  return Math.min(TRACE_MAX, next);
}

/** Step in the epoch, 1…tepoch. */
const stepInEpoch = (t: number, tepoch: number) => ((t - 1) % tepoch) + 1;

/** Pre traces of every learning axon, once however many spikes arrived (design §6, step 3). */
export function updatePreTraces(core: CoreState, t: number): void {
  const { learning } = core;
  if (learning === null) return;
  const { arrivals } = core;
  const { axonRow, arrived, preSpikeStep } = learning;
  const step = stepInEpoch(t, learning.tepoch);
  for (let a = 0; a < arrivals.count; a++) {
    const row = axonRow[arrivals.items[a] >>> ATOM_BITS];
    if (row < 0) continue;
    arrived[row] = 1;
    preSpikeStep[row] = step;
  }
  updateRows(learning, learning.x1, learning.x1Constants, LEARNING_STREAM.x1, t);
  if (learning.x2Constants !== null) updateRows(learning, learning.x2, learning.x2Constants, LEARNING_STREAM.x2, t);
  for (let a = 0; a < arrivals.count; a++) {
    const row = axonRow[arrivals.items[a] >>> ATOM_BITS];
    if (row >= 0) arrived[row] = 0;
  }
  if (learning.tepoch > 1) {
    learning.x1History.set(learning.x1, step * learning.rowCount);
    learning.x2History.set(learning.x2, step * learning.rowCount);
  }
}

function updateRows(learning: LearningState, trace: Uint8Array, constants: TraceConstants, stream: number, t: number): void {
  const { arrived, logicalInput, rowCount, image, seed } = learning;
  const { decay, impulse, impulseFraction } = constants;
  const prefix = drawPrefix(seed, LEARNING_STREAM.perLayer * image.plasticLayer + stream, t);
  if (learning.kernels !== null) {
    learning.kernels.updateTraces(trace, prefix);
    return;
  }
  for (let row = 0; row < rowCount; row++) {
    if ((trace[row] | arrived[row]) === 0) continue; // 0 stays 0: the draw is below one
    const random = drawAt(prefix, logicalInput[row]);
    trace[row] = nextTrace(trace[row], decay[row], random, arrived[row] === 1, impulse[row], impulseFraction[row]);
  }
}

/** Post traces that have a configuration, and the epoch's last post spike; r1. Traces without one change by writes only. */
export function updatePostTraces(core: CoreState, t: number): void {
  const { learning } = core;
  if (learning === null || !learning.usesPostSpikes) return;
  const { fired } = core;
  const step = stepInEpoch(t, learning.tepoch);
  for (let k = 0; k < fired.count; k++) learning.postSpikeStep[fired.items[k]] = step;
  learning.image.postTrace.forEach((config, index) => {
    const trace = learning.y[index];
    const stream = LEARNING_STREAM.perLayer * learning.image.plasticLayer + LEARNING_STREAM.y[index];
    const prefix = drawPrefix(learning.seed, stream, t);
    let k = 0; // fired compartments ascend
    for (let c = 0; c < core.compartmentCount; c++) {
      const spiked = k < fired.count && fired.items[k] === c;
      if (spiked) k++;
      if (trace[c] === 0 && !spiked) continue;
      const random = drawAt(prefix, learning.image.logicalOutput[c]);
      trace[c] = nextTrace(trace[c], config.decay, random, spiked, config.impulse, config.impulseFraction);
    }
  });
  if (learning.tepoch > 1) learning.y.forEach((trace, index) => learning.yHistory[index].set(trace, step * core.compartmentCount));
}

/** r1 of the core's reward axon; r0 stays set until the end of the step. */
export function updateRewardTrace(core: CoreState, t: number): void {
  const { learning } = core;
  const config = learning?.image.rewardTrace;
  if (learning === null || config === undefined) return;
  const stream = LEARNING_STREAM.perLayer * learning.image.plasticLayer + LEARNING_STREAM.r1;
  const random = drawAt(drawPrefix(learning.seed, stream, t), 0);
  learning.reward[1] =
    nextTrace(learning.reward[1], config.decay, random, learning.reward[0] === 1, config.impulse, config.impulseFraction);
}
