/** Output-axon slots in both public readings: one a population and destination (both open tools), or one a compartment
 *  and destination. Source: loihi-facts §2.4, mapping notes "not settled in public". */
import { AXON_SLOTS } from "../hw/limits.js";
import { INPUT, type RoutedNetwork } from "./ir.js";

export interface SlotCount {
  readonly perPopulation: number;
  readonly perCompartment: number;
}

/** [core] slots of all cores. */
export function countSlots(network: RoutedNetwork): SlotCount[] {
  const counts = network.cores.map(() => ({ perPopulation: 0, perCompartment: 0 }));
  network.links.forEach((links, target) => {
    for (const link of links) {
      const { piece, c0, c1 } = network.populations[link.population];
      if (piece === INPUT) continue;
      const source = network.coreOfPiece[piece];
      const offChip = network.addresses[source].chip !== network.addresses[target].chip;
      const slots = AXON_SLOTS[link.kind] + (offChip ? AXON_SLOTS.offChipExtra : 0);
      counts[source].perPopulation += slots;
      counts[source].perCompartment += slots * (c1 - c0);
    }
  });
  return counts;
}
