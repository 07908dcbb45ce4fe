import { inflateSync } from "fflate";
import { concatBytes } from "../base/bytes.js";
import { userError } from "../base/errors.js";
import { unwrapFile } from "../base/file-header.js";
import type { EventStream } from "./types.js";

/** One N-MNIST recording with where it comes from. */
export interface NmnistRecording {
  /** Digit 0…9. */
  readonly label: number;
  /** 1-based index of the image in MNIST's training part. */
  readonly index: number;
  /** 34×34, µs, cut after the file's window. */
  readonly stream: EventStream;
}

/** Kind and version in the header of the packed file. */
export const NMNIST_ASSET = { kind: "nmnist-recordings", formatVersion: 1 } as const;

const SIZE = 34;
const COUNT_BYTES = 4;
const ENTRY_BYTES = 6;
const VARINT_BITS = 7;

/** Packs recordings: u32 count; by recording u8 label, u16 index (little-endian), u24 events; then three planes
 *  over all events: steps of time in µs as varints (from 0 in each recording), x, and y with the polarity in bit 7.
 *  Planes of one kind deflate far better than whole events. */
export function packNmnistPayload(recordings: readonly NmnistRecording[]): Uint8Array {
  const table = new DataView(new ArrayBuffer(COUNT_BYTES + ENTRY_BYTES * recordings.length));
  table.setUint32(0, recordings.length, true);
  const [steps, xs, ys]: number[][] = [[], [], []];
  recordings.forEach(({ label, index, stream }, k) => {
    const at = COUNT_BYTES + ENTRY_BYTES * k;
    table.setUint8(at, label);
    table.setUint16(at + 1, index, true);
    table.setUint16(at + 3, stream.tUs.length & 0xffff, true);
    table.setUint8(at + 5, stream.tUs.length >>> 16);
    let previous = 0;
    for (let i = 0; i < stream.tUs.length; i++) {
      let step = stream.tUs[i] - previous;
      previous = stream.tUs[i];
      for (; step >= 1 << VARINT_BITS; step >>>= VARINT_BITS) steps.push((step & 0x7f) | 0x80);
      steps.push(step);
      xs.push(stream.x[i]);
      ys.push(stream.y[i] | (stream.polarity[i] << 7));
    }
  });
  return concatBytes([new Uint8Array(table.buffer), Uint8Array.from(steps), Uint8Array.from(xs), Uint8Array.from(ys)]);
}

/** Reads the packed recordings; about 30 ms for 800.
 *  @param fileName  stands in messages
 *  @throws UserError E-FILE-001…004 where the file is not that file, or damaged */
export function unpackNmnist(bytes: Uint8Array, fileName: string): readonly NmnistRecording[] {
  const { payload } = unwrapFile(bytes, NMNIST_ASSET, fileName);
  try {
    return readPayload(inflateSync(payload));
  } catch {
    // The hash was right, so these bytes were written so: by another program under our header.
    throw userError({ code: "E-FILE-003", at: fileName, found: "the packed recordings cannot be unpacked", hint: "an undamaged copy" });
  }
}

function readPayload(data: Uint8Array): NmnistRecording[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const recordingCount = view.getUint32(0, true);
  const countOf = (k: number) => {
    const at = COUNT_BYTES + ENTRY_BYTES * k + 3;
    return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  };
  let total = 0;
  for (let k = 0; k < recordingCount; k++) total += countOf(k);
  let stepAt = COUNT_BYTES + ENTRY_BYTES * recordingCount;
  let xAt = data.length - 2 * total;
  let yAt = data.length - total;
  if (xAt < stepAt) throw new Error("planes overlap");
  const recordings: NmnistRecording[] = [];
  for (let k = 0; k < recordingCount; k++) {
    const count = countOf(k);
    const [tUs, x, y, polarity] = [new Uint32Array(count), new Uint16Array(count), new Uint16Array(count), new Uint8Array(count)];
    let t = 0;
    for (let i = 0; i < count; i++) {
      let byte = data[stepAt++];
      let step = byte & 0x7f;
      for (let shift = VARINT_BITS; byte & 0x80; shift += VARINT_BITS) {
        byte = data[stepAt++];
        step |= (byte & 0x7f) << shift;
      }
      t += step;
      tUs[i] = t;
      x[i] = data[xAt++];
      y[i] = data[yAt] & 0x7f;
      polarity[i] = data[yAt++] >> 7;
    }
    const at = COUNT_BYTES + ENTRY_BYTES * k;
    recordings.push({
      label: view.getUint8(at), index: view.getUint16(at + 1, true),
      stream: { tUs, x, y, polarity, width: SIZE, height: SIZE },
    });
  }
  return recordings;
}
