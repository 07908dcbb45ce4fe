import type { SynapseFormat } from "./image.js";
import { CORE_LIMITS, RANGE } from "./limits.js";
import { decodeMantissa, encodeMantissa, formatBits, isRepresentable, mantissaGrid } from "./weights.js";

/** One entry of a synapse list: up to 60 synapses of one format. Arrays are parallel, one element a synapse. */
export interface SynapseEntry {
  /** 1…15: `synapseFormats[format − 1]`. */
  readonly format: number;
  /** Index of a dense entry's first synapse; what a run-length entry counts its gaps from; 0 for sparse. */
  readonly prefix: number;
  /** Index of each synapse (target = cxBase + cIdxOffset + index·(cIdxMult + 1)); ascending unless sparse. */
  readonly index: ArrayLike<number>;
  /** Mantissas on the format's grid. */
  readonly weight: ArrayLike<number>;
  /** Extra steps, 0…62; where undefined all 0. */
  readonly delay?: ArrayLike<number>;
  /** Signed start value of the tag; where undefined all 0. */
  readonly tag?: ArrayLike<number>;
}

/** Lists of one axon, one an atom, packed: every list padded with zeros to the longest. */
export interface PackedLists {
  /** 8 bytes a word, little-endian, lists one after another. */
  readonly words: Uint8Array;
  /** Words of one list, after the trailing-word rule. */
  readonly synapseLen: number;
}

export const SYNAPSE_WORD_BITS = 64;
export const SYNAPSE_WORD_BYTES = 8;
const FORMAT_ID_BITS = 4;
const COUNT_BITS = 6;
/** From this many bits in the last word on, a list takes one more word.  nxtf, trailing-word rule (loihi-facts §2.3). */
const TRAILING_FROM = 59;

/** Bits of one entry of `count` synapses: 4 format id + 6 count + (index bits unless sparse) + n·(w + dly + tag + [idx | skip]).
 *  Source: nxtf (loihi-facts §2.3). */
export function entryBits(format: SynapseFormat, count: number): number {
  const bits = formatBits(format);
  const prefix = format.compression === "sparse" ? 0 : bits.index;
  return FORMAT_ID_BITS + COUNT_BITS + prefix + count * bits.perSynapse;
}

/** Words of a list of that many bits: rounded up, and one more where the last word has 59 bits or more; 0 bits take 0. */
export function listWords(bits: number): number {
  if (bits === 0) return 0;
  const rest = bits % SYNAPSE_WORD_BITS;
  return Math.ceil(bits / SYNAPSE_WORD_BITS) + (rest === 0 || rest >= TRAILING_FROM ? 1 : 0);
}

/** Bits of all entries of a list. @param formats formats[0] is format 1 */
export const listBits = (formats: readonly SynapseFormat[], entries: readonly SynapseEntry[]): number =>
  entries.reduce((sum, entry) => sum + entryBits(formats[entry.format - 1], entry.index.length), 0);

/** Bits of an axon's synapses as nengo-loihi counts them: 64 synapses an entry, each entry rounded up to words, no prefix
 *  index. Reported beside ours; both under-describe the true encoder (loihi-facts §2.3). */
export function nengoAxonBits(format: SynapseFormat, count: number): number {
  const perEntry = 64;
  const { weight, index } = formatBits(format);
  const perSynapse = weight + format.dlyBits + format.tagBits + (format.compression === "sparse" ? index : 0);
  const rounded = (synapses: number) =>
    Math.ceil((synapses * perSynapse + FORMAT_ID_BITS + COUNT_BITS) / SYNAPSE_WORD_BITS) * SYNAPSE_WORD_BITS;
  const rest = count % perEntry;
  return Math.floor(count / perEntry) * rounded(perEntry) + (rest > 0 ? rounded(rest) : 0);
}

/** Cuts a row of synapses into entries of one format: at 60 synapses, where a run-length gap does not fit its bits, where a
 *  dense run is broken. Synapses are taken in the order given (ascending index, unless sparse). */
