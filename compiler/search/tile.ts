/** What a box of neurons costs on a core, and the layout that costs least. Exact: the allocator finds the same numbers. */
import { CORE_LIMITS } from "../../hw/limits.js";
import { COST_TABLES } from "../../hw/energy.js";
import type { SynapseFormat } from "../../hw/image.js";
import { listWords } from "../../hw/synapse-words.js";
import { compartmentLimit, formatOf, runBits } from "../formats.js";
import {
  arrange,
  axisReach,
  baseWindows,
  channelsReached,
  compartmentsOf,
  fullPad,
  maskOf,
  sourceChannels,
  type Arrangement,
  type AxisReach,
} from "../geometry.js";
import type { Box, Layout, MapLayer, Projection } from "../ir.js";

/** What one box takes of its core, and what a spike of every source would cost. */
export interface TileCost {
  readonly layout: Layout;
  readonly compartments: number;
  readonly words: number;
  /** Entries of the synapse map; a learning axon counts twice. Source channels taken as one population. */
  readonly inputAxons: number;
  /** Longest list in words. */
  readonly listWords: number;
  /** Synaptic operations, and messages received, if each source spikes once. */
  readonly synapticOperations: number;
  readonly messages: number;
}

/** Energies that the search weighs: SANA-FE's, the only table that has a message's. */
const TABLE = COST_TABLES.sanafe;

/** Joule if each source spikes once: what the search lowers after the number of cores. */
export const energyOf = (cost: { synapticOperations: number; messages: number }): number =>
  cost.synapticOperations * TABLE.synapticOperation.population + cost.messages * TABLE.message;

/** Sources of one axis that share a mask. */
interface MaskClass {
  readonly count: number;
  readonly firsts: number[];
}

function classesOf(projection: Projection, reaches: readonly AxisReach[]): MaskClass[] {
  const classes = new Map<number, MaskClass>();
  for (const reach of reaches) {
    const mask = maskOf(projection, reach);
    const known = classes.get(mask);
    if (known) known.firsts.push(reach.first);
    else classes.set(mask, { count: reach.count, firsts: [reach.first] });
  }
  return [...classes.values()];
}

/** Bits of one list (`runsOf` makes the runs; here they are only counted). */
function listBits(
  a: Arrangement,
  outer: number,
  inner: number,
  low: number,
  high: number,
  format: SynapseFormat,
): number {
  let bits = 0;
  for (let first = low; first < high; ) {
    const last = Math.min(high, (Math.floor(first / a.group) + 1) * a.group);
    const width = last - first;
    bits += width === a.group ? outer * runBits(format, inner * width) : outer * inner * runBits(format, width);
    first = last;
  }
  return bits;
}

/** Distinct output ranges of the source channels that reach a box, with the number of channels of each. */
function channelRanges(
  projection: Projection,
  layer: MapLayer,
  box: Box,
): { low: number; high: number; atoms: number }[] {
  const [from, to] = sourceChannels(projection, layer, box);
  const perGroupIn = projection.sourceShape[0] / projection.groups;
  const out: { low: number; high: number; atoms: number }[] = [];
  for (let c = from; c < to; c += perGroupIn) {
    const [low, high] = channelsReached(projection, layer, box, c);
    out.push({ low, high, atoms: perGroupIn });
  }
  return out;
}

/** Cost of a box with a given layout, when its first compartment is number `offset` of the core. */
export function tileCost(layer: MapLayer, box: Box, layout: Layout, offset = 0): TileCost {
  const a = arrange(box, layout);
  const compartments = compartmentsOf(a);
  const padY = layout.inner === "y" ? layout.padInner : layout.padOuter;
  const padX = layout.inner === "x" ? layout.padInner : layout.padOuter;
  let [words, inputAxons, longest, synapticOperations, messages] = [0, 0, 0, 0, 0];
  for (const projection of layer.projections) {
    const format = formatOf(projection, offset + compartments - 1);
    const reachY = axisReach(projection, 0, box.y0, box.y1, padY);
    const reachX = axisReach(projection, 1, box.x0, box.x1, padX);
    const [ys, xs] = [classesOf(projection, reachY), classesOf(projection, reachX)];
    const ranges = channelRanges(projection, layer, box);
    const atoms = ranges.reduce((sum, range) => sum + range.atoms, 0);
    const reached = ranges.reduce((sum, range) => sum + range.atoms * (range.high - range.low), 0);
    for (const y of ys) {
      for (const x of xs) {
        const [outer, inner] = layout.inner === "x" ? [y.count, x.count] : [x.count, y.count];
        let bits = 0;
        for (const range of ranges) {
          bits = Math.max(bits, listBits(a, outer, inner, range.low, range.high, format));
        }
        const list = listWords(bits);
        longest = Math.max(longest, list);
        words += list * atoms * windowCount(projection, a, y.firsts, x.firsts);
        synapticOperations += y.firsts.length * x.firsts.length * y.count * x.count * reached;
      }
    }
    const sources = reachY.length * reachX.length;
    messages += sources * atoms;
    inputAxons += projection.axons === "discrete" ? sources * atoms * (projection.learning ? 2 : 1) : sources;
  }
  return { layout, compartments, words, inputAxons, listWords: longest, synapticOperations, messages };
}

