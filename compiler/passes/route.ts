/** Draws the axons: which source pixels spike together, and which weight block each of their axons points at.
 *  Needs: pieces on cores. Promises: every source neuron reaches every piece it projects to exactly once; a compartment
 *  belongs to one population; start compartments are within CORE_LIMITS.cxBase. Loses: nothing.
 *  Order: target pieces as given, source pixels by row, then column, then channel. */
import { AXON_ATOMS, CORE_LIMITS } from "../../hw/limits.js";
import { assert, type Diagnostics } from "../../src/base/errors.js";
import {
  addressOf,
  arrange,
  axisReach,
  baseWindows,
  compartmentsOf,
  maskOf,
  sourceChannels,
  type AxisReach,
} from "../geometry.js";
import {
  INPUT,
  type Block,
  type Link,
  type PlacedNetwork,
  type Population,
  type Projection,
  type RoutedNetwork,
} from "../ir.js";

/** pop16 axons point at multiples of 4 compartments. Source: loihi-facts §2.4. */
const POP16_BASE_STEP = 4;

export function route(network: PlacedNetwork, diagnostics: Diagnostics): RoutedNetwork {
  const { firstCompartment, coreOfPiece } = firstCompartments(network);
  const populations: Population[] = [];
  const bySource = new Map<number, SourceMap>();
  for (let source = INPUT; source < network.layers.length; source++) {
    const map = populate(network, source, populations, diagnostics);
    if (map) bySource.set(source, map);
  }
  diagnostics.throwIfErrors();
  const blocks: Block[][] = [];
  const links: Link[][] = [];
  for (const core of network.cores) {
    const coreBlocks: Block[] = [];
    const coreLinks: Link[] = [];
    for (const piece of core.pieces) {
      network.layers[network.pieces[piece].layer].projections.forEach((projection, index) => {
        const sources = bySource.get(projection.source);
        assert(sources, "compiler bug: projection from a source without populations");
        linkProjection(
          network,
          piece,
          index,
          firstCompartment[piece],
          sources,
          populations,
          coreBlocks,
          coreLinks,
        );
      });
    }
    blocks.push(coreBlocks);
    links.push(coreLinks);
  }
  return { ...network, populations, firstCompartment, coreOfPiece, blocks, links };
}

function firstCompartments(network: PlacedNetwork): Pick<RoutedNetwork, "firstCompartment" | "coreOfPiece"> {
  const firstCompartment: number[] = new Array(network.pieces.length);
  const coreOfPiece: number[] = new Array(network.pieces.length);
  network.cores.forEach((core, index) => {
    let next = 0;
    for (const piece of core.pieces) {
      firstCompartment[piece] = next;
      coreOfPiece[piece] = index;
      next += compartmentsOf(arrange(network.pieces[piece].box, network.pieces[piece].layout));
    }
  });
  return { firstCompartment, coreOfPiece };
}

/** [y·W + x] populations of a source, ascending by channel. */
type SourceMap = readonly (readonly number[])[];

/** Makes the populations of a source that anything reads. */
function populate(
  network: PlacedNetwork,
  source: number,
  populations: Population[],
  diagnostics: Diagnostics,
): SourceMap | null {
  const [channels, height, width] = source === INPUT ? network.inputShape : network.layers[source].shape;
  const readers = network.layers.flatMap((layer) => layer.projections.filter((p) => p.source === source));
  if (readers.length === 0) return null;
  const kinds = new Set(readers.map((projection) => projection.axons));
  if (kinds.size > 1) {
    diagnostics.error("E-ROUTE-001", {
      at: source === INPUT ? "the input" : `layer "${network.layers[source].name}"`,
      found: "a plastic reader, which takes discrete axons, beside one that takes population axons",
      limit: "one kind a source (loihi-facts §2.4)",
      hint: "put a layer of its own before the plastic one",
    });
    return null;
  }
  const cuts = kinds.has("discrete")
    ? Array.from({ length: channels }, (_, c) => c)
    : channelCuts(network, source);
  const map: number[][] = Array.from({ length: height * width }, () => []);
  const boxes =
    source === INPUT
      ? [{ piece: INPUT, box: { c0: 0, c1: channels, y0: 0, y1: height, x0: 0, x1: width } }]
      : network.pieces.flatMap(({ layer, box }, piece) => (layer === source ? [{ piece, box }] : []));
  for (const { piece, box } of boxes) {
    const starts = [...new Set([box.c0, ...cuts.filter((c) => c > box.c0 && c < box.c1)])].sort(
      (a, b) => a - b,
    );
    for (let y = box.y0; y < box.y1; y++) {
      for (let x = box.x0; x < box.x1; x++) {
        starts.forEach((c0, k) => {
          map[y * width + x].push(populations.length);
          populations.push({ piece, y, x, c0, c1: starts[k + 1] ?? box.c1 });
        });
      }
    }
  }
  for (const list of map) list.sort((a, b) => populations[a].c0 - populations[b].c0);
  return map;
}