export function splitIntoEntries(
  format: SynapseFormat,
  formatNumber: number,
  index: ArrayLike<number>,
  weight: ArrayLike<number>,
  delay?: ArrayLike<number>,
  tag?: ArrayLike<number>,
): SynapseEntry[] {
  const entries: SynapseEntry[] = [];
  const maxGap = format.compression === "runlength" ? 2 ** format.skipBits - 1 : 0;
  const cut = (array: ArrayLike<number> | undefined, from: number, to: number): ArrayLike<number> | undefined =>
    array === undefined ? undefined
    : array instanceof Int32Array || array instanceof Int16Array || array instanceof Uint8Array ? array.subarray(from, to)
    : Array.prototype.slice.call(array, from, to);
  for (let from = 0; from < index.length; ) {
    let to = from + 1;
    while (
      to < index.length && to - from < CORE_LIMITS.synapsesPerEntry &&
      (format.compression === "sparse" || (index[to] > index[to - 1] && index[to] - index[to - 1] - 1 <= maxGap))
    ) to++;
    entries.push({
      format: formatNumber,
      prefix: format.compression === "sparse" ? 0 : index[from],
      index: cut(index, from, to)!, weight: cut(weight, from, to)!, delay: cut(delay, from, to), tag: cut(tag, from, to),
    });
    from = to;
  }
  return entries;
}

/** Packs the lists of an axon (one an atom) into words. An entry is, from the lowest bit: format id, count, prefix unless
 *  sparse, then its synapses as weight, delay, tag, index or gap. Zero bits after the last entry read as format 0: the end.
 *  @throws RangeError where a value does not fit its field (compiler bug) */
export function packLists(
  formats: readonly SynapseFormat[],
  lists: readonly (readonly SynapseEntry[])[],
): PackedLists {
  const synapseLen = Math.max(0, ...lists.map((entries) => listWords(listBits(formats, entries))));
  const words = new Uint8Array(lists.length * synapseLen * SYNAPSE_WORD_BYTES);
  lists.forEach((entries, atom) => {
    const writer = new BitWriter(words, atom * synapseLen * SYNAPSE_WORD_BITS);
    for (const entry of entries) writeEntry(writer, formats, entry);
  });
  return { words, synapseLen };
}

function writeEntry(writer: BitWriter, formats: readonly SynapseFormat[], entry: SynapseEntry): void {
  const format = formats[entry.format - 1];
  const bits = formatBits(format);
  const { index, weight, delay, tag } = entry;
  const count = index.length;
  if (count < 1 || count > CORE_LIMITS.synapsesPerEntry) throw new RangeError(`compiler bug: entry of ${count} synapses`);
  writer.put(entry.format, FORMAT_ID_BITS);
  writer.put(count, COUNT_BITS);
  if (format.compression !== "sparse") writer.put(entry.prefix, bits.index);
  const codes = codeTable(bits.weight, format.fanoutType);
  const { dlyBits, tagBits, compression } = format;
  let next = entry.prefix;
  for (let k = 0; k < count; k++) {
    const code = codes[weight[k] - RANGE.weight[0]] ?? NO_CODE;
    if (code === NO_CODE) encodeMantissa(weight[k], bits.weight, format.fanoutType);
    writer.append(code, bits.weight);
    if (dlyBits > 0 || delay !== undefined) writer.put(delay?.[k] ?? 0, dlyBits);
    if (tagBits > 0 || tag !== undefined) writer.put(tagCode(tag?.[k] ?? 0, tagBits), tagBits);
    if (compression === "sparse") writer.put(index[k], bits.index);
    else {
      if (index[k] !== next || compression === "runlength") writer.put(index[k] - next, format.skipBits);
      next = index[k] + 1;
    }
  }
  writer.flush();
}

/** Stands where a mantissa has no code. */
const NO_CODE = -1;
const CODE_TABLES = new Map<number, Int16Array>();

