/** The two public energy and time tables. They are never mixed: every figure is given by one or by the other. */

/** D18: Davies et al. 2018, Table 2: 0.75 V, pre-silicon simulation. SANA-FE: regression on a Nahuku board. */
export type CostModel = "d18" | "sanafe";

/** Joule and seconds of single operations; undefined where the source gives none. */
export interface CostTable {
  readonly name: string;
  readonly source: string;
  readonly synapticOperation: { readonly dense: number; readonly sparse: number; readonly population: number };
  readonly synapticOperationS: { readonly dense: number; readonly sparse: number; readonly population: number };
  readonly synapticUpdate?: number;
  readonly synapticUpdateS?: number;
  /** Compartment with activity in the step, and one without. */
  readonly activeUpdate: number;
  readonly inactiveUpdate: number;
  readonly activeUpdateS: number;
  readonly inactiveUpdateS: number;
  /** Leaving the soma, and each message sent. */
  readonly spike: number;
  readonly spikeS: number;
  readonly message: number;
  readonly messageS: number;
  readonly messageInS: number;
  readonly hopEastWest: number;
  readonly hopEastWestS: number;
  readonly hopNorthSouth: number;
  readonly hopNorthSouthS: number;
  /** [tiles, seconds], ascending; the next entry not below counts. */
  readonly barrierS: readonly (readonly [number, number])[];
  readonly unknown: readonly string[];
}

const PJ = 1e-12;
const NS = 1e-9;

/** Source of every figure: loihi-facts §5. */
export const COST_TABLES: Readonly<Record<CostModel, CostTable>> = {
  d18: {
    name: "Davies 2018",
    source: "Davies et al., IEEE Micro 38(1), 2018, Table 2: 0.75 V, pre-silicon",
    synapticOperation: { dense: 23.6 * PJ, sparse: 23.6 * PJ, population: 23.6 * PJ },
    synapticOperationS: { dense: 3.5 * NS, sparse: 3.5 * NS, population: 3.5 * NS },
    synapticUpdate: 120 * PJ, synapticUpdateS: 6.1 * NS,
    activeUpdate: 81 * PJ, inactiveUpdate: 52 * PJ, activeUpdateS: 8.4 * NS, inactiveUpdateS: 5.3 * NS,
    spike: 0, spikeS: 0, message: 1.7 * PJ, messageS: 2.1 * NS, messageInS: 0,
    hopEastWest: 3.0 * PJ, hopEastWestS: 4.1 * NS, hopNorthSouth: 4.0 * PJ, hopNorthSouthS: 6.5 * NS,
    barrierS: [[1, 113 * NS], [32, 465 * NS]],
    unknown: ["barrier energy", "x86 energy", "off-chip links"],
  },
  sanafe: {
    name: "SANA-FE",
    source: "SANA-FE arch/loihi.yaml: regression on a Nahuku board, claimed error 12 % energy, 25 % latency",
    synapticOperation: { dense: 35.5 * PJ, sparse: 33.6 * PJ, population: 24.0 * PJ },
    synapticOperationS: { dense: 3.8 * NS, sparse: 4.7 * NS, population: 3.1 * NS },
    // Every mapped compartment is accessed; one with activity is updated as well.
    activeUpdate: (51.2 + 21.6) * PJ, inactiveUpdate: 51.2 * PJ, activeUpdateS: (6.0 + 3.7) * NS, inactiveUpdateS: 6.0 * NS,
    spike: 69.3 * PJ, spikeS: 30 * NS, message: 111 * PJ, messageS: 5.1 * NS, messageInS: 16 * NS,
    hopEastWest: 3.0 * PJ, hopEastWestS: 4.1 * NS, hopNorthSouth: 4.2 * PJ, hopNorthSouthS: 6.5 * NS,
    barrierS: [[1, 600 * NS], [2, 1000 * NS], [4, 1400 * NS], [29, 1800 * NS]],
    unknown: ["synaptic update (learning)", "barrier energy", "x86 energy", "off-chip links"],
  },
};

/** Static power of one chip on a 32-chip board, watts; voltage unstated.  Frady 2020. Never part of dynamic energy. */
export const STATIC_POWER_W = 0.104;

/** Operation counts that energy is made of; `OperationCounts` of the simulator fits. */
export interface CountedOperations {
  readonly steps: number;
  readonly sparseOperations: number;
  readonly denseOperations: number;
  readonly populationOperations: number;
  readonly activeUpdates: number;
  readonly inactiveUpdates: number;
  readonly spikes: number;
  readonly messages: number;
  readonly hopsEastWest: number;
  readonly hopsNorthSouth: number;
  readonly synapticUpdates: number;
}

/** Dynamic energy in joule, by what it was spent on. */
export interface EnergyReport {
  readonly model: CostModel;
  readonly source: string;
  readonly synapses: number;
  readonly learning: number;
  readonly compartments: number;
  readonly spikes: number;
  readonly mesh: number;
  readonly dynamicJ: number;
  /** What the source says nothing about: not in the sum. */
  readonly unknown: readonly string[];
}

/** Dynamic energy of the counted operations under one table. */
export function dynamicEnergy(counts: CountedOperations, model: CostModel): EnergyReport {
  const table = COST_TABLES[model];
  const synapses =
    counts.sparseOperations * table.synapticOperation.sparse + counts.denseOperations * table.synapticOperation.dense +
    counts.populationOperations * table.synapticOperation.population;
  const learning = counts.synapticUpdates * (table.synapticUpdate ?? 0);
  const compartments = counts.activeUpdates * table.activeUpdate + counts.inactiveUpdates * table.inactiveUpdate;
  const spikes = counts.spikes * table.spike + counts.messages * table.message;
  const mesh = counts.hopsEastWest * table.hopEastWest + counts.hopsNorthSouth * table.hopNorthSouth;
  return {
    model, source: table.source, synapses, learning, compartments, spikes, mesh,
    dynamicJ: synapses + learning + compartments + spikes + mesh, unknown: table.unknown,
  };
}

/** Static energy in joule of so many chips over so many seconds. */
export const staticEnergy = (chips: number, seconds: number): number => chips * seconds * STATIC_POWER_W;

/** Seconds of the barrier that ends every step, for the tiles used on the busiest chip. */
export function barrierSeconds(tiles: number, model: CostModel): number {
  const { barrierS } = COST_TABLES[model];
  return (barrierS.find(([limit]) => tiles <= limit) ?? barrierS[barrierS.length - 1])[1];
}

/** Seconds that a step takes: the busiest core's serial work, and the barrier. A model of ours on the table's figures.
 *  @param busiest operations of the busiest core in the step (steps counts 1) */
export function stepSeconds(busiest: CountedOperations, tiles: number, model: CostModel): number {
  const t = COST_TABLES[model];
  return (
    busiest.sparseOperations * t.synapticOperationS.sparse + busiest.denseOperations * t.synapticOperationS.dense +
    busiest.populationOperations * t.synapticOperationS.population + busiest.synapticUpdates * (t.synapticUpdateS ?? 0) +
    busiest.activeUpdates * t.activeUpdateS + busiest.inactiveUpdates * t.inactiveUpdateS +
    busiest.spikes * t.spikeS + busiest.messages * t.messageS + barrierSeconds(tiles, model)
  );
}
