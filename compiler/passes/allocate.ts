/** Numbers everything inside a core: profiles, thresholds, synapse formats, first word of every weight block.
 *  Needs: routed axons. Promises: nothing overlaps, all within CORE_LIMITS. Loses: nothing. */
import { CORE_LIMITS, DECAY_ONE, RANGE } from "../../hw/limits.js";
import { listWords } from "../../hw/synapse-words.js";
import type { SynapseFormat } from "../../hw/image.js";
import type { Diagnostics } from "../../src/base/errors.js";
import { delayBitsOf, formatOf, runBits } from "../formats.js";
import { arrange, channelsReached, compartmentsOf, runsOf } from "../geometry.js";
import { countSlots, type SlotCount } from "../slots.js";
import type { Block, MapLayer, MappedCore, MappedCores, Piece, RoutedNetwork } from "../ir.js";

export function allocate(network: RoutedNetwork, diagnostics: Diagnostics): MappedCores {
  const mapped = network.cores.map((core, index) => {
    const pieces = core.pieces.map((piece) => network.pieces[piece]);
    const layers = pieces.map((piece) => network.layers[piece.layer]);
    return { ...allocateProfiles(pieces, layers), ...allocateBlocks(network, index) };
  });
  const slots = countSlots(network);
  for (let index = 0; index < slots.length; index++) checkCore(network, index, slots[index], diagnostics);
  diagnostics.throwIfErrors();
  warnOfSecondReading(network, slots, diagnostics);
  return { ...network, mapped };
}

type Profiles = Pick<
  MappedCore,
  | "dsOffset"
  | "dmOffset"
  | "delayBits"
  | "profiles"
  | "vthProfiles"
  | "pieceProfiles"
  | "padding"
  | "compartments"
>;

const hasPadding = (piece: Piece): boolean => piece.layout.padInner > 0 || piece.layout.padOuter > 0;

/** The decay offset of a core is 1 where a layer needs effective decay 4096 (a register holds at most 4095), and where
 *  padding compartments want it and no layer needs 0. */
function offsetOf(decays: readonly number[], padded: boolean): 0 | 1 {
  return decays.includes(DECAY_ONE) || (padded && !decays.includes(0)) ? 1 : 0;
}

function allocateProfiles(pieces: readonly Piece[], layers: readonly MapLayer[]): Profiles {
  const padded = pieces.some(hasPadding);
  const dsOffset = offsetOf(
    layers.map((layer) => layer.decayU),
    padded,
  );
  const dmOffset = offsetOf(
    layers.map((layer) => layer.decayV),
    padded,
  );
  const profiles: MappedCore["profiles"][number][] = [];
  const vthProfiles: number[] = [];
  const profileOf = (decayU: number, decayV: number, refractDelay: number): number => {
    const wanted = { decayU, decayV, refractDelay };
    const known = profiles.findIndex(
      (p) => p.decayU === decayU && p.decayV === decayV && p.refractDelay === refractDelay,
    );
    return known >= 0 ? known : profiles.push(wanted) - 1;
  };
  const vthOf = (vthMant: number): number => {
    const known = vthProfiles.indexOf(vthMant);
    return known >= 0 ? known : vthProfiles.push(vthMant) - 1;
  };
  const pieceProfiles = layers.map(({ decayU, decayV, refractory, vthMant }) => ({
    profile: profileOf(decayU - dsOffset, decayV - dmOffset, refractory),
    vth: vthOf(vthMant),
  }));
  // Padding compartments forget at once and have the highest threshold: they only take what falls over a border.
  const padding = padded
    ? { profile: profileOf(DECAY_ONE - 1, DECAY_ONE - 1, 1), vth: vthOf(RANGE.vthMant[1]) }
    : { profile: -1, vth: -1 };
  const compartments = pieces.reduce((sum, { box, layout }) => sum + compartmentsOf(arrange(box, layout)), 0);
  return {
    dsOffset,
    dmOffset,
    delayBits: delayBitsOf(layers),
    profiles,
    vthProfiles,
    pieceProfiles,
    padding,
    compartments,
  };
}