/** [mantissa + 256] stored code of every mantissa of a precision, or NO_CODE: this runs once a synapse. */
function codeTable(bits: number, fanoutType: 1 | 2 | 3): Int16Array {
  const key = bits * 4 + fanoutType;
  let table = CODE_TABLES.get(key);
  if (table === undefined) {
    const grid = mantissaGrid(bits, fanoutType);
    const [low, high] = RANGE.weight;
    table = Int16Array.from({ length: high - low + 1 }, (_, k) =>
      isRepresentable(low + k, grid) ? encodeMantissa(low + k, bits, fanoutType) : NO_CODE,
    );
    CODE_TABLES.set(key, table);
  }
  return table;
}

function tagCode(tag: number, bits: number): number {
  const half = 2 ** (bits - 1);
  if (bits === 0 ? tag !== 0 : tag < -half || tag >= half) throw new RangeError(`compiler bug: tag ${tag} in ${bits} bits`);
  return bits === 0 ? 0 : tag & (2 ** bits - 1);
}

/** Reads the list that starts at word `firstWord` and takes `wordCount` words.
 *  @throws RangeError where an entry names an unknown format, has no synapses, or runs past the list's end */
export function unpackList(
  formats: readonly SynapseFormat[],
  memory: Uint8Array,
  firstWord: number,
  wordCount: number,
): Required<SynapseEntry>[] {
  const entries: Required<SynapseEntry>[] = [];
  const columns = new SynapseColumns();
  readList(formats, memory, firstWord, wordCount, columns, (format, prefix, from, to) => {
    entries.push({
      format, prefix, index: columns.index.slice(from, to), weight: columns.weight.slice(from, to),
      delay: columns.delay.slice(from, to), tag: columns.tag.slice(from, to),
    });
  });
  return entries;
}

/** Synapses of a list side by side, in arrays that grow as needed and are used again for the next list. */
export class SynapseColumns {
  index = new Int32Array(0);
  weight = new Int16Array(0);
  delay = new Uint8Array(0);
  tag = new Int16Array(0);
  /** Format number of each synapse's entry. */
  format = new Uint8Array(0);

  /** Makes room for `count` synapses; what was there is lost. */
  reserve(count: number): void {
    if (count <= this.index.length) return;
    this.index = new Int32Array(count);
    this.weight = new Int16Array(count);
    this.delay = new Uint8Array(count);
    this.tag = new Int16Array(count);
    this.format = new Uint8Array(count);
  }
}

/** Reads a list as `unpackList` does, into columns, and returns the number of its synapses.
 *  @throws RangeError as unpackList */
export function unpackColumns(
  formats: readonly SynapseFormat[],
  memory: Uint8Array,
  firstWord: number,
  wordCount: number,
  columns: SynapseColumns,
): number {
  return readList(formats, memory, firstWord, wordCount, columns, () => {});
}

function readList(
  formats: readonly SynapseFormat[],
  memory: Uint8Array,
  firstWord: number,
  wordCount: number,
  columns: SynapseColumns,
  onEntry: (format: number, prefix: number, from: number, to: number) => void,
): number {
  const reader = new BitReader(memory, firstWord * SYNAPSE_WORD_BITS, (firstWord + wordCount) * SYNAPSE_WORD_BITS);
  // A synapse takes at least its weight's one bit.
  columns.reserve(wordCount * SYNAPSE_WORD_BITS);
  let at = 0;
  while (reader.left >= FORMAT_ID_BITS) {
    const formatNumber = reader.get(FORMAT_ID_BITS);
    if (formatNumber === 0) break;
    const format = formats[formatNumber - 1];
    if (format === undefined) throw new RangeError(`an entry of format ${formatNumber}, which is not defined`);
    const bits = formatBits(format);
    const count = reader.get(COUNT_BITS);
    if (count < 1 || count > CORE_LIMITS.synapsesPerEntry) throw new RangeError(`an entry of ${count} synapses`);
    const prefix = format.compression === "sparse" ? 0 : reader.get(bits.index);
    if (count * bits.perSynapse > reader.left) throw new RangeError("an entry runs past the end of its list");
    readEntry(reader, format, bits, prefix, { columns, from: at, to: at + count });
    columns.format.fill(formatNumber, at, at + count);
    onEntry(formatNumber, prefix, at, at + count);
    at += count;
  }
  return at;
}

