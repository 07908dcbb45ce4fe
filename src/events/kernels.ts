import type { EventColumns } from "./columns.js";
import { planLz4Frame } from "./compression/lz4.js";
import type { SensorSize } from "./decoder.js";
import { DECODE_WASM } from "./native/kernels-wasm.js";

interface Exports {
  readonly memory: WebAssembly.Memory;
  address(which: number): number;
  prepare_evt3(): void;
  evt2(words: number): void;
  evt3(words: number): void;
  dat(records: number): void;
  nmnist(records: number): void;
  event_stream(bytes: number): void;
  aedat2(records: number): void;
  csv(bytes: number): void;
  unpack_aedat4(events: number, count: number, t: number, x: number, y: number, on: number): number;
  lz4_block(from: number, size: number, to: number, length: number, room: number, back: number): number;
  xxh32(from: number, length: number): number;
}

/** Kernels of formats; the number of bytes of what each is given counts of, and what a call may take at most. */
const UNIT_BYTES = { evt2: 4, evt3: 2, dat: 8, nmnist: 5, event_stream: 1, aedat2: 8, csv: 1 } as const;
export type DecodeKernel = keyof typeof UNIT_BYTES;
const CALL_BYTES = { evt2: 2 ** 16, evt3: 2 ** 15, dat: 2 ** 16, nmnist: 5 * 2 ** 14, event_stream: 2 ** 16, aedat2: 2 ** 16, csv: 2 ** 16 } as const;

/** Fields of `Result` in native/kernels/decode.h, in 32-bit words. */
const FIELD = { used: 0, events: 1, unsound: 2, maxX: 3, maxY: 4, held: 5, dropped: 6, outside: 7, state: 8 } as const;
/** Words of the state: known, high, base, latest, low, line, vector x, vector on, low is old. */
const STATE_WORDS = 9;
/** Where state words stand that decoders begin with or ask for. */
export const STATE = { known: 0, high: 1, base: 2, latest: 3, low: 4, line: 5, vectorX: 6, vectorOn: 7 } as const;

/** As in native/kernels/decode.h. */
const INPUT_BYTES = 2 ** 17;
const ROOM = 2 ** 15;
const PAGE_BYTES = 2 ** 16;
/** LZ4's copies write up to this much behind the end. */
const SLACK_BYTES = 64;
/** Frames beyond this are inflated by the TypeScript twin: the kernels' memory never shrinks. */
const ARENA_BYTES = 24 * 2 ** 20;

/** The decoding kernels in WebAssembly: each does what the decoder of its format does on a sound file, in one pass with the
 *  checks, and refuses everything else. Shared by all decoders of a thread, as none runs in the middle of another. */
export class DecodeKernels {
  private readonly input: Uint8Array;
  private readonly result: Int32Array;
  private readonly columns: { readonly t: Uint32Array; readonly x: Uint16Array; readonly y: Uint16Array; readonly on: Uint8Array };
  private readonly arena: number;
  private readonly code: Exports;

  constructor() {
    const bytes = Uint8Array.from(atob(DECODE_WASM), (character) => character.charCodeAt(0));
    this.code = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Exports;
    // Grown once, before anything points into the memory: growing takes views away.
    this.code.memory.grow(Math.ceil(ARENA_BYTES / PAGE_BYTES));
    this.code.prepare_evt3();
    const { buffer } = this.code.memory;
    const at = Array.from({ length: 7 }, (_, which) => this.code.address(which));
    this.input = new Uint8Array(buffer, at[0], INPUT_BYTES);
    this.columns = {
      t: new Uint32Array(buffer, at[1], ROOM), x: new Uint16Array(buffer, at[2], ROOM), y: new Uint16Array(buffer, at[3], ROOM), on: new Uint8Array(buffer, at[4], ROOM),
    };
    this.result = new Int32Array(buffer, at[5], FIELD.state + STATE_WORDS);
    this.arena = Math.ceil(at[6] / 16) * 16;
  }