/** Copies of a block that the range of cxBase forces. A discrete axon's list is its own: one copy an axon. */
function windowCount(
  projection: Projection,
  a: Arrangement,
  firstY: readonly number[],
  firstX: readonly number[],
): number {
  if (projection.axons === "discrete") return firstY.length * firstX.length;
  const spread = (v: readonly number[]): number => Math.max(...v) - Math.min(...v);
  if ((spread(firstY) * a.stepY + spread(firstX) * a.stepX) * a.group <= CORE_LIMITS.cxBase) return 1;
  const bases = firstY.flatMap((y) => firstX.map((x) => (y * a.stepY + x * a.stepX) * a.group));
  return baseWindows(bases, CORE_LIMITS.cxBase).length;
}

/** Why a box fits no core: the resource, least need found, limit. */
export interface TileRefusal {
  readonly resource: "compartments" | "synapse words" | "input axons" | "words per axon";
  readonly found: number;
  readonly limit: number;
}

/** Widest padding tried: what a 5×5 kernel wants. */
const PAD_LIMIT = 4;

function* layouts(layer: MapLayer, box: Box): Generator<Layout> {
  const channels = box.c1 - box.c0;
  const [height, width] = [box.y1 - box.y0, box.x1 - box.x0];
  const learning = layer.projections.some((projection) => projection.learning);
  const pad = (axis: 0 | 1): number => {
    if (learning || (axis === 0 ? height : width) === 1) return 0;
    return Math.min(PAD_LIMIT, Math.max(...layer.projections.map((p) => fullPad(p, axis))));
  };
  const inners = height === 1 ? (["x"] as const) : width === 1 ? (["y"] as const) : (["x", "y"] as const);
  const [padsY, padsX] = [pad(0), pad(1)];
  for (let padY = 0; padY <= padsY; padY++) {
    for (let padX = 0; padX <= padsX; padX++) {
      for (const inner of inners) {
        const [padInner, padOuter] = inner === "x" ? [padX, padY] : [padY, padX];
        for (let group = channels; group >= 1; group--) {
          if (channels % group === 0) yield { group, inner, padInner, padOuter };
        }
      }
    }
  }
}

const padsOf = ({ inner, padInner, padOuter }: Layout): readonly [y: number, x: number] =>
  inner === "x" ? [padOuter, padInner] : [padInner, padOuter];

/** True where a layout has at least the padding of another and more on an axis: then it costs more energy for sure. */
function paddedMore(layout: Layout, than: Layout): boolean {
  const [[y, x], [thanY, thanX]] = [padsOf(layout), padsOf(than)];
  return y >= thanY && x >= thanX && (y > thanY || x > thanX);
}

/** The layout of least energy, then of fewest words, that keeps a box on one core; or what forbids every one. */
export function bestLayout(layer: MapLayer, box: Box, maxWords: number): TileCost | TileRefusal {
  const limit = compartmentLimit([layer]);
  let best: TileCost | undefined;
  let refusal: TileRefusal | undefined;
  const refuse = (resource: TileRefusal["resource"], found: number, limit: number): void => {
    if (!refusal || (refusal.resource === resource && found < refusal.found))
      refusal = { resource, found, limit };
  };
  for (const layout of layouts(layer, box)) {
    if (best && paddedMore(layout, best.layout)) continue;
    const compartments = compartmentsOf(arrange(box, layout));
    if (compartments > limit) {
      refuse("compartments", compartments, limit);
      continue;
    }
    const cost = tileCost(layer, box, layout);
    if (cost.words > maxWords) refuse("synapse words", cost.words, maxWords);
    else if (cost.inputAxons > CORE_LIMITS.inputAxons)
      refuse("input axons", cost.inputAxons, CORE_LIMITS.inputAxons);
    else if (cost.listWords > CORE_LIMITS.wordsPerAxon)
      refuse("words per axon", cost.listWords, CORE_LIMITS.wordsPerAxon);
    else if (!best || better(cost, best)) best = cost;
  }
  return best ?? refusal!;
}

function better(a: TileCost, b: TileCost): boolean {
  const [ea, eb] = [energyOf(a), energyOf(b)];
  return ea !== eb ? ea < eb : a.words < b.words;
}

export const isCost = (result: TileCost | TileRefusal): result is TileCost => "layout" in result;
