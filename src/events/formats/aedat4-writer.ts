import { concatBytes } from "../../base/bytes.js";
import { encodeLz4Frame } from "../compression/lz4-compress.js";
import type { EventStream } from "../types.js";
import { refuseOutside } from "../writing.js";

const EVENT_BYTES = 16;
const PACKET_EVENTS = 8192;
const COMPRESSION_LZ4 = 1;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

function ints(bytes: number, fill: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  fill(view);
  return new Uint8Array(view.buffer);
}

/** Flatbuffer IOHE: compression, position of the table, XML of the streams. Laid out by hand: root offset, identifier,
 *  vtable at 8, table at 20 (vtable of 3 slots is 10 bytes, padded so that the i64 is aligned). */
function ioHeader(xml: string, tableAt: number): Uint8Array {
  const text = ascii(xml);
  const table = 20;
  const string = table + 20;
  return ints(string + 4 + text.length + 1 + 7 & ~7, (v) => {
    v.setUint32(0, table, true);
    new Uint8Array(v.buffer).set(ascii("IOHE"), 4);
    [10, 20, 16, 4, 12].forEach((word, k) => { v.setUint16(8 + 2 * k, word, true); });
    v.setInt32(table, table - 8, true);
    v.setBigInt64(table + 4, BigInt(tableAt), true);
    v.setUint32(table + 12, string - (table + 12), true);
    v.setInt32(table + 16, COMPRESSION_LZ4, true);
    v.setUint32(string, text.length, true);
    new Uint8Array(v.buffer).set(text, string + 4);
  });
}

/** Size-prefixed flatbuffer EVTS with its one vector of events from…to. */
function eventPacket({ tUs, x, y, polarity }: EventStream, from: number, to: number): Uint8Array {
  const [prefix, table] = [4, 20];
  // The vector's elements are aligned to 8 bytes counted from behind the size prefix.
  const vector = 28;
  const bytes = vector + 4 + (to - from) * EVENT_BYTES;
  return ints(prefix + bytes, (v) => {
    v.setUint32(0, bytes, true);
    v.setUint32(prefix, table, true);
    new Uint8Array(v.buffer).set(ascii("EVTS"), prefix + 4);
    [6, 8, 4].forEach((word, k) => { v.setUint16(prefix + 12 + 2 * k, word, true); });
    v.setInt32(prefix + table, table - 12, true);
    v.setUint32(prefix + table + 4, vector - (table + 4), true);
    v.setUint32(prefix + vector, to - from, true);
    for (let i = from; i < to; i++) {
      const at = prefix + vector + 4 + (i - from) * EVENT_BYTES;
      v.setBigInt64(at, BigInt(tUs[i]), true);
      v.setInt16(at + 8, x[i], true);
      v.setInt16(at + 10, y[i], true);
      v.setUint8(at + 12, polarity[i]);
    }
  });
}

/** Writes AEDAT4 with one event stream, LZ4 frames, and no table (as an interrupted recording of DV:
 *  readers then walk the packets). @throws UserError E-EVT-008 where a pixel passes 32767 */
export function encodeAedat4(stream: EventStream, name: string): Uint8Array {
  refuseOutside(stream, name, { maxX: 0x7fff, maxY: 0x7fff, endUs: 2 ** 53 });
  const attr = (key: string, type: string, value: string | number) => `<attr key="${key}" type="${type}">${value}</attr>`;
  const xml = `<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/"><node name="0" path="/mainloop/Recorder/outInfo/0/">` +
    attr("compression", "string", "LZ4") + attr("originalModuleName", "string", "metaloihi") + attr("originalOutputName", "string", "events") +
    attr("typeDescription", "string", "Array of events (polarity ON/OFF).") + attr("typeIdentifier", "string", "EVTS") +
    `<node name="info" path="/mainloop/Recorder/outInfo/0/info/">` + attr("sizeX", "int", stream.width) + attr("sizeY", "int", stream.height) +
    attr("source", "string", "metaloihi") + attr("tsOffset", "long", 0) + `</node></node></node></dv>`;
  const header = ioHeader(xml, -1);
  const parts = [ascii("#!AER-DAT4.0\r\n"), ints(4, (v) => v.setUint32(0, header.length, true)), header];
  for (let from = 0; from < stream.tUs.length; from += PACKET_EVENTS) {
    const body = encodeLz4Frame(eventPacket(stream, from, Math.min(stream.tUs.length, from + PACKET_EVENTS)));
    parts.push(ints(8, (v) => v.setInt32(4, body.length, true)), body);
  }
  return concatBytes(parts);
}
