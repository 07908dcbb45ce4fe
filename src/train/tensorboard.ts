/** TensorBoard event files, by hand: TFRecord framing (u64 length, masked CRC-32C of it, data, masked CRC-32C of that) round
 *  `tensorflow.Event` messages in protobuf wire format. Layout: tensorflow/core/lib/io/record_writer.h, event.proto. */

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const b of bytes) c = CRC_TABLE[(c ^ b) & 0xff] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

const MASK_DELTA = 0xa282ead8;
const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
};

/** One record. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 16);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, masked(data), true);
  return out;
}

function varint(value: number): number[] {
  const out: number[] = [];
  let v = value;
  for (; v >= 128; v = Math.floor(v / 128)) out.push((v % 128) | 128);
  out.push(v);
  return out;
}
const bytesField = (field: number, bytes: ArrayLike<number>): number[] => [(field << 3) | 2, ...varint(bytes.length), ...Array.from(bytes)];
const doubleField = (field: number, value: number): number[] =>
  [(field << 3) | 1, ...new Uint8Array(Float64Array.of(value).buffer)];
const floatField = (field: number, value: number): number[] => [(field << 3) | 5, ...new Uint8Array(Float32Array.of(value).buffer)];

/** First record of a file: its version. `wallTime` in seconds. */
export const versionEvent = (wallTime: number): Uint8Array =>
  tfRecord(Uint8Array.from([...doubleField(1, wallTime), ...bytesField(3, new TextEncoder().encode("brain.Event:2"))]));

/** Scalars of one step. */
export function scalarEvent(wallTime: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array {
  const values = Object.entries(scalars).flatMap(([tag, value]) =>
    bytesField(1, [...bytesField(1, new TextEncoder().encode(tag)), ...floatField(2, value)]));
  return tfRecord(Uint8Array.from([...doubleField(1, wallTime), (2 << 3) | 0, ...varint(step), ...bytesField(5, values)]));
}
