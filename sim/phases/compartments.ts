import { DECAY_ONE, WEIGHT_EXP_BASE, WIDTH } from "../../hw/limits.js";
import { type CoreState, PADDING_BIT, pushTo, reportOverflow, ROUTE_HEAD } from "../core-state.js";
import { paddingSpikeError } from "../simulation-error.js";
import type { OperationCounts } from "../trace.js";

/** Shifts that cut a 32-bit number to the width of q (in units of 64) and u, with sign. */
const Q_SHIFT = 32 - (WIDTH.q - WEIGHT_EXP_BASE);
const U_SHIFT = 32 - WIDTH.u;
const UNIT = 2 ** WEIGHT_EXP_BASE;
const INVERSE_ONE = 1 / DECAY_ONE;

/** The compartments' phase: in WebAssembly where the core has kernels, else by the twin below. */
export function updateCompartments(core: CoreState, t: number): void {
  core.work.active = core.kernels !== null ? core.kernels.update(core, t) : updateInTypeScript(core, t);
}

/** u, v and spike of every compartment (design §4); compartments at rest are passed over: they would stay as they are.
 *  Products are exact: |u|·4096 < 2^36, a double has 53 bits, and `| 0` rounds toward zero.
 *  @returns compartments that were not at rest */
function updateInTypeScript(core: CoreState, t: number): number {
  const { q, u, v, refractory, bias, keepU, keepV, vth, vMin, vMax, blockedSteps, fired, compartmentCount } = core;
  fired.count = 0;
  let active = 0;
  for (let c = 0; c < compartmentCount; c++) {
    const units = q[c];
    if ((units | u[c] | v[c] | refractory[c] | bias[c]) === 0) continue;
    active++;
    q[c] = 0;
    const cut = (units << Q_SHIFT) >> Q_SHIFT;
    if (cut !== units) reportOverflow(core, c, t, "q", units * UNIT);
    let current = ((u[c] * keepU[c] * INVERSE_ONE) | 0) + cut * UNIT;
    const cutCurrent = (current << U_SHIFT) >> U_SHIFT;
    if (cutCurrent !== current) {
      reportOverflow(core, c, t, "u", current);
      current = cutCurrent;
    }
    u[c] = current;
    let drive = current + bias[c];
    const cutDrive = (drive << U_SHIFT) >> U_SHIFT;
    if (cutDrive !== drive) {
      reportOverflow(core, c, t, "u+bias", drive);
      drive = cutDrive;
    }
    let voltage = ((v[c] * keepV[c] * INVERSE_ONE) | 0) + drive;
    if (voltage > vMax) voltage = vMax;
    else if (voltage < vMin) voltage = vMin;
    if (refractory[c] > 0) {
      refractory[c]--;
      voltage = 0;
    } else if (voltage > vth[c]) {
      voltage = 0;
      refractory[c] = blockedSteps[c];
      pushTo(fired, c);
    }
    v[c] = voltage;
  }
  return active;
}

/** Holds the strict chip to what the compiler promised: padding compartments never fire. @throws SimulationError E-SIM-011 */
export function refusePaddingSpikes(core: CoreState, t: number): void {
  if (!core.strict) return;
  const { fired: { items, count }, rasterBit, image } = core;
  for (let k = 0; k < count; k++) {
    if (rasterBit[items[k]] !== PADDING_BIT) continue;
    throw paddingSpikeError({ chip: image.chip, core: image.core, compartment: items[k], step: t });
  }
}

/** Counters that the x86 cores read: a spike of step t−1 shows at step t (design §6, step 4). */
export function countSpikes(core: CoreState): void {
  const { items, count } = core.firedBefore;
  for (let k = 0; k < count; k++) core.spikeCounter[items[k]]++;
}

/** Sends this step's spikes: they arrive in the next one. @param counts hops and messages to other chips are added to it */
export function sendSpikes(core: CoreState, cores: readonly CoreState[], counts: OperationCounts): void {
  const { start, records } = core.routes;
  const { items, count } = core.fired;
  let messages = 0;
  for (let k = 0; k < count; k++) {
    const record = start[items[k]];
    const sent = records[record];
    messages += sent;
    counts.hopsEastWest += records[record + 1];
    counts.hopsNorthSouth += records[record + 2];
    counts.offChipMessages += records[record + 3];
    const first = record + ROUTE_HEAD;
    for (let at = first, end = first + 2 * sent; at < end; at += 2) pushTo(cores[records[at]].nextArrivals, records[at + 1]);
  }
  core.work.messages = messages;
  core.work.spikes = count;
}

/** This step's spikes become those of the last step. */
export function keepFired(core: CoreState): void {
  const before = core.firedBefore;
  core.firedBefore = core.fired;
  core.fired = before;
}