function allocateBlocks(
  network: RoutedNetwork,
  core: number,
): Pick<MappedCore, "formats" | "blockFormat" | "blockPtr" | "blockLen" | "words"> {
  const formats: SynapseFormat[] = [];
  const formatKeys: string[] = [];
  const [blockFormat, blockPtr, blockLen]: [number[], number[], number[]] = [[], [], []];
  let words = 0;
  for (const block of network.blocks[core]) {
    const piece = network.pieces[block.piece];
    const layer = network.layers[piece.layer];
    const a = arrange(piece.box, piece.layout);
    const format = formatOf(
      layer.projections[block.projection],
      network.firstCompartment[block.piece] + compartmentsOf(a) - 1,
    );
    const key = JSON.stringify(format);
    let number = formatKeys.indexOf(key) + 1;
    if (number === 0) {
      number = formatKeys.push(key);
      formats.push(format);
    }
    const length = blockWords(network, block, format);
    blockFormat.push(number);
    blockPtr.push(words);
    blockLen.push(length);
    words += length * (block.c1 - block.c0);
  }
  return { formats, blockFormat, blockPtr, blockLen, words };
}

/** Words of the longest list of a block. */
function blockWords(network: RoutedNetwork, block: Block, format: SynapseFormat): number {
  const piece = network.pieces[block.piece];
  const layer = network.layers[piece.layer];
  const projection = layer.projections[block.projection];
  const a = arrange(piece.box, piece.layout);
  const [outer, inner] =
    piece.layout.inner === "x" ? [block.countY, block.countX] : [block.countX, block.countY];
  const perGroup = projection.sourceShape[0] / projection.groups;
  let words = 0;
  for (let c = block.c0; c < block.c1; c += perGroup) {
    const [low, high] = channelsReached(projection, layer, piece.box, c);
    const bits = runsOf(a, outer, inner, low, high).reduce((sum, run) => sum + runBits(format, run.length), 0);
    words = Math.max(words, listWords(bits));
  }
  return words;
}

/** Limits that only the routed axons decide; the partition kept the others. */
function checkCore(network: RoutedNetwork, index: number, slots: SlotCount, diagnostics: Diagnostics): void {
  const at = layerNames(network, index);
  const over = (code: string, found: number, what: string, limit: number, hint: string): void => {
    if (found > limit)
      diagnostics.error(code, {
        at,
        found: `${found} ${what} on one core`,
        limit: `${limit} (hw/limits.ts)`,
        hint,
      });
  };
  const axons = network.links[index].reduce((sum, link) => sum + (link.logicalInput >= 0 ? 2 : 1), 0);
  over(
    "E-ALLOC-001",
    axons,
    "input axons",
    CORE_LIMITS.inputAxons,
    "a pool, or a larger stride, before this layer",
  );
  over(
    "E-ALLOC-002",
    slots.perPopulation,
    "output-axon slots",
    CORE_LIMITS.outputAxonSlots,
    "fewer weight bits, or fewer outputs, in the layer that reads this one",
  );
}

/** One warning a layer whose cores would not fit if a population's slot counted once a compartment. */
function warnOfSecondReading(
  network: RoutedNetwork,
  slots: readonly SlotCount[],
  diagnostics: Diagnostics,
): void {
  const byLayers = new Map<string, SlotCount[]>();
  slots.forEach((count, index) => {
    if (count.perCompartment <= CORE_LIMITS.outputAxonSlots) return;
    const names = layerNames(network, index);
    byLayers.set(names, [...(byLayers.get(names) ?? []), count]);
  });
  for (const [at, counts] of byLayers) {
    const worst = counts.reduce((a, b) => (b.perCompartment > a.perCompartment ? b : a));
    diagnostics.warn("W-ALLOC-001", {
      at,
      found: `${worst.perCompartment} output-axon slots on one of ${counts.length} cores if a population's slot counts once a compartment`,
      limit: `${CORE_LIMITS.outputAxonSlots} (hw/limits.ts); it is ${worst.perPopulation} as both open tools count`,
      hint: "nothing, unless the chip turns out to count so; then a coarser cut of the layer that reads this one",
    });
  }
}

/** The layers of a core, by the user's names. */
const layerNames = (network: RoutedNetwork, core: number): string => {
  const names = new Set(
    network.cores[core].pieces.map((piece) => network.layers[network.pieces[piece].layer].name),
  );
  return `layer "${[...names].join('", "')}"`;
};
