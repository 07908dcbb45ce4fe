/** What a box of neurons costs on a core, and the layout that costs least. Exact but for lists that the allocator can store
 *  in fewer bits than dense ones take. */
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
} from "../geometry.js";
import type { Box, Layout, MapLayer, Projection } from "../ir.js";
import { SAFE_INPUT, type PaddingLoads } from "./padding.js";

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
  readonly firsts: readonly number[];
  /** Highest less lowest first target. */
  readonly spread: number;
}

/** Sources of one axis that reach a box with so much padding. */
interface Reach {
  readonly sources: number;
  readonly classes: readonly MaskClass[];
}

function reachOf(projection: Projection, axis: 0 | 1, box: Box, pad: number): Reach {
  const [low, high] = axis === 0 ? [box.y0, box.y1] : [box.x0, box.x1];
  const reaches = axisReach(projection, axis, low, high, pad);
  const classes = new Map<number, { count: number; firsts: number[] }>();
  for (const reach of reaches) {
    const mask = maskOf(projection, reach);
    const known = classes.get(mask);
    if (known) known.firsts.push(reach.first);
    else classes.set(mask, { count: reach.count, firsts: [reach.first] });
  }
  return {
    sources: reaches.length,
    classes: [...classes.values()].map(({ count, firsts }) => ({
      count,
      firsts,
      spread: Math.max(...firsts) - Math.min(...firsts),
    })),
  };
}

/** Bits of one list (`runsOf` makes the runs; here they are only counted). */
function listBits(
  a: Arrangement,
  outer: number,
  inner: number,
  { low, high }: ChannelRange,
  format: SynapseFormat,
): number {
  // A partial group at each end, and whole ones between them.
  const [firstWhole, endWhole] = [Math.ceil(low / a.group) * a.group, Math.floor(high / a.group) * a.group];
  const partial = (width: number): number => (width > 0 ? outer * inner * runBits(format, width) : 0);
  if (firstWhole > endWhole) return partial(high - low);
  const whole = (endWhole - firstWhole) / a.group;
  return (
    partial(firstWhole - low) + partial(high - endWhole) + whole * outer * runBits(format, inner * a.group)
  );
}

interface ChannelRange {
  readonly low: number;
  readonly high: number;
}

/** What of a projection into a box does not depend on its layout. */
interface BoxProjection {
  readonly projection: Projection;
  /** Output ranges of the source channels that reach the box, one a group. */
  readonly ranges: readonly ChannelRange[];
  /** Source channels, and synapses of one source pixel to one position. */
  readonly atoms: number;
  readonly reached: number;
  /** [axis][pad] */
  readonly reach: readonly [Reach[], Reach[]];
}

function boxProjection(projection: Projection, layer: MapLayer, box: Box): BoxProjection {
  const [from, to] = sourceChannels(projection, layer, box);
  const perGroupIn = projection.sourceShape[0] / projection.groups;
  const ranges: ChannelRange[] = [];
  for (let c = from; c < to; c += perGroupIn) {
    const [low, high] = channelsReached(projection, layer, box, c);
    ranges.push({ low, high });
  }
  const channels = ranges.reduce((sum, { low, high }) => sum + high - low, 0);
  return { projection, ranges, atoms: ranges.length * perGroupIn, reached: perGroupIn * channels, reach: [[], []] };
}

/** Costs of one box under its layouts. */
class BoxCosts {
  private readonly projections: readonly BoxProjection[];

  constructor(
    layer: MapLayer,
    private readonly box: Box,
  ) {
    this.projections = layer.projections.map((projection) => boxProjection(projection, layer, box));
  }

  private reach(own: BoxProjection, axis: 0 | 1, pad: number): Reach {
    return (own.reach[axis][pad] ??= reachOf(own.projection, axis, this.box, pad));
  }

  /** Synaptic operations and messages if every source spikes once: the padding alone decides. */
  traffic(layout: Layout): Pick<TileCost, "synapticOperations" | "messages"> {
    const [padY, padX] = padsOf(layout);
    let [synapticOperations, messages] = [0, 0];
    const targets = ({ classes }: Reach): number =>
      classes.reduce((sum, { firsts, count }) => sum + firsts.length * count, 0);
    for (const own of this.projections) {
      const [y, x] = [this.reach(own, 0, padY), this.reach(own, 1, padX)];
      synapticOperations += targets(y) * targets(x) * own.reached;
      messages += y.sources * x.sources * own.atoms;
    }
    return { synapticOperations, messages };
  }

