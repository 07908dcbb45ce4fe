/** Synapse lists of weight blocks as values: what one atom of an axon reaches, with which mantissas. */
import type { SynapseFormat } from "../hw/image.js";
import { CORE_LIMITS } from "../hw/limits.js";
import { splitIntoEntries, type SynapseEntry } from "../hw/synapse-words.js";
import { arrange, channelsReached, runsOf, type Run } from "./geometry.js";
import type { Block, Piece, Projection, RoutedNetwork } from "./ir.js";

/** One list, every synapse of the model in it, ascending by index (but for rows that overlap in padding that they share).
 *  Arrays [synapse]. */
export interface ListSynapses {
  readonly index: Int32Array;
  readonly weight: Int16Array;
}

/** Reads the lists of a network's blocks; keeps each projection's weights in the order that lists want them in. */
export class ListReader {
  private readonly columns = new Map<Projection, Int16Array>();
  private readonly zeros = new Map<Projection, Int32Array>();

  constructor(private readonly network: RoutedNetwork) {}

  /** The list of source channel `c` in a block. */
  read(block: Block, c: number): ListSynapses {
    const piece = this.network.pieces[block.piece];
    const layer = this.network.layers[piece.layer];
    const projection = layer.projections[block.projection];
    const runs = this.runs(block, c);
    const count = runs.reduce((sum, run) => sum + run.length, 0);
    const index = new Int32Array(count);
    const weight = new Int16Array(count);
    let at = 0;
    for (const run of runs) {
      for (let k = 0; k < run.length; k++) index[at + k] = block.start + run.start + k;
      this.fillWeights(weight, at, { projection, piece, block, run, c, outputs: layer.shape[0] });
      at += run.length;
    }
    return { index, weight };
  }

  /** Lengths of the runs of neighboring compartments in a channel's list, and at most how many of its synapses are 0: what
   *  can be told without reading it. */
  outline(block: Block, c: number): { readonly runs: readonly number[]; readonly zerosAtMost: number } {
    const piece = this.network.pieces[block.piece];
    const layer = this.network.layers[piece.layer];
    const projection = layer.projections[block.projection];
    const lengths: number[] = [];
    let end = -1;
    for (const run of this.runs(block, c)) {
      if (run.start === end) lengths[lengths.length - 1] += run.length;
      else lengths.push(run.length);
      end = run.start + run.length;
    }
    return { runs: lengths, zerosAtMost: projection.mantissa === null ? 0 : this.zerosOf(projection, layer.shape[0])[c] };
  }

  private runs(block: Block, c: number): Run[] {
    const piece = this.network.pieces[block.piece];
    const layer = this.network.layers[piece.layer];
    const projection = layer.projections[block.projection];
    const byX = piece.layout.inner === "x";
    const [outer, inner] = byX ? [block.countY, block.countX] : [block.countX, block.countY];
    const [low, high] = channelsReached(projection, layer, piece.box, c);
    return runsOf(arrange(piece.box, piece.layout), outer, inner, low, high);
  }

  /** [source channel] mantissas of 0 in the whole kernel; a list has no tap twice, so none has more. */
  private zerosOf(projection: Projection, outputs: number): Int32Array {
    const known = this.zeros.get(projection);
    if (known) return known;
    const columns = this.columnsOf(projection, outputs);
    const zeros = new Int32Array(projection.sourceShape[0]);
    const each = columns.length / zeros.length;
    for (let k = 0; k < columns.length; k++) if (columns[k] === 0) zeros[Math.floor(k / each)]++;
    this.zeros.set(projection, zeros);
    return zeros;
  }

  /** Mantissas of a run from source channel c: positions outside, channels inside. */
  private fillWeights(weight: Int16Array, at: number, list: RunOfList): void {
    const { projection, piece, block, run, c, outputs } = list;
    if (projection.mantissa === null) {
      weight.fill(projection.uniformMantissa, at, at + run.length);
      return;
    }
    const columns = this.columnsOf(projection, outputs);
    const byX = piece.layout.inner === "x";
    const [strideY, strideX] = projection.stride;
    const [kH, kW] = projection.kernel;
    const perGroup = outputs / projection.groups;
    const first = (piece.box.c0 + run.channel) % perGroup;
    for (let k = at, column = run.column; k < at + run.length; column++) {
      const tapY = block.tapY - (byX ? run.row : column) * strideY;
      const tapX = block.tapX - (byX ? column : run.row) * strideX;
      const from = ((c * kH + tapY) * kW + tapX) * perGroup + first;
      for (let o = from; o < from + run.width; o++) weight[k++] = columns[o];
    }
  }

  /** [source channel, kH, kW, output of its group] mantissas of a projection. */
  private columnsOf(projection: Projection, outputs: number): Int16Array {
    const known = this.columns.get(projection);
    if (known) return known;
    const mantissa = projection.mantissa!;
    const { kernel, sourceShape, groups } = projection;
    const taps = kernel[0] * kernel[1];
    const [perGroupIn, perGroupOut] = [sourceShape[0] / groups, outputs / groups];
    const columns = new Int16Array(mantissa.length);
    for (let o = 0, k = 0; o < outputs; o++) {
      const firstIn = Math.floor(o / perGroupOut) * perGroupIn;
      for (let c = 0; c < perGroupIn; c++) {
        for (let tap = 0; tap < taps; tap++)
          columns[((firstIn + c) * taps + tap) * perGroupOut + (o % perGroupOut)] = mantissa[k++];
      }
    }
    this.columns.set(projection, columns);
    return columns;
  }
}

interface RunOfList {
  readonly projection: Projection;
  readonly piece: Piece;
  readonly block: Block;
  readonly run: Run;
  readonly c: number;
  readonly outputs: number;
}

/** The synapses whose mantissa is not 0: all that a list has to hold where nothing learns, since a zero adds nothing. */
export function withoutZeros({ index, weight }: ListSynapses): ListSynapses {
  let count = 0;
  for (let k = 0; k < weight.length; k++) if (weight[k] !== 0) count++;
  if (count === weight.length) return { index, weight };
  const kept = { index: new Int32Array(count), weight: new Int16Array(count) };
  for (let k = 0, n = 0; k < weight.length; k++) {
    if (weight[k] === 0) continue;
    kept.index[n] = index[k];
    kept.weight[n++] = weight[k];
  }
  return kept;
}

/** Entries of a list in a format; number 0 stands for a list without synapses. Dense entries keep zeros, which cost less
 *  than a new entry; the other formats leave them out. */
export function entriesOf(
  synapses: ListSynapses,
  formats: readonly SynapseFormat[],
  number: number,
  delay: number,
): SynapseEntry[] {
  if (number === 0) return [];
  const format = formats[number - 1];
  const { index, weight } = format.compression === "dense" ? synapses : withoutZeros(synapses);
  const delays = delay === 0 ? undefined : new Uint8Array(index.length).fill(delay);
  return format.compression === "dense"
    ? denseEntries(index, weight, delays, number)
    : splitIntoEntries(format, number, index, weight, delays);
}

function denseEntries(
  index: Int32Array,
  weight: Int16Array,
  delays: Uint8Array | undefined,
  number: number,
): SynapseEntry[] {
  const entries: SynapseEntry[] = [];
  for (let from = 0; from < index.length; ) {
    let to = from + 1;
    while (to < index.length && to - from < CORE_LIMITS.synapsesPerEntry && index[to] === index[to - 1] + 1) to++;
    entries.push({
      format: number,
      prefix: index[from],
      index: index.subarray(from, to),
      weight: weight.subarray(from, to),
      delay: delays?.subarray(from, to),
    });
    from = to;
  }
  return entries;
}
