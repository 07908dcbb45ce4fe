/** Where recordings are read from, what is kept of them, and what is said meanwhile. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Progress } from "./progress.js";
import { contentDigest } from "../tasks/node/content-digest.js";
import { cachedFrames, defaultCacheFolder } from "../tasks/node/frame-cache.js";
import { type GroupedRecording, unpackFrames } from "../tasks/packed-frames.js";

/** Option of every command that reads a set of recordings, for yargs. */
export const cacheOption = {
  cache: {
    type: "string", default: defaultCacheFolder(), defaultDescription: "$XDG_CACHE_HOME/metaloihi or ~/.cache/metaloihi",
    describe: "folder for recordings made ready once; --no-cache keeps none",
  },
} as const;

/** How a set is read. */
export interface DataPlace {
  /** Folder of the cache; none where undefined or false (`--no-cache`). */
  readonly cache?: string | false;
  /** No progress: for tests, and programs that read stderr. */
  readonly quiet?: boolean;
}

/** A set of recordings to be read. */
export interface RecordingSet {
  /** The user's name for it; recordings' ids begin with it. */
  readonly path: string;
  /** Every file that the frames are made from. */
  readonly files: readonly string[];
  /** Every option that the frames depend on. */
  readonly options: object;
  /** Recordings that `make` will have read, for the progress line. */
  readonly total: number;
  readonly make: (add: (recording: GroupedRecording) => void, note: (line: string) => void, progress: Progress) => Promise<void>;
}

/** Name of a file that says of a folder of recordings that they were simulated. */
export const SIMULATED_MARK = "simulated.json";

/** What the recordings below a path are: simulated sets say so in a file of their own, which stands in their folder, in one above, or
 *  in the zip. */
export function dataKindOf(path: string): "real" | "simulated" {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() && zipNames(path).includes(SIMULATED_MARK)) return "simulated";
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, SIMULATED_MARK))) return "simulated";
    if (folder === dirname(folder)) return "real";
  }
}

/** The end of a file, where a zip lists the names of what it holds, as text. */
function zipNames(path: string): string {
  const { size } = statSync(path);
  const bytes = Buffer.alloc(Math.min(size, ZIP_DIRECTORY_BYTES));
  const file = openSync(path, "r");
  try {
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
  } finally {
    closeSync(file);
  }
  return bytes.toString("latin1");
}

/** More than the directory of any set that is read as a zip takes. */
const ZIP_DIRECTORY_BYTES = 2 ** 24;

/** Digest of the contents of a set's files; undefined where nothing is kept. */
export function digestOf({ path, files }: Pick<RecordingSet, "path" | "files">, place: DataPlace): string | undefined {
  if (!place.cache) return undefined;
  const progress = new Progress("files checked", files.length, place.quiet ?? files.length < SHOWN);
  const digest = contentDigest(path, files, place.cache, (done) => progress.update(done));
  progress.done();
  return digest;
}

/** Fewer files than this are read before a line could be read. */
const SHOWN = 200;

/** A set's frames, from the cache where they are there. @returns recordings in the order they were made, and notes */
export async function framesOf(
  set: RecordingSet, place: DataPlace, digest = digestOf(set, place),
): Promise<{ readonly recordings: readonly GroupedRecording[]; readonly notes: readonly string[] }> {
  const progress = new Progress("recordings read", set.total, place.quiet ?? set.total < SHOWN);
  const packed = await cachedFrames({
    folder: place.cache || undefined, key: createHash("sha256").update(JSON.stringify([digest, set.options])).digest("hex"),
    make: (add, note) => set.make(add, note, progress), warn: (line) => progress.line(line),
  });
  progress.done();
  return { recordings: unpackFrames(packed), notes: packed.index.notes };
}
