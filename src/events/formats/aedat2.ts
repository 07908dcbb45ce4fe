import type { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import { hashHeader } from "../detect-header.js";
import { decodeKernels, STATE, startState } from "../kernels.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { refuseOutside } from "../writing.js";

const RECORD_BYTES = 8;
const CLOCK_END_US = 2 ** 32;

/** Bits of an address by the camera's family. Source: reference/event-formats.md, AEDAT 2.0. */
type Family = "dvs128" | "davis";

const CHIPS: readonly (readonly [RegExp, Family, number, number])[] = [
  [/dvs128/i, "dvs128", 128, 128], [/davis(?:cr)?128/i, "davis", 128, 128], [/davis208/i, "davis", 208, 192], [/davis240|sbret/i, "davis", 240, 180],
  [/davis346/i, "davis", 346, 260], [/davis640/i, "davis", 640, 480],
];

/** AEDAT 2.0 of jAER: text lines, then big-endian address and µs. x, y are given as stored (y of DAVIS points up);
 *  samples of APS and IMU are skipped. */
export class Aedat2Decoder implements StreamDecoder {
  readonly jitterUs = 0;
  size: SensorSize | undefined;
  private family: Family | undefined;
  private kernels = decodeKernels();
  private readonly state = startState();
  private header = false;
  private previous = 0;
  private wrapUs = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private offset = 0;

  constructor(_options: DecodeOptions, private readonly problems: Problems) {}

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    let start = 0;
    if (!this.header) {
      const { lines, dataOffset } = hashHeader(bytes);
      const chip = lines.find((line) => /AEChip|HardwareInterface/i.test(line)) ?? lines.join("\n");
      const known = CHIPS.find(([pattern]) => pattern.test(chip));
      if (known) [this.family, this.size] = [known[1], { width: known[2], height: known[3] }];
      [start, this.header] = [dataOffset, true];
    }
    const records = Math.floor((bytes.length - start) / RECORD_BYTES);
    const end = start + records * RECORD_BYTES;
    [this.bytes, this.offset] = [bytes.subarray(start, end), offset + start];
    this.family ??= guessFamily(this.bytes);
    if (this.family === "dvs128") this.size ??= { width: 128, height: 128 };
    const done = this.runKernel(this.bytes, out);
    if (done < this.bytes.length) this.fill(this.bytes, done, records, out);
    if (final && end < bytes.length) {
      this.problems.report("E-EVT-002", offset + end, {
        found: `the file ends within an event (${bytes.length - end} bytes left over)`, limit: "8 bytes an event",
        dropped: "incomplete last events dropped",
      });
    }
    return final ? bytes.length : end;
  }

  /** Lets the kernel decode what is sound; the twin does the rest of the file. @returns bytes that are done */
  private runKernel(bytes: Uint8Array, out: EventColumns): number {
    if (!this.kernels) return 0;
    this.state[STATE.low] = this.family === "dvs128" ? 1 : 0;
    const { used, sound } = this.kernels.run("aedat2", bytes, 0, bytes.length, this.state, out);
    if (!sound) this.kernels = null;
    if (used > 0) this.previous = this.state[STATE.latest] >>> 0;
    return used;
  }

  /** The twin of the kernel: any file, wraps of the clock counted. */
  private fill(bytes: Uint8Array, from: number, records: number, out: EventColumns): void {
    out.reserve(records - from / RECORD_BYTES);
    const { t, x, y, on } = out;
    let n = out.length;
    for (let at = from; at < records * RECORD_BYTES; at += RECORD_BYTES) {
      const high = (bytes[at] << 8) | bytes[at + 1];
      const low = (bytes[at + 2] << 8) | bytes[at + 3];
      if (skipped(this.family, high, low)) continue;
      const time = ((bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7]) >>> 0;
      if (this.previous - time > CLOCK_END_US / 2) this.wrapUs += CLOCK_END_US;
      this.previous = time;
      t[n] = this.wrapUs + time;
      if (this.family === "dvs128") {
        x[n] = (low >> 1) & 0x7f;
        y[n] = (low >> 8) & 0x7f;
        on[n++] = 1 - (low & 1);
      } else {
        x[n] = ((high << 4) | (low >> 12)) & 0x3ff;
        y[n] = (high >> 6) & 0x1ff;
        on[n++] = (low >> 11) & 1;
      }
    }
    out.length = n;
  }

  locate(index: number): number {
    let event = -1;
    for (let at = 0; at < this.bytes.length; at += RECORD_BYTES) {
      const [high, low] = [(this.bytes[at] << 8) | this.bytes[at + 1], (this.bytes[at + 2] << 8) | this.bytes[at + 3]];
      if (!skipped(this.family, high, low) && ++event === index) return this.offset + at;
    }
    return this.offset;
  }
}

/** True for what is no event of a pixel: bit 31 APS, bit 10 IMU or other (DAVIS); bits above 14 (DVS128: its sync and
 *  special events have bit 15 set). */
const skipped = (family: Family | undefined, high: number, low: number): boolean =>
  family === "dvs128" ? (low & 0x8000) !== 0 || high !== 0 : (high & 0x8000) !== 0 || (low & 0x400) !== 0;

/** Without a named chip: addresses of a DVS128 fit 15 bits. */
function guessFamily(bytes: Uint8Array): Family {
  for (let at = 0; at + RECORD_BYTES <= Math.min(bytes.length, 65_536); at += RECORD_BYTES) {
    if (bytes[at] !== 0 || bytes[at + 1] !== 0) return "davis";
  }
  return "dvs128";
}

/** Writes AEDAT 2.0 with the addresses of the smallest camera that holds the sensor.
 *  @throws UserError E-EVT-008 where a pixel or a time does not fit */
export function encodeAedat2(stream: EventStream, name: string): Uint8Array {
  const { width, height, tUs, x, y, polarity } = stream;
  const dvs128 = width <= 128 && height <= 128;
  const chip = dvs128 ? "ch.unizh.ini.jaer.chip.retina.DVS128" : width <= 240 && height <= 180
    ? "eu.seebetter.ini.chips.davis.DAVIS240C" : width <= 346 && height <= 260
      ? "eu.seebetter.ini.chips.davis.Davis346red" : "eu.seebetter.ini.chips.davis.Davis640";
  refuseOutside(stream, name, { maxX: dvs128 ? 127 : 639, maxY: dvs128 ? 127 : 479, endUs: CLOCK_END_US });
  const header = new TextEncoder().encode(
    `#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n# Timestamps tick: 1 us\r\n# AEChip: ${chip}\r\n`);
  const out = new Uint8Array(header.length + tUs.length * RECORD_BYTES);
  out.set(header);
  const view = new DataView(out.buffer, header.length);
  for (let i = 0; i < tUs.length; i++) {
    const address = dvs128 ? (y[i] << 8) | (x[i] << 1) | (1 - polarity[i]) : (y[i] << 22) | (x[i] << 12) | (polarity[i] << 11);
    view.setUint32(i * RECORD_BYTES, address >>> 0);
    view.setUint32(i * RECORD_BYTES + 4, tUs[i]);
  }
  return out;
}