  /** Cost with a given layout, when the first compartment is number `offset` of the core. */
  cost(layout: Layout, offset: number): TileCost {
    const a = arrange(this.box, layout);
    const compartments = compartmentsOf(a);
    const [padY, padX] = padsOf(layout);
    const byX = layout.inner === "x";
    let [words, inputAxons, longest] = [0, 0, 0];
    for (const own of this.projections) {
      const { projection, ranges, atoms } = own;
      const format = formatOf(projection, offset + compartments - 1);
      const distinct = distinctRanges(ranges, a.group);
      const [reachY, reachX] = [this.reach(own, 0, padY), this.reach(own, 1, padX)];
      for (const y of reachY.classes) {
        for (const x of reachX.classes) {
          const [outer, inner] = byX ? [y.count, x.count] : [x.count, y.count];
          let bits = 0;
          for (const range of distinct) bits = Math.max(bits, listBits(a, outer, inner, range, format));
          const list = listWords(bits);
          longest = Math.max(longest, list);
          words += list * atoms * windowCount(projection, a, y, x);
        }
      }
      const sources = reachY.sources * reachX.sources;
      inputAxons += projection.axons === "discrete" ? sources * atoms * (projection.learning ? 2 : 1) : sources;
    }
    return { layout, compartments, words, inputAxons, listWords: longest, ...this.traffic(layout) };
  }
}

/** Ranges whose lists differ in length: only the place within a group of channels and the width matter. */
function distinctRanges(ranges: readonly ChannelRange[], group: number): readonly ChannelRange[] {
  if (ranges.length === 1) return ranges;
  const seen = new Map<number, ChannelRange>();
  for (const range of ranges) {
    const key = (range.low % group) * CORE_LIMITS.compartments * 4 + range.high - range.low;
    if (!seen.has(key)) seen.set(key, range);
  }
  return [...seen.values()];
}

/** Cost of a box with a given layout, when its first compartment is number `offset` of the core. Lists are counted as dense:
 *  the allocator stores some in fewer bits, never in more. */
export const tileCost = (layer: MapLayer, box: Box, layout: Layout, offset = 0): TileCost =>
  new BoxCosts(layer, box).cost(layout, offset);

/** Copies of a block that the range of cxBase forces. A discrete axon's list is its own: one copy an axon. */
function windowCount(projection: Projection, a: Arrangement, y: MaskClass, x: MaskClass): number {
  if (projection.axons === "discrete") return y.firsts.length * x.firsts.length;
  if ((y.spread * a.stepY + x.spread * a.stepX) * a.group <= CORE_LIMITS.cxBase) return 1;
  const bases = y.firsts.flatMap((fy) => x.firsts.map((fx) => (fy * a.stepY + fx * a.stepX) * a.group));
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

/** The layout of least energy, then of fewest words, that keeps a box on one core; or what forbids every one. Layouts whose
 *  padding compartments could wrap are none. */
export function bestLayout(
  layer: MapLayer,
  box: Box,
  maxWords: number,
  padding: PaddingLoads,
): TileCost | TileRefusal {
  const loads = new Map<string, number>();
  const isQuiet = (layout: Layout): boolean => {
    if (layout.padInner === 0 && layout.padOuter === 0) return true;
    const key = `${layout.inner} ${layout.padInner} ${layout.padOuter}`;
    const load = loads.get(key) ?? padding.worst(box, layout);
    loads.set(key, load);
    return load <= SAFE_INPUT;
  };
  const limit = compartmentLimit([layer]);
  let best: TileCost | undefined;
  let refusal: TileRefusal | undefined;
  const refuse = (resource: TileRefusal["resource"], found: number, limit: number): void => {
    if (!refusal || (refusal.resource === resource && found < refusal.found))
      refusal = { resource, found, limit };
  };
  const costs = new BoxCosts(layer, box);
  for (const layout of layouts(layer, box)) {
    if (best && (paddedMore(layout, best.layout) || energyOf(costs.traffic(layout)) > energyOf(best))) continue;
    const compartments = compartmentsOf(arrange(box, layout));
    if (compartments > limit) {
      refuse("compartments", compartments, limit);
      continue;
    }
    const cost = costs.cost(layout, 0);
    if (cost.words > maxWords) refuse("synapse words", cost.words, maxWords);
    else if (cost.inputAxons > CORE_LIMITS.inputAxons)
      refuse("input axons", cost.inputAxons, CORE_LIMITS.inputAxons);
    else if (cost.listWords > CORE_LIMITS.wordsPerAxon)
      refuse("words per axon", cost.listWords, CORE_LIMITS.wordsPerAxon);
    else if ((!best || better(cost, best)) && isQuiet(layout)) best = cost;
  }
  return best ?? refusal!;
}

function better(a: TileCost, b: TileCost): boolean {
  const [ea, eb] = [energyOf(a), energyOf(b)];
  return ea !== eb ? ea < eb : a.words < b.words;
}

export const isCost = (result: TileCost | TileRefusal): result is TileCost => "layout" in result;
