import type { CoreState } from "./core-state.js";
import type { EmbeddedCore } from "./embedded/embedded-core.js";
import { learn } from "./learning/learn.js";
import { updatePostTraces, updatePreTraces, updateRewardTrace } from "./learning/traces.js";
import { accumulateSynapses, advanceArrivals } from "./phases/arrivals.js";
import { countSpikes, keepFired, refusePaddingSpikes, sendSpikes, updateCompartments } from "./phases/compartments.js";
import { tallyOperations } from "./phases/tally.js";
import type { OperationCounts } from "./trace.js";

/** What a step works on: all used cores, and the program of the embedded core. */
export interface SteppedChip {
  readonly cores: readonly CoreState[];
  readonly embedded: EmbeddedCore;
  readonly counts: OperationCounts;
}

/** The neuro cores' part of step t up to learning, one core at a time: a core sees another's spikes a step later only.
 *  Order: design §6, steps 1–4. */
export function stepCore(core: CoreState, t: number): void {
  advanceArrivals(core);
  accumulateSynapses(core, t);
  updatePreTraces(core, t);
  updateCompartments(core, t);
  refusePaddingSpikes(core, t);
  countSpikes(core);
  updatePostTraces(core, t);
  updateRewardTrace(core, t);
}

/** One step of the chip, in the order of design §6. @param r step of the presentation, 1…S */
export async function stepChip(chip: SteppedChip, t: number, r: number, observe: () => void): Promise<void> {
  const { cores, embedded, counts } = chip;
  for (const core of cores) stepCore(core, t);
  for (const core of cores) sendSpikes(core, cores, counts);
  observe();
  const preLearning = embedded.preLearning(t, r);
  if (preLearning !== undefined) await preLearning;
  for (const core of cores) {
    learn(core, t);
    if (core.learning !== null) core.learning.reward[0] = 0;
    keepFired(core);
  }
  tallyOperations(cores, counts);
  const management = embedded.management(t, r);
  if (management !== undefined) await management;
}