  /** Decodes bytes from `from` on, as far as they are sound, and appends to `out`, whose summary it keeps.
   *  @param state  the stream's, read and left as the bytes leave it
   *  @param size  the sensor's: an event beyond it is dropped before times are looked at, which is the twin's work
   *  @returns bytes that are done (whole units), whether the rest is for the twin, events dropped, and N-MNIST's outside */
  run(kernel: DecodeKernel, bytes: Uint8Array, from: number, end: number, state: Int32Array, out: EventColumns, size?: SensorSize) {
    const { result, columns: { t, x, y, on } } = this;
    const unit = UNIT_BYTES[kernel];
    let [at, dropped, outside] = [from, 0, 0];
    let sound = true;
    while (end - at >= unit) {
      const units = Math.floor(Math.min(end - at, CALL_BYTES[kernel]) / unit);
      this.input.set(bytes.subarray(at, at + units * unit));
      result.set(state, FIELD.state);
      this.code[kernel](units);
      if (result[FIELD.unsound] || (size && (result[FIELD.maxX] >= size.width || result[FIELD.maxY] >= size.height))) {
        sound = false;
        break;
      }
      const n = result[FIELD.events];
      if (n > 0) out.append(t, x, y, on, n, result[FIELD.maxX], result[FIELD.maxY], result[FIELD.held]);
      state.set(result.subarray(FIELD.state, FIELD.state + STATE_WORDS));
      dropped += result[FIELD.dropped];
      outside += result[FIELD.outside];
      const used = result[FIELD.used];
      if (used === 0) break;
      at += used;
      // How many events are still to come, by those that came.
      if (at < end) out.expect(Math.ceil((out.length / Math.max(1, at)) * (end - at)));
    }
    return { used: at - from, sound, dropped, outside };
  }

  /** As `decodeLz4Frame` on a sound frame; undefined for another, and for frames too large for the kernels' memory.
   *  @returns a view of that memory, which the next call writes over */
  inflateLz4(frame: Uint8Array): Uint8Array | undefined {
    const { memory } = this.code;
    const room = Math.floor((ARENA_BYTES - frame.length - 2 * SLACK_BYTES) / 2);
    const plan = room > 0 ? planLz4Frame(frame) : undefined;
    if (!plan) return undefined;
    new Uint8Array(memory.buffer, this.arena, frame.length).set(frame);
    const to = Math.ceil((this.arena + frame.length + SLACK_BYTES) / 16) * 16;
    let length = 0;
    for (const { at, size, stored, checksum } of plan.blocks) {
      if (checksum !== undefined && (this.code.xxh32(this.arena + at, size) >>> 0) !== checksum) return undefined;
      if (stored) {
        if (length + size > room) return undefined;
        new Uint8Array(memory.buffer, to + length, size).set(frame.subarray(at, at + size));
        length += size;
      } else {
        length = this.code.lz4_block(this.arena + at, size, to, length, room, plan.independent ? length : 0);
        if (length < 0) return undefined;
      }
    }
    if (plan.checksum !== undefined && (this.code.xxh32(to, length) >>> 0) !== plan.checksum) return undefined;
    return new Uint8Array(memory.buffer, to, length);
  }

  /** AEDAT4's events of 16 bytes, appended to `out`. @returns whether all were events in order of time; else nothing is appended */
  unpackAedat4(data: Uint8Array, at: number, count: number, out: EventColumns): boolean {
    const { memory } = this.code;
    const here = data.buffer === memory.buffer;
    const from = here ? data.byteOffset + at : this.arena;
    const t = Math.ceil((from + 16 * count) / 16) * 16;
    if (t + 13 * count + SLACK_BYTES > memory.buffer.byteLength) return false;
    if (!here) new Uint8Array(memory.buffer, from, 16 * count).set(data.subarray(at, at + 16 * count));
    const [x, y, on] = [t + 8 * count, t + 10 * count, t + 12 * count];
    if (!this.code.unpack_aedat4(from, count, t, x, y, on)) return false;
    out.append(
      new Float64Array(memory.buffer, t, count), new Uint16Array(memory.buffer, x, count), new Uint16Array(memory.buffer, y, count),
      new Uint8Array(memory.buffer, on, count), count, this.result[FIELD.maxX], this.result[FIELD.maxY], 0,
    );
    return true;
  }
}

/** A stream's state before its first byte. */
export const startState = (): Int32Array => {
  const state = new Int32Array(STATE_WORDS);
  state[STATE.high] = -1;
  return state;
};

let made: DecodeKernels | null | undefined;
let wanted = true;

/** The thread's kernels; null where WebAssembly with SIMD is not to be had, or they were switched off: the twins do everything. */
export function decodeKernels(): DecodeKernels | null {
  if (made === undefined) {
    try {
      made = new DecodeKernels();
    } catch {
      made = null;
    }
  }
  return wanted ? made : null;
}

/** For tests and measurements: the twins alone (false), or kernels again. */
export function useKernels(on: boolean): void {
  wanted = on;
}
