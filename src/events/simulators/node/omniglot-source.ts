import { gunzipSync, unzipSync } from "fflate";
import { readdirSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { sha256Hex } from "../../../base/bytes.js";
import { userError } from "../../../base/errors.js";
import { isFolder, readFileBytes } from "../../../base/node/files.js";
import { parseSimplifiedStrokes, parseStrokeText, PEN_HABITS, timeStrokes } from "../omniglot-strokes.js";
import type { Drawing } from "../stroke-drawing.js";
import { type InkImage, traceStrokes } from "../trace-strokes.js";

/** A character with the drawings that there are of it. */
export interface CharacterDrawings {
  /** 1…1623. */
  readonly id: number;
  readonly part: "background" | "evaluation";
  readonly alphabet: string;
  readonly character: string;
  /** By drawer, 1…20. */
  readonly drawings: ReadonlyMap<number, Drawing>;
}

export interface OmniglotDrawings {
  readonly characters: readonly CharacterDrawings[];
  readonly measured: number;
  readonly estimated: number;
  readonly traced: number;
  readonly sha256: Readonly<Record<string, string>>;
}

const STROKE_FILE = /(?:^|\/)([^/]+)\/(character\d+)\/(\d+)_(\d{1,2})\.txt$/;
const DRAWERS = 20;

/** Reads Omniglot's strokes from a folder: timed ones as `strokes_*.zip` or unpacked (`<Alphabet>/characterNN/<id>_<drawer>.txt`);
 *  where `strokes-simplified.bin.gz` and `classes.csv` are there too, drawings that are not timed get times by
 *  `timeStrokes`; with `omniglot28.bin.gz` as well, those of which no stroke is known are traced from their pictures
 *  (`omniglot105.bin.gz` for the characters that it has), so that all 1,623 characters have all 20 drawings.
 *  @param seed  of the estimated times
 *  @throws UserError E-CAM-007 where there are none, E-CAM-003, E-CAM-004 where a file is damaged */
export function loadOmniglot(from: string, seed: number): OmniglotDrawings {
  if (!isFolder(from)) {
    throw userError({ code: "E-CAM-007", at: `--from ${from}`, found: "no folder", limit: "a folder with Omniglot's strokes_background_small1.zip and its like" });
  }
  const names = readdirSync(from).sort();
  const sha256: Record<string, string> = {};
  const read = (name: string): Uint8Array => {
    const bytes = readFileBytes(join(from, name));
    sha256[name] = sha256Hex(bytes);
    return bytes;
  };
  const classes = names.includes("classes.csv") ? parseClasses(new TextDecoder().decode(read("classes.csv"))) : new Map<string, ClassRow>();
  const found = new Map<string, CharacterDrawings & { readonly drawings: Map<number, Drawing> }>();
  const entry = (alphabet: string, character: string, fileId: number) => {
    const key = `${alphabet}/${character}`;
    const row = classes.get(key);
    const known = found.get(key) ?? {
      id: row?.id ?? fileId, part: row?.part ?? "background", alphabet, character, drawings: new Map<number, Drawing>(),
    };
    found.set(key, known);
    return known;
  };
  let [measured, estimated, traced] = [0, 0, 0];
  for (const { name, text } of timedFiles(from, names, read)) {
    const match = STROKE_FILE.exec(name);
    if (!match) continue;
    const { drawings } = entry(match[1], match[2], Number(match[3]));
    if (!drawings.has(Number(match[4]))) measured++;
    drawings.set(Number(match[4]), parseStrokeText(text(), name));
  }
  const simplified = names.find((name) => /^strokes-simplified\.bin(\.gz)?$/.test(name));
  if (simplified && classes.size > 0) {
    const byId = new Map([...classes].map(([key, row]) => [row.id, key] as const));
    for (const drawing of parseSimplifiedStrokes(unpacked(read(simplified), simplified), simplified)) {
      const key = byId.get(drawing.id);
      if (!key) continue;
      const cut = key.lastIndexOf("/");
      const { drawings } = entry(key.slice(0, cut), key.slice(cut + 1), drawing.id);
      if (drawings.has(drawing.drawer)) continue;
      drawings.set(drawing.drawer, timeStrokes(drawing, PEN_HABITS, seed));
      estimated++;
    }
  }
  for (const { key, id, drawer, image } of pictures(names, read, classes)) {
    const cut = key.lastIndexOf("/");
    const { drawings } = entry(key.slice(0, cut), key.slice(cut + 1), id);
    if (drawings.has(drawer)) continue;
    const strokes = traceStrokes(image());
    if (strokes.length === 0) continue;
    drawings.set(drawer, timeStrokes({ id, drawer, strokes }, PEN_HABITS, seed, "traced"));
    traced++;
  }
  if (found.size === 0) {
    throw userError({
      code: "E-CAM-007", at: `--from ${from}`, found: "no pen strokes",
      limit: "strokes_*.zip, <Alphabet>/characterNN/<id>_<drawer>.txt, or strokes-simplified.bin.gz with classes.csv", hint: "Omniglot's python/strokes_background_small1.zip",
    });
  }
  const characters = [...found.values()].map((c) => ({ ...c, drawings: inOrder(c.drawings) })).sort((a, b) => a.id - b.id);
  return { characters, measured, estimated, traced, sha256 };
}

const inOrder = (drawings: ReadonlyMap<number, Drawing>): ReadonlyMap<number, Drawing> =>
  new Map([...drawings].filter(([drawer]) => drawer >= 1 && drawer <= DRAWERS).sort(([a], [b]) => a - b));

interface ClassRow {
  readonly id: number;
  readonly part: "background" | "evaluation";
  /** Rows of the packed pictures; row105 undefined where it is not there. */
  readonly row28: number;
  readonly row105: number | undefined;
}

/** `id,split,alphabet,character,row28,row105,…` */
function parseClasses(text: string): Map<string, ClassRow> {
  const rows = text.split(/\r?\n/).slice(1).filter((line) => line !== "").map((line) => line.split(","));
  return new Map(rows.map(([id, part, alphabet, character, row28, row105]) => [`${alphabet}/${character}`, {
    id: Number(id), part: part === "evaluation" ? "evaluation" : "background", row28: Number(row28), row105: row105 ? Number(row105) : undefined,
  }]));
}

/** Pictures of every drawing, packed with one bit a pixel, most significant first. Layout: shared/data/README.md.
 *  @throws UserError E-CAM-004 where a file ends early */
function* pictures(
  names: readonly string[], read: (name: string) => Uint8Array, classes: ReadonlyMap<string, ClassRow>,
): Generator<{ key: string; id: number; drawer: number; image: () => InkImage }> {
  const load = (size: number) => {
    const name = names.find((n) => n.replace(/\.gz$/, "") === `omniglot${size}.bin`);
    return name && classes.size > 0 ? { name, bits: unpacked(read(name), name), size, each: Math.ceil((size * size) / 8) } : undefined;
  };
  const [small, large] = [load(28), load(105)];
  for (const [key, { id, row28, row105 }] of classes) {
    const [from, row] = large && row105 !== undefined ? [large, row105] : [small, row28];
    if (!from) continue;
    for (let drawer = 1; drawer <= DRAWERS; drawer++) {
      yield { key, id, drawer, image: () => unpackImage(from, (row * DRAWERS + drawer - 1) * from.each) };
    }
  }
}

function unpackImage({ name, bits, size, each }: { name: string; bits: Uint8Array; size: number; each: number }, at: number): InkImage {
  if (at + each > bits.length) throw userError({ code: "E-CAM-004", at: name, found: `it ends before byte ${at + each}`, hint: "an undamaged copy" });
  return { size, ink: Uint8Array.from({ length: size * size }, (_, k) => (bits[at + (k >> 3)] >> (7 - (k & 7))) & 1) };
}

function unpacked(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw userError({ code: "E-CAM-004", at: name, found: `it cannot be decompressed (${(error as Error).message})`, hint: "an undamaged copy" });
  }
}

function* timedFiles(from: string, names: readonly string[], read: (name: string) => Uint8Array): Generator<{ name: string; text: () => string }> {
  for (const zip of names.filter((name) => /^strokes.*\.zip$/.test(name))) {
    let files: Record<string, Uint8Array>;
    try {
      files = unzipSync(read(zip), { filter: ({ name }) => STROKE_FILE.test(name) });
    } catch (error) {
      throw userError({ code: "E-CAM-003", at: join(from, zip), found: `the zip cannot be read (${(error as Error).message})`, hint: "an undamaged copy" });
    }
    for (const [name, bytes] of Object.entries(files)) yield { name, text: () => new TextDecoder().decode(bytes) };
  }
  for (const path of textsBelow(from, 4)) yield { name: relative(from, path), text: () => new TextDecoder().decode(readFileBytes(path)) };
}

function* textsBelow(folder: string, depth: number): Generator<string> {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (depth > 0 && isFolder(path)) yield* textsBelow(path, depth - 1);
    else if (/^\d+_\d{1,2}\.txt$/.test(basename(path))) yield path;
  }
}