function readEntry(
  reader: BitReader,
  format: SynapseFormat,
  bits: { readonly weight: number; readonly index: number },
  prefix: number,
  { columns, from, to }: { readonly columns: SynapseColumns; readonly from: number; readonly to: number },
): void {
  const { index, weight, delay, tag } = columns;
  const { dlyBits, tagBits, compression } = format;
  const address = compression === "sparse" ? bits.index : compression === "runlength" ? format.skipBits : 0;
  const meaning = mantissaTable(bits.weight, format.fanoutType);
  let next = prefix;
  for (let k = from; k < to; k++) {
    weight[k] = meaning[reader.take(bits.weight)];
    delay[k] = dlyBits > 0 ? reader.take(dlyBits) : 0;
    tag[k] = tagBits > 0 ? (reader.take(tagBits) << (32 - tagBits)) >> (32 - tagBits) : 0;
    if (compression === "sparse") index[k] = reader.take(address);
    else {
      index[k] = address > 0 ? next + reader.take(address) : next;
      next = index[k] + 1;
    }
  }
}

const MANTISSA_TABLES = new Map<number, Int16Array>();

/** [code] mantissa, for all stored codes of a precision: this runs once a synapse. */
function mantissaTable(bits: number, fanoutType: 1 | 2 | 3): Int16Array {
  const key = bits * 4 + fanoutType;
  let table = MANTISSA_TABLES.get(key);
  if (table === undefined) {
    table = Int16Array.from({ length: 2 ** bits }, (_, code) => decodeMantissa(code, bits, fanoutType));
    MANTISSA_TABLES.set(key, table);
  }
  return table;
}

class BitWriter {
  private byte: number;
  /** Bits not yet in `bytes`, fewer than 8 between calls, and how many. */
  private pending = 0;
  private held = 0;

  /** @param at  first bit, at the start of a byte */
  constructor(private readonly bytes: Uint8Array, at: number) {
    this.byte = at >>> 3;
  }

  /** Appends the low `bits` (≤ 12) of value, lowest bit first. @throws RangeError where the value does not fit */
  put(value: number, bits: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= 1 << bits) {
      throw new RangeError(`compiler bug: ${value} does not fit ${bits} bits of synapse memory`);
    }
    this.append(value, bits);
  }

  /** As `put`, where the caller knows that the value fits. */
  append(value: number, bits: number): void {
    this.pending |= value << this.held;
    this.held += bits;
    while (this.held >= 8) {
      this.bytes[this.byte++] = this.pending & 0xff;
      this.pending >>>= 8;
      this.held -= 8;
    }
  }

  /** Writes what is left of the last byte; more may follow. */
  flush(): void {
    if (this.held > 0) this.bytes[this.byte] = this.pending;
  }
}

class BitReader {
  constructor(private readonly bytes: Uint8Array, private at: number, private readonly end: number) {
    if (end > bytes.length * 8) throw new RangeError("a list runs past the end of synapse memory");
  }

  get left(): number {
    return this.end - this.at;
  }

  /** The next `bits` (≤ 12) as an unsigned number. @throws RangeError past the list's end */
  get(bits: number): number {
    if (bits > this.end - this.at) throw new RangeError("an entry runs past the end of its list");
    return this.take(bits);
  }

  /** As `get`, where the caller knows that the bits are there. */
  take(bits: number): number {
    const byte = this.at >>> 3;
    const three = this.bytes[byte] | (this.bytes[byte + 1] << 8) | (this.bytes[byte + 2] << 16);
    const value = (three >>> (this.at & 7)) & ((1 << bits) - 1);
    this.at += bits;
    return value;
  }
}
