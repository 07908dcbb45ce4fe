/** Numbers everything inside a core: profiles, thresholds, synapse formats, first word of every weight block.
 *  Needs: routed axons. Promises: nothing overlaps, all within CORE_LIMITS; every list in the format of fewest bits, and no
 *  core takes more words than the partition counted. Loses: static synapses of mantissa 0 in lists that are not dense. */
import { CORE_LIMITS, DECAY_ONE, RANGE } from "../../hw/limits.js";
import { listWords } from "../../hw/synapse-words.js";
import type { SynapseFormat } from "../../hw/image.js";
import type { Diagnostics } from "../../src/base/errors.js";
import { candidateBits, candidateFormats, delayBitsOf, denseForSure } from "../formats.js";
import { arrange, compartmentsOf } from "../geometry.js";
import { ListReader } from "../lists.js";
import { chooseFormats, type ListOptions } from "../search/list-formats.js";
import { countSlots, type SlotCount } from "../slots.js";
import type { MapLayer, MappedCore, MappedCores, Piece, RoutedNetwork } from "../ir.js";

export function allocate(network: RoutedNetwork, diagnostics: Diagnostics): MappedCores {
  const reader = new ListReader(network);
  const mapped = network.cores.map((core, index) => {
    const pieces = core.pieces.map((piece) => network.pieces[piece]);
    const layers = pieces.map((piece) => network.layers[piece.layer]);
    return { ...allocateProfiles(pieces, layers), ...allocateBlocks(network, index, reader) };
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
  reader: ListReader,
): Pick<MappedCore, "formats" | "listFormats" | "blockPtr" | "blockLen" | "words"> {
  const lists: ListOptions[] = [];
  const candidates = new Map<string, SynapseFormat[]>();
  for (const block of network.blocks[core]) {
    const { box, layout, layer } = network.pieces[block.piece];
    const key = `${block.piece} ${block.projection}`;
    let formats = candidates.get(key);
    if (!formats) {
      const last = network.firstCompartment[block.piece] + compartmentsOf(arrange(box, layout)) - 1;
      formats = candidateFormats(network.layers[layer].projections[block.projection], last);
      candidates.set(key, formats);
    }
    for (let c = block.c0; c < block.c1; c++) {
      const bits = denseForSure(formats, reader.outline(block, c));
      lists.push({ candidates: formats, bits: bits ?? candidateBits(formats, reader.read(block, c)) });
    }
  }
  const chosen = chooseFormats(lists);
  const [blockPtr, blockLen, listFormats]: [number[], number[], number[][]] = [[], [], []];
  let [words, next] = [0, 0];
  for (const { c0, c1 } of network.blocks[core]) {
    const end = next + c1 - c0;
    const length = chosen.bits.slice(next, end).reduce((longest, bits) => Math.max(longest, listWords(bits)), 0);
    listFormats.push(chosen.numbers.slice(next, end));
    blockPtr.push(words);
    blockLen.push(length);
    words += length * (c1 - c0);
    next = end;
  }
  return { formats: chosen.formats, listFormats, blockPtr, blockLen, words };
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
