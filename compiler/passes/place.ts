/** Gives every core a place on the mesh.
 *  Needs: cores with their chip. Promises: no two share an address. Cost: messages × mesh energy if every source spikes
 *  once. Start: cores in order along the tiles; then swaps (with empty places too) as long as one lowers the cost.
 *  Deterministic: pairs are tried in order. */
import { COST_TABLES } from "../../hw/energy.js";
import { CHIP_LIMITS } from "../../hw/limits.js";
import { routeHops } from "../../hw/topology.js";
import type { CoreAddress } from "../../hw/image.js";
import { axisReach, sourceChannels } from "../geometry.js";
import { INPUT, type PartitionedNetwork, type Piece, type PlacedNetwork, type Projection } from "../ir.js";

const MAX_ROUNDS = 8;

/** Messages from core to core if every neuron spikes once: traffic[from].get(to). */
export function trafficOf(network: PartitionedNetwork): Map<number, number>[] {
  const coreOf = new Map<number, number>();
  network.cores.forEach((core, index) => {
    for (const piece of core.pieces) coreOf.set(piece, index);
  });
  const traffic = network.cores.map(() => new Map<number, number>());
  network.pieces.forEach((target, targetIndex) => {
    const layer = network.layers[target.layer];
    for (const projection of layer.projections) {
      if (projection.source === INPUT) continue;
      network.pieces.forEach((source, sourceIndex) => {
        if (source.layer !== projection.source) return;
        const messages = messagesBetween(
          projection,
          source,
          target,
          sourceChannels(projection, layer, target.box),
        );
        if (messages === 0) return;
        const [from, to] = [coreOf.get(sourceIndex)!, coreOf.get(targetIndex)!];
        traffic[from].set(to, (traffic[from].get(to) ?? 0) + messages);
      });
    }
  });
  return traffic;
}

function messagesBetween(
  projection: Projection,
  source: Piece,
  target: Piece,
  [c0, c1]: readonly [number, number],
): number {
  const inside = (axis: 0 | 1, low: number, high: number, from: number, to: number): number =>
    axisReach(projection, axis, low, high, 0).filter((reach) => reach.source >= from && reach.source < to)
      .length;
  const { box } = source;
  const channels = Math.max(0, Math.min(c1, box.c1) - Math.max(c0, box.c0));
  if (channels === 0) return 0;
  const rows = inside(0, target.box.y0, target.box.y1, box.y0, box.y1);
  return rows === 0 ? 0 : channels * rows * inside(1, target.box.x0, target.box.x1, box.x0, box.x1);
}

/** [from·128 + to] energy of a message between two cores of one chip. Both public tables agree on it within 5 %. */
const HOP_ENERGY = (() => {
  const { hopEastWest, hopNorthSouth } = COST_TABLES.d18;
  return Float64Array.from({ length: CHIP_LIMITS.cores ** 2 }, (_, k) => {
    const [from, to] = [Math.floor(k / CHIP_LIMITS.cores), k % CHIP_LIMITS.cores];
    const hops = routeHops({ chip: 0, core: from }, { chip: 0, core: to });
    return hops.eastWest * hopEastWest + hops.northSouth * hopNorthSouth;
  });
})();

/** Joule that the mesh takes for one message. */
export const hopEnergy = (from: number, to: number): number => HOP_ENERGY[from * CHIP_LIMITS.cores + to];

export function place(network: PartitionedNetwork): PlacedNetwork {
  const traffic = trafficOf(network);
  const addresses: CoreAddress[] = new Array(network.cores.length);
  for (let chip = 0; chip < network.chips; chip++) {
    const members = network.cores.flatMap((core, index) => (core.region === chip ? [index] : []));
    const places = placeChip(members, traffic);
    members.forEach((core, k) => {
      addresses[core] = { chip, core: places[k] };
    });
  }
  return { ...network, addresses };
}

/** Core ids of the members of one chip. */
function placeChip(members: readonly number[], traffic: readonly Map<number, number>[]): number[] {
  const local = new Map(members.map((core, k) => [core, k]));
  const neighbors = members.map(() => new Map<number, number>());
  members.forEach((core, k) => {
    for (const [to, messages] of traffic[core]) {
      const other = local.get(to);
      if (other === undefined || other === k) continue;
      neighbors[k].set(other, (neighbors[k].get(other) ?? 0) + messages);
      neighbors[other].set(k, (neighbors[other].get(k) ?? 0) + messages);
    }
  });
  const others = neighbors.map((own) => Int32Array.from(own.keys()));
  const weights = neighbors.map((own) => Float64Array.from(own.values()));
  const placeOf = Int32Array.from(members, (_, k) => k);
  const occupant = Array.from({ length: CHIP_LIMITS.cores }, (_, id) => (id < members.length ? id : -1));
  const costAt = (k: number, id: number, swapped: number): number => {
    const [other, messages, row] = [others[k], weights[k], id * CHIP_LIMITS.cores];
    let sum = 0;
    for (let n = 0; n < other.length; n++)
      if (other[n] !== swapped) sum += messages[n] * HOP_ENERGY[row + placeOf[other[n]]];
    return sum;
  };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let improved = false;
    for (let k = 0; k < members.length; k++) {
      for (let id = 0; id < CHIP_LIMITS.cores; id++) {
        const from = placeOf[k];
        const other = occupant[id];
        if (id === from) continue;
        let gain = costAt(k, from, other) - costAt(k, id, other);
        if (other >= 0) gain += costAt(other, id, k) - costAt(other, from, k);
        if (gain <= 1e-18) continue;
        [occupant[from], occupant[id]] = [other, k];
        placeOf[k] = id;
        if (other >= 0) placeOf[other] = from;
        improved = true;
      }
    }
    if (!improved) break;
  }
  return [...placeOf];
}
