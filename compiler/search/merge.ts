/** Lets pieces share cores where all their needs fit: a core may hold compartments of several layers. */
import { CORE_LIMITS, DECAY_ONE } from "../../hw/limits.js";
import { compartmentLimit } from "../formats.js";
import type { LoweredNetwork, MapLayer, PartitionedCore, Piece } from "../ir.js";
import { tileCost } from "./tile.js";

interface Bin {
  readonly pieces: number[];
  readonly region: number;
  compartments: number;
  words: number;
  inputAxons: number;
  exclusive: boolean;
}

/** True where one core's decay offsets serve both layers: offset 1 reaches 1…4096, offset 0 reaches 0…4095. */
export function offsetsAgree(layers: readonly MapLayer[]): boolean {
  return (["decayU", "decayV"] as const).every(
    (decay) => !layers.some((l) => l[decay] === DECAY_ONE) || !layers.some((l) => l[decay] === 0),
  );
}

/** Thresholds a core needs; one more for padding compartments. */
const thresholds = (layers: readonly MapLayer[]): number => new Set(layers.map((l) => l.vthMant)).size + 1;

/** First fit, largest piece first. Plastic cores hold nothing else (loihi-facts §3.8). */
export function mergePieces(
  network: LoweredNetwork,
  pieces: readonly Piece[],
  maxWords: number,
): PartitionedCore[] {
  const layerOf = (index: number): MapLayer => network.layers[pieces[index].layer];
  const costs = pieces.map((piece, index) => tileCost(layerOf(index), piece.box, piece.layout));
  const order = pieces
    .map((_, index) => index)
    .sort((a, b) => costs[b].compartments - costs[a].compartments || a - b);
  const bins: Bin[] = [];
  for (const index of order) {
    const piece = pieces[index];
    const exclusive = layerOf(index).projections.some((projection) => projection.learning);
    const bin = exclusive ? undefined : bins.find((candidate) => fits(candidate, index));
    const { words, inputAxons, compartments } = tileCost(
      layerOf(index),
      piece.box,
      piece.layout,
      bin?.compartments ?? 0,
    );
    if (bin) {
      bin.pieces.push(index);
      bin.compartments += compartments;
      bin.words += words;
      bin.inputAxons += inputAxons;
    } else {
      bins.push({ pieces: [index], region: piece.region, compartments, words, inputAxons, exclusive });
    }
  }
  return bins.map(({ pieces: held, region }) => ({ pieces: held, region }));

  function fits(bin: Bin, index: number): boolean {
    if (bin.exclusive || bin.region !== pieces[index].region) return false;
    const layers = [...bin.pieces, index].map(layerOf);
    if (bin.compartments + costs[index].compartments > compartmentLimit(layers)) return false;
    if (!offsetsAgree(layers) || thresholds(layers) > CORE_LIMITS.vthProfiles) return false;
    if (layers.flatMap((layer) => layer.projections).length > CORE_LIMITS.synapseFormats) return false;
    const cost = tileCost(layerOf(index), pieces[index].box, pieces[index].layout, bin.compartments);
    return bin.words + cost.words <= maxWords && bin.inputAxons + cost.inputAxons <= CORE_LIMITS.inputAxons;
  }
}
