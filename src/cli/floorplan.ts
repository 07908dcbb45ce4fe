/** Where cores stand on the mesh, how full they are, and what passes between them. */
import { coreUse, USE_LIMITS } from "../../compiler/core-use.js";
import { COST_TABLES } from "../../hw/energy.js";
import type { ChipImage, CoreAddress } from "../../hw/image.js";
import { CHIP_LIMITS } from "../../hw/limits.js";
import { routeHops } from "../../hw/topology.js";

/** Messages if every neuron spikes once: between cores, and what they cost the mesh. */
export interface Traffic {
  readonly messages: number;
  readonly meanHops: number;
  readonly offChipShare: number;
  /** Joule of the mesh by the table of Davies 2018; off-chip links are not in it. */
  readonly meshJ: number;
}

const idOf = ({ chip, core }: CoreAddress): number => chip * CHIP_LIMITS.cores + core;

function trafficAt(image: ChipImage, placeOf: (address: CoreAddress) => CoreAddress): Traffic {
  const { hopEastWest, hopNorthSouth } = COST_TABLES.d18;
  let [messages, hops, offChip, meshJ] = [0, 0, 0, 0];
  for (const core of image.cores) {
    const from = placeOf(core);
    for (const axon of core.outputAxons) {
      const route = routeHops(from, placeOf(axon));
      messages++;
      hops += route.eastWest + route.northSouth;
      meshJ += route.eastWest * hopEastWest + route.northSouth * hopNorthSouth;
      if (route.offChip > 0) offChip++;
    }
  }
  const share = (n: number): number => (messages === 0 ? 0 : n / messages);
  return { messages, meanHops: share(hops), offChipShare: share(offChip), meshJ };
}

/** Traffic as placed, and as it would be if the cores of each chip stood along the tiles in the order of their layers. */
export function describeTraffic(image: ChipImage): Traffic & { readonly naive: Traffic } {
  const next = new Map<number, number>();
  const naive = new Map<number, CoreAddress>();
  for (const core of image.cores) {
    const k = next.get(core.chip) ?? 0;
    next.set(core.chip, k + 1);
    naive.set(idOf(core), { chip: core.chip, core: k });
  }
  return { ...trafficAt(image, (address) => address), naive: trafficAt(image, (address) => naive.get(idOf(address))!) };
}

/** [core id] messages that a core sends and receives if every neuron spikes once; input from outside is not in it. */
export function trafficByCore(image: ChipImage): Map<number, number> {
  const counts = new Map<number, number>(image.cores.map((core) => [idOf(core), 0]));
  for (const core of image.cores) {
    for (const axon of core.outputAxons) {
      counts.set(idOf(core), (counts.get(idOf(core)) ?? 0) + 1);
      if (idOf(axon) !== idOf(core)) counts.set(idOf(axon), (counts.get(idOf(axon)) ?? 0) + 1);
    }
  }
  return counts;
}

/** One line for people. */
export function trafficText(image: ChipImage): string {
  const { messages, meanHops, offChipShare, meshJ, naive } = describeTraffic(image);
  return (
    `traffic if every neuron spikes once: ${messages} messages, ${meanHops.toFixed(2)} hops and ` +
    `${(meshJ * 1e6).toPrecision(3)} µJ of the mesh (cores in the order of their layers: ${naive.meanHops.toFixed(2)} hops, ` +
    `${(naive.meshJ * 1e6).toPrecision(3)} µJ), ${(100 * offChipShare).toFixed(1)} % to another chip`
  );
}

/** Maps of each chip, 8 columns of 4 rows of tiles, 4 cores a tile, in tenths; `.` unused. */
export function floorplans(image: ChipImage): string[] {
  const traffic = trafficByCore(image);
  const busiest = Math.max(1, ...traffic.values());
  const uses = image.cores.map((core) => ({ id: idOf(core), ...coreUse(core) }));
  const maps: readonly (readonly [string, ReadonlyMap<number, number>])[] = [
    ["compartments of each core", new Map(uses.map((use) => [use.id, use.compartments / USE_LIMITS.compartments]))],
    ["synapse words", new Map(uses.map((use) => [use.id, use.synapseWords / USE_LIMITS.synapseWords]))],
    [`messages sent and received, of the busiest core's ${busiest}`, new Map([...traffic].map(([id, n]) => [id, n / busiest]))],
  ];
  return Array.from({ length: image.chips }, (_, chip) =>
    maps.flatMap(([what, share]) => [`floorplan of chip ${chip} (${what}, in tenths):`, ...meshRows(chip, share), ""]),
  ).flat();
}

function meshRows(chip: number, share: ReadonlyMap<number, number>): string[] {
  const { meshColumns, meshRows: rows, coresPerTile, cores } = CHIP_LIMITS;
  const digit = (id: number): string => {
    const own = share.get(id);
    return own === undefined ? "." : `${Math.min(9, Math.floor(10 * own))}`;
  };
  return Array.from({ length: rows }, (_, row) => {
    const tiles = Array.from({ length: meshColumns }, (_, column) =>
      Array.from({ length: coresPerTile }, (_, p) => digit(chip * cores + (column * rows + row) * coresPerTile + p)).join(""),
    );
    return `  ${tiles.join(" ")}`;
  });
}
