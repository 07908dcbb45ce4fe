/** A folder with one folder of recordings a class, as a few-shot set. */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { userError, UserError } from "../base/errors.js";
import { isFolder } from "../base/node/files.js";
import { applyTransforms, encodeFrames, type EventStream, type FormatName, type SpikeTensor } from "../events/index.js";
import { readRecording } from "../events/node/read-recording.js";
import { startOf } from "../replay/encode-sample.js";
import { type ClassFolderOptions, createClassFolder, type EncodedRecording, type TaskSource } from "../tasks/index.js";
import { cachedListing } from "../tasks/node/listing-cache.js";
import type { ResolvedConfig } from "../train/config.js";
import { dataKindOf, type DataPlace, digestOf, framesOf } from "./data-place.js";
import { deriveFor } from "./derive-network.js";
import { Progress } from "./progress.js";

/** Formats whose files do not tell the sensor's size: it is that of the largest recording. */
const UNSIZED: readonly FormatName[] = ["csv", "npy", "npz", "mat5", "mat7.3", "hdf5"];
/** Decoded events that are held until the frames are known; recordings beyond are decoded again. */
const HELD_BYTES = 512 * 2 ** 20;
/** Fewer files than this are decoded before a line could be read. */
const SHOWN = 200;

interface FoundFile {
  /** Below the folder: class, then file. */
  readonly name: string;
  readonly className: string;
  readonly item: number;
}

interface Listed extends FoundFile {
  readonly format: FormatName;
  readonly size: { readonly width: number; readonly height: number };
  readonly spanUs: number;
}

interface Listing {
  readonly listed: readonly Listed[];
  readonly skipped: readonly string[];
}

const subfolders = (path: string): string[] =>
  readdirSync(path).filter((name) => !name.startsWith(".") && isFolder(join(path, name))).sort();

/** True where a path is a folder of class folders, and not in the layout of N-MNIST. */
export const isClassFolders = (path: string): boolean =>
  isFolder(path) && !isFolder(join(path, "Train")) && !isFolder(join(path, "Test")) && subfolders(path).length > 0;

/** What is known of a published set before its files are read. */
export interface KnownSet {
  readonly sensor?: Listed["size"];
  readonly split?: ClassFolderOptions["split"];
  readonly sharedAsAuthors?: number;
}

/** Tasks from a folder of class folders, any format that is read, protocol B; and the configuration completed by what was
 *  found. Files that cannot be used are skipped, and `report` says why.
 *  @throws UserError E-DATA-003 (no such folder, or nothing in it), E-DATA-004 (too few classes), E-TASK-003 */
export async function folderSource(
  path: string, given: ResolvedConfig, report: (line: string) => void, known: KnownSet = {}, place: DataPlace = {},
): Promise<{ readonly resolved: ResolvedConfig; readonly source: TaskSource }> {
  if (!isFolder(path)) {
    throw userError({ code: "E-DATA-003", at: path, found: "no folder", limit: "a folder with one folder of recordings a class" });
  }
  const found = filesOf(path);
  const files = found.map((file) => join(path, file.name));
  const digest = digestOf({ path, files }, place);
  const held = new Map<string, EventStream>();
  const listing = await cachedListing(place.cache || undefined, listingKey(digest, given), () => list(path, found, given, held, place));
  const { usable, sensor } = usableOf(path, listing, known, report);
  const names = [...new Set(usable.map((file) => file.className))];
  const spans = usable.map((file) => file.spanUs).sort((a, b) => a - b);
  const { resolved, chosen } = deriveFor(given, { classes: names.length, sensor, spanUs: spans[spans.length >> 1] });
  if (chosen) report(`  ${chosen}`);
  const { ways } = resolved.config.data;
  const split = resolved.config.data.split ?? known.split;
  const { compose } = resolved.geometry;
  if (!split && names.length ** compose < 3 * ways) {
    throw userError({
      code: "E-DATA-004", at: path, found: `${names.length} classes${compose === 2 ? `, ${names.length ** 2} pairs` : ""}`,
      limit: `${3 * ways}: ${ways}-way tasks of training, validation and test share no class`, hint: "fewer data.ways, or more classes",
    });
  }
  const { geometry, spec, config } = resolved;
  const { recordings } = await framesOf({
    path, files, total: usable.length,
    options: {
      set: "folder", geometry, steps: spec.steps, polarities: spec.input.polarities, sensor, transforms: config.data.transforms ?? [], seed: config.seed,
      usable: usable.map((file) => file.name),
    },
    make: async (add, _note, progress) => {
      for (const [k, file] of usable.entries()) {
        const stream = held.get(file.name) ?? await ready(path, file, given);
        held.delete(file.name);
        add({ id: file.name, group: file.className, frames: encode(stream, sensor, resolved) });
        progress.update(k + 1);
      }
    },
  }, place, digest);
  const folders = new Map<string, EncodedRecording[]>(names.map((name) => [name, []]));
  for (const { id, group, frames } of recordings) folders.get(group)?.push({ id: join(path, id), frames });
  const source = createClassFolder(folders, { name: path, data: dataKindOf(path), seed: config.seed, compose, least: ways, split, sharedAsAuthors: known.sharedAsAuthors });
  const count = (s: "train" | "validation" | "test"): string => `${s} ${source.classes(s).length}`;
  report(`  classes: ${count("train")}, ${count("validation")}, ${count("test")} (${split ? "as given" : `by seed ${config.seed}`})${compose === 2 && known.sharedAsAuthors === undefined ? "; recordings of each folder dealt to the splits" : ""}`);
  return { resolved, source };
}