/** Channels at which readers change core, so that no population is half read. */
function channelCuts(network: PlacedNetwork, source: number): number[] {
  const cuts = new Set<number>();
  for (const { layer, box } of network.pieces) {
    for (const projection of network.layers[layer].projections) {
      if (projection.source !== source || projection.groups === 1) continue;
      const [from, to] = sourceChannels(projection, network.layers[layer], box);
      cuts.add(from).add(to);
    }
  }
  return [...cuts];
}

function linkProjection(
  network: PlacedNetwork,
  piece: number,
  projectionIndex: number,
  firstCompartment: number,
  sources: SourceMap,
  populations: readonly Population[],
  blocks: Block[],
  links: Link[],
): void {
  const { layer: layerIndex, box, layout } = network.pieces[piece];
  const layer = network.layers[layerIndex];
  const projection = layer.projections[projectionIndex];
  const a = arrange(box, layout);
  const padY = layout.inner === "y" ? layout.padInner : layout.padOuter;
  const padX = layout.inner === "x" ? layout.padInner : layout.padOuter;
  const reachY = axisReach(projection, 0, box.y0, box.y1, padY);
  const reachX = axisReach(projection, 1, box.x0, box.x1, padX);
  const [c0, c1] = sourceChannels(projection, layer, box);
  const baseOf = (y: AxisReach, x: AxisReach): number =>
    addressOf(a, 0, a.origin + y.first * a.stepY + x.first * a.stepX);
  const windows = windowsByMask(projection, reachY, reachX, baseOf);
  const known = new Map<string, number>();
  const width = projection.sourceShape[2];
  for (const y of reachY) {
    for (const x of reachX) {
      const base = baseOf(y, x);
      for (const population of sources[y.source * width + x.source]) {
        const { c0: low, c1: high } = populations[population];
        if (high <= c0 || low >= c1) continue;
        assert(low >= c0 && high <= c1, "compiler bug: a population is half read");
        const discrete = projection.axons === "discrete";
        const mask = `${maskOf(projection, y)} ${maskOf(projection, x)}`;
        const start = discrete ? base : windows.get(mask)!.findLast((window) => window <= base)!;
        const key = discrete ? `${population}` : `${mask} ${start}`;
        let block = known.get(key);
        if (block === undefined) {
          block = blocks.length;
          known.set(key, block);
          blocks.push({
            piece,
            projection: projectionIndex,
            c0: discrete ? low : c0,
            c1: discrete ? high : c1,
            tapY: y.tap,
            countY: y.count,
            tapX: x.tap,
            countX: x.count,
            start: firstCompartment + start,
          });
        }
        const cxBase = base - start;
        links.push({
          population,
          piece,
          projection: projectionIndex,
          axon: links.length,
          block,
          cxBase,
          kind: discrete
            ? "discrete"
            : high - low <= AXON_ATOMS.pop16 && cxBase % POP16_BASE_STEP === 0
              ? "pop16"
              : "pop32",
          logicalInput: projection.learning
            ? (low * projection.sourceShape[1] + y.source) * width + x.source
            : -1,
        });
      }
    }
  }
}

/** Window starts of every mask, ascending. */
function windowsByMask(
  projection: Projection,
  reachY: readonly AxisReach[],
  reachX: readonly AxisReach[],
  baseOf: (y: AxisReach, x: AxisReach) => number,
): Map<string, number[]> {
  const bases = new Map<string, number[]>();
  for (const y of reachY) {
    for (const x of reachX) {
      const mask = `${maskOf(projection, y)} ${maskOf(projection, x)}`;
      const list = bases.get(mask);
      if (list) list.push(baseOf(y, x));
      else bases.set(mask, [baseOf(y, x)]);
    }
  }
  return new Map([...bases].map(([mask, list]) => [mask, baseWindows(list, CORE_LIMITS.cxBase)]));
}
