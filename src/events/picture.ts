import { zlibSync } from "fflate";
import { concatBytes } from "../base/bytes.js";
import { crc32 } from "./compression/zip.js";
import { lowerBound } from "./encode.js";
import type { EventStream } from "./types.js";

/** Colors apart for color-blind eyes too (Okabe–Ito): ON blue, OFF vermilion, both on one pixel gray. */
const PALETTE = { background: [255, 255, 255], off: [213, 94, 0], on: [0, 114, 178], both: [90, 90, 90] } as const;
const INDEX = { background: 0, off: 1, on: 2, both: 3 } as const;
/** Small sensors are drawn larger, up to about this many pixels. */
const TARGET_PIXELS = 480;

/** How events become a picture. */
export interface PictureOptions {
  readonly format: "png" | "apng" | "svg";
  /** Pictures of an animation; each shows its share of the recording's time. */
  readonly frames?: number;
  /** How long an animation lasts, s. */
  readonly seconds?: number;
}

/** A picture of a recording: PNG of all events, APNG of them in time, or SVG of all events. */
export function drawEvents(stream: EventStream, options: PictureOptions): Uint8Array {
  if (options.format === "svg") return drawSvg(stream);
  const scale = Math.max(1, Math.floor(TARGET_PIXELS / Math.max(stream.width, stream.height)));
  if (options.format === "png") return encodePng([rowsOf(stream, 0, stream.tUs.length, scale)], stream.width * scale, stream.height * scale, 0);
  const frames = Math.max(1, options.frames ?? 60);
  const [first, last] = [stream.tUs[0] ?? 0, stream.tUs[stream.tUs.length - 1] ?? 0];
  const span = (last - first + 1) / frames;
  const pictures = Array.from({ length: frames }, (_, k) =>
    rowsOf(stream, lowerBound(stream.tUs, first + k * span), lowerBound(stream.tUs, first + (k + 1) * span), scale));
  return encodePng(pictures, stream.width * scale, stream.height * scale, Math.round((1000 * (options.seconds ?? 3)) / frames));
}

/** Which polarities fell on each pixel. */
function marks(stream: EventStream, from: number, to: number): Uint8Array {
  const out = new Uint8Array(stream.width * stream.height);
  for (let i = from; i < to; i++) out[stream.y[i] * stream.width + stream.x[i]] |= stream.polarity[i] ? INDEX.on : INDEX.off;
  return out;
}

/** Scanlines of a picture with 8 bits of palette index a pixel, each behind its filter byte 0. */
function rowsOf(stream: EventStream, from: number, to: number, scale: number): Uint8Array {
  const pixels = marks(stream, from, to);
  const [width, height] = [stream.width * scale, stream.height * scale];
  const rows = new Uint8Array(height * (width + 1));
  for (let y = 0; y < height; y++) {
    const source = Math.floor(y / scale) * stream.width;
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = pixels[source + Math.floor(x / scale)];
  }
  return rows;
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + content.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, content.length);
  for (let k = 0; k < 4; k++) out[4 + k] = type.charCodeAt(k);
  out.set(content, 8);
  view.setUint32(8 + content.length, crc32(out.subarray(4, 8 + content.length)));
  return out;
}

const words = (...values: readonly number[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((v, k) => { view.setUint32(4 * k, v); });
  return new Uint8Array(view.buffer);
};

/** PNG of one picture or, with several, APNG. Source: PNG specification, third edition. */
function encodePng(pictures: readonly Uint8Array[], width: number, height: number, delayMs: number): Uint8Array {
  const animated = pictures.length > 1;
  const parts = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", concatBytes([words(width, height), Uint8Array.of(8, 3, 0, 0, 0)])),
    chunk("PLTE", Uint8Array.from([PALETTE.background, PALETTE.off, PALETTE.on, PALETTE.both].flat())),
  ];
  if (animated) parts.push(chunk("acTL", words(pictures.length, 0)));
  let sequence = 0;
  pictures.forEach((rows, k) => {
    if (animated) {
      const delay = Uint8Array.of(delayMs >> 8, delayMs & 0xff, 1000 >> 8, 1000 & 0xff, 0, 0);
      parts.push(chunk("fcTL", concatBytes([words(sequence++, width, height, 0, 0), delay])));
    }
    const data = zlibSync(rows, { level: 6 });
    parts.push(k === 0 ? chunk("IDAT", data) : chunk("fdAT", concatBytes([words(sequence++), data])));
  });
  return concatBytes([...parts, chunk("IEND", new Uint8Array(0))]);
}

function drawSvg(stream: EventStream): Uint8Array {
  const { width, height } = stream;
  const pixels = marks(stream, 0, stream.tUs.length);
  const paths: Record<number, string[]> = { [INDEX.off]: [], [INDEX.on]: [], [INDEX.both]: [] };
  for (let i = 0; i < pixels.length; i++) if (pixels[i]) paths[pixels[i]].push(`M${i % width} ${Math.floor(i / width)}h1v1h-1z`);
  const color = (rgb: readonly number[]) => `rgb(${rgb.join(",")})`;
  const layer = (index: number, rgb: readonly number[], title: string) => `<path fill="${color(rgb)}" d="${paths[index].join("")}"><title>${title}</title></path>`;
  return new TextEncoder().encode(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${Math.max(width, TARGET_PIXELS)}" shape-rendering="crispEdges">` +
    `<rect width="${width}" height="${height}" fill="${color(PALETTE.background)}"/>` +
    layer(INDEX.off, PALETTE.off, "OFF") + layer(INDEX.on, PALETTE.on, "ON") + layer(INDEX.both, PALETTE.both, "ON and OFF") + "</svg>\n");
}