/** Recordings that share a sensor, and what is said about the others. @throws UserError E-DATA-003 where there is none */
function usableOf(path: string, { listed, skipped: unread }: Listing, known: KnownSet, report: (line: string) => void) {
  const skipped = [...unread];
  const sensor = known.sensor ?? commonSize(listed);
  const usable = listed.filter((file) => {
    const fits = UNSIZED.includes(file.format) || (file.size.width === sensor.width && file.size.height === sensor.height);
    if (!fits) skipped.push(`${join(path, file.name)}: ${file.size.width}×${file.size.height} pixels, the others have ${sensor.width}×${sensor.height}`);
    return fits;
  });
  const classes = new Set(usable.map((file) => file.className)).size;
  const formats = [...new Set(usable.map((file) => file.format))].join(", ");
  report(`${path}: ${classes} classes, ${usable.length} recordings (${formats || "none"}), sensor ${sensor.width}×${sensor.height}`);
  for (const line of skipped.slice(0, 20)) report(`  skipped ${line}`);
  if (skipped.length > 20) report(`  skipped ${skipped.length - 20} more`);
  if (usable.length === 0) {
    throw userError({ code: "E-DATA-003", at: path, found: "no recording that can be read", limit: "a folder with one folder of recordings a class" });
  }
  return { usable, sensor };
}

/** Every file of the class folders, in the order of names; `item` numbers them. */
const filesOf = (path: string): readonly FoundFile[] => subfolders(path)
  .flatMap((className) => readdirSync(join(path, className)).sort()
    .filter((name) => !name.startsWith(".") && !isFolder(join(path, className, name)))
    .map((name) => ({ name: join(className, name), className })))
  .map((file, item) => ({ ...file, item }));

const listingKey = (digest: string | undefined, { config }: ResolvedConfig): string =>
  createHash("sha256").update(JSON.stringify(["listing", digest, config.data.transforms ?? [], config.seed])).digest("hex");

/** Decodes a recording and transforms it. */
async function ready(path: string, file: FoundFile, { config }: ResolvedConfig): Promise<EventStream> {
  const { stream } = await readRecording(join(path, file.name));
  return applyTransforms(stream, config.data.transforms ?? [], config.seed, file.item);
}

/** Decodes every file once. What fits is held, as frames can be made only when the sensor and the steps are known.
 *  @param held  takes the events by name */
async function list(path: string, found: readonly FoundFile[], { config }: ResolvedConfig, held: Map<string, EventStream>, place: DataPlace): Promise<Listing> {
  const progress = new Progress("recordings decoded", found.length, place.quiet ?? found.length < SHOWN);
  const [listed, skipped]: [Listed[], string[]] = [[], []];
  let heldBytes = 0;
  for (const [k, entry] of found.entries()) {
    const file = join(path, entry.name);
    try {
      const { stream, format } = await readRecording(file);
      const events = applyTransforms(stream, config.data.transforms ?? [], config.seed, entry.item);
      const { length } = events.tUs;
      if (length === 0) skipped.push(`${file}: no events`);
      else {
        listed.push({ ...entry, format, size: { width: events.width, height: events.height }, spanUs: events.tUs[length - 1] - events.tUs[0] });
        heldBytes += length * (events.tUs.BYTES_PER_ELEMENT + 5);
        if (heldBytes <= HELD_BYTES) held.set(entry.name, events);
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      skipped.push(error.message.includes(file) ? error.message : `${file}: ${error.message}`);
    }
    progress.update(k + 1);
  }
  progress.done();
  return { listed, skipped };
}

/** The size that most files tell; where none does, one that holds every recording. */
function commonSize(files: readonly Listed[]): { readonly width: number; readonly height: number } {
  const told = files.filter((file) => !UNSIZED.includes(file.format));
  const votes = new Map<string, { readonly size: Listed["size"]; count: number }>();
  for (const { size } of told) {
    const key = `${size.width}×${size.height}`;
    const vote = votes.get(key) ?? { size, count: 0 };
    vote.count++;
    votes.set(key, vote);
  }
  const [most] = [...votes.values()].sort((a, b) => b.count - a.count);
  if (most) return most.size;
  return {
    width: files.reduce((w, { size }) => Math.max(w, size.width), 0), height: files.reduce((h, { size }) => Math.max(h, size.height), 0),
  };
}

function encode(ready: EventStream, sensor: Listed["size"], { geometry, spec }: ResolvedConfig): SpikeTensor {
  // A file that tells no size may have seen less than the sensor.
  const whole: EventStream = { ...ready, width: Math.max(ready.width, sensor.width), height: Math.max(ready.height, sensor.height) };
  const { crop, downsample, timestepUs } = geometry;
  return encodeFrames(whole, {
    crop, downsample, timestepUs, steps: spec.steps, polarity: spec.input.polarities === 1 ? "merge" : "split",
    startUs: startOf(whole, timestepUs * spec.steps),
  });
}
