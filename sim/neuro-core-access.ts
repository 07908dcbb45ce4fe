import { TRACE_MAX } from "../hw/limits.js";
import type { CoreState } from "./core-state.js";
import type { NeuroCoreAccess } from "./embedded/embedded-core.js";
import { coreKey } from "./load-core.js";
import { SimulationError } from "./simulation-error.js";
import type { OperationCounts } from "./trace.js";

/** What the access needs of the chip: the clock runs on. */
export interface AccessedChip {
  readonly time: number;
  readonly cores: readonly CoreState[];
  readonly counts: OperationCounts;
}

/** The neuro cores as the embedded program sees them; every register read or written is counted.
 *  @throws SimulationError E-SIM-004 for a core or compartment that is not there, E-SIM-005 for a trace out of range */
export class SimulatedAccess implements NeuroCoreAccess {
  private readonly byKey: ReadonlyMap<number, CoreState>;

  constructor(private readonly chip: AccessedChip) {
    this.byKey = new Map(chip.cores.map((core) => [coreKey(core.image.chip, core.image.core), core]));
  }

  get time(): number {
    return this.chip.time;
  }

  private find(chip: number, core: number, compartment: number): CoreState {
    const found = this.byKey.get(coreKey(chip, core));
    if (found === undefined || compartment < 0 || compartment >= found.compartmentCount) {
      throw new SimulationError({ chip, core, compartment, step: this.time }, {
        code: "E-SIM-004", found: "the embedded program addresses a core or compartment that is not used",
      });
    }
    return found;
  }

  readAndClearSpikeCount(chip: number, core: number, compartment: number): number {
    const { spikeCounter } = this.find(chip, core, compartment);
    const count = spikeCounter[compartment];
    spikeCounter[compartment] = 0;
    this.chip.counts.embeddedReads++;
    return count;
  }

  readU(chip: number, core: number, compartment: number): number {
    this.chip.counts.embeddedReads++;
    return this.find(chip, core, compartment).u[compartment];
  }

  readV(chip: number, core: number, compartment: number): number {
    this.chip.counts.embeddedReads++;
    return this.find(chip, core, compartment).v[compartment];
  }

  writePostTrace(chip: number, core: number, compartment: number, y1: number): void {
    const found = this.find(chip, core, compartment);
    if (found.learning === null || !Number.isInteger(y1) || y1 < 0 || y1 > TRACE_MAX) {
      throw new SimulationError({ chip, core, compartment, step: this.time }, {
        code: "E-SIM-005", found: found.learning === null ? "y1 written on a core that does not learn" : `y1 = ${y1} written`,
        limit: `0…${TRACE_MAX} on a learning core`,
      });
    }
    this.chip.counts.embeddedWrites++;
    const { learning } = found;
    learning.y[0][compartment] = y1;
    if (learning.tepoch > 1) {
      const step = ((this.time - 1) % learning.tepoch) + 1;
      learning.yHistory[0][step * found.compartmentCount + compartment] = y1;
    }
  }

  resetState(): void {
    for (const core of this.chip.cores) resetCore(core);
    this.chip.counts.embeddedWrites += this.chip.cores.length;
  }
}

/** Everything that must not cross the border of a presentation (design §6, step 7). */
function resetCore(core: CoreState): void {
  for (const array of [core.u, core.v, core.refractory, core.q, core.delayRing, core.spikeCounter]) array.fill(0);
  for (const queue of [core.arrivals, core.nextArrivals, core.fired, core.firedBefore]) queue.count = 0;
  const { learning } = core;
  if (learning === null) return;
  learning.preSpikeStep.fill(0);
  learning.postSpikeStep.fill(0);
  if (!learning.image.resetPreTrace) return;
  for (const array of [learning.x1, learning.x2, learning.x1History, learning.x2History]) array.fill(0);
}
