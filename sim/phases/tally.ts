import { COST_TABLES, type CostModel } from "../../hw/energy.js";
import type { CoreState, CoreWork } from "../core-state.js";
import type { OperationCounts } from "../trace.js";

/** Seconds of one operation of each kind, by cost model. `inactive` is a compartment at rest. */
type Prices = Readonly<Record<keyof CoreWork | "inactive", number>>;

const pricesOf = (model: CostModel): Prices => {
  const t = COST_TABLES[model];
  return {
    sparse: t.synapticOperationS.sparse, dense: t.synapticOperationS.dense, population: t.synapticOperationS.population,
    active: t.activeUpdateS, inactive: t.inactiveUpdateS, spikes: t.spikeS, messages: t.messageS, synapticUpdates: t.synapticUpdateS ?? 0,
  };
};
const D18 = pricesOf("d18");
const SANAFE = pricesOf("sanafe");

const secondsOf = (work: CoreWork, inactive: number, prices: Prices): number =>
  work.sparse * prices.sparse + work.dense * prices.dense + work.population * prices.population + work.active * prices.active +
  inactive * prices.inactive + work.spikes * prices.spikes + work.messages * prices.messages + work.synapticUpdates * prices.synapticUpdates;

/** Adds the step's operations of all cores to the chip's counters, and the time of the core that took longest: all others wait
 *  for it at the barrier. The two cost models may name different cores. */
export function tallyOperations(cores: readonly CoreState[], counts: OperationCounts): void {
  let slowestD18 = 0;
  let slowestSanafe = 0;
  for (const { work, compartmentCount } of cores) {
    const inactive = compartmentCount - work.active;
    counts.sparseOperations += work.sparse;
    counts.denseOperations += work.dense;
    counts.populationOperations += work.population;
    counts.synapticOperations += work.sparse + work.dense + work.population;
    counts.activeUpdates += work.active;
    counts.inactiveUpdates += inactive;
    counts.spikes += work.spikes;
    counts.messages += work.messages;
    counts.synapticUpdates += work.synapticUpdates;
    slowestD18 = Math.max(slowestD18, secondsOf(work, inactive, D18));
    slowestSanafe = Math.max(slowestSanafe, secondsOf(work, inactive, SANAFE));
  }
  counts.busiestSecondsD18 += slowestD18;
  counts.busiestSecondsSanafe += slowestSanafe;
  counts.steps++;
}
