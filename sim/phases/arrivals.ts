import { ATOM_BITS, type CoreState, reportOverflow } from "../core-state.js";
import { wrap } from "../../src/base/int.js";
import { WEIGHT_EXP_BASE, WIDTH } from "../../hw/limits.js";
import { SimulationError } from "../simulation-error.js";

const ATOM_MASK = 2 ** ATOM_BITS - 1;
/** So many arrivals of the largest weight stay within the 32 bits of a sum in units of 64. */
const ARRIVALS_LIMIT = 65_535;
const UNIT = 2 ** WEIGHT_EXP_BASE;

/** The spikes on their way become this step's arrivals; the emptied queue takes the next ones. */
export function advanceArrivals(core: CoreState): void {
  const emptied = core.arrivals;
  core.arrivals = core.nextArrivals;
  core.nextArrivals = emptied;
  emptied.count = 0;
}

/** Adds every arriving spike's weights: into q, or into the delay ring at t + delay where the core has delays. */
export function accumulateSynapses(core: CoreState, t: number): void {
  const { work } = core;
  work.sparse = work.dense = work.population = 0;
  if (core.arrivals.count > 0) {
    if (core.arrivals.count > ARRIVALS_LIMIT) throw tooManyArrivals(core, t);
    if (core.delaySlots === 1 && core.kernels !== null) core.kernels.scatter(core);
    else {
      countSynapses(core);
      if (core.delaySlots > 1) scatterDelayed(core, t);
      else scatter(core);
    }
  }
  if (core.delaySlots > 1) takeDelaySlot(core, t);
}

/** Synaptic operations, by the format that stored the synapses. */
function countSynapses(core: CoreState): void {
  const { axonList, axonPopulation, listStart, listDense } = core.synapses;
  const { items, count } = core.arrivals;
  let dense = 0;
  let population = 0;
  let all = 0;
  for (let a = 0; a < count; a++) {
    const axon = items[a] >>> ATOM_BITS;
    const list = axonList[axon] + (items[a] & ATOM_MASK);
    const synapses = listStart[list + 1] - listStart[list];
    all += synapses;
    if (axonPopulation[axon] === 1) population += synapses;
    else dense += listDense[list];
  }
  core.work.population = population;
  core.work.dense = dense;
  core.work.sparse = all - population - dense;
}

/** The hot loop of the simulator: q[target] += weight, by runs of consecutive targets where lists have them. */
function scatter(core: CoreState): void {
  const { axonList, axonBase, listStart, runStart, runTarget, runSynapse, runLength, target, weight } = core.synapses;
  const { items, count } = core.arrivals;
  const { q } = core;
  for (let a = 0; a < count; a++) {
    const axon = items[a] >>> ATOM_BITS;
    const list = axonList[axon] + (items[a] & ATOM_MASK);
    const base = axonBase[axon];
    const lastRun = runStart[list + 1];
    let run = runStart[list];
    if (run === lastRun) {
      for (let k = listStart[list], end = listStart[list + 1]; k < end; k++) q[base + target[k]] += weight[k];
    }
    for (; run < lastRun; run++) {
      let to = base + runTarget[run];
      let k = runSynapse[run];
      for (const end = k + runLength[run]; k < end; k++, to++) q[to] += weight[k];
    }
  }
}

const tooManyArrivals = (core: CoreState, t: number): SimulationError =>
  new SimulationError({ chip: core.image.chip, core: core.image.core, compartment: -1, step: t }, {
    code: "E-SIM-010", found: `${core.arrivals.count} spikes arrive in one step`, limit: `${ARRIVALS_LIMIT}`,
    hint: "send fewer events a step, or one spike a pixel (input \"binary\")",
  });

function scatterDelayed(core: CoreState, t: number): void {
  const { axonList, axonBase, listStart, target, weight, delay } = core.synapses;
  const { delayRing, delaySlots, compartmentCount } = core;
  const { items, count } = core.arrivals;
  for (let a = 0; a < count; a++) {
    const axon = items[a] >>> ATOM_BITS;
    const list = axonList[axon] + (items[a] & ATOM_MASK);
    const base = axonBase[axon];
    for (let k = listStart[list], end = listStart[list + 1]; k < end; k++) {
      delayRing[((t + delay[k]) % delaySlots) * compartmentCount + base + target[k]] += weight[k];
    }
  }
}

/** Moves the ring's slot of step t into q and clears it. */
function takeDelaySlot(core: CoreState, t: number): void {
  const { delayRing, delaySlots, compartmentCount, q } = core;
  const row = (t % delaySlots) * compartmentCount;
  for (let c = 0; c < compartmentCount; c++) {
    const sum = delayRing[row + c];
    if (sum === 0) continue;
    const wrapped = wrap(sum, WIDTH.q - WEIGHT_EXP_BASE);
    if (wrapped !== sum) reportOverflow(core, c, t, "q", sum * UNIT);
    q[c] = wrapped;
    delayRing[row + c] = 0;
  }
}
