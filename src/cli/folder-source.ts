/** A folder with one folder of recordings a class, as a few-shot set. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { userError, UserError } from "../base/errors.js";
import { isFolder } from "../base/node/files.js";
import { applyTransforms, encodeFrames, type EventStream, type FormatName } from "../events/index.js";
import { readRecording } from "../events/node/read-recording.js";
import { startOf } from "../replay/encode-sample.js";
import { type ClassFolderOptions, createClassFolder, type EncodedRecording, type TaskSource } from "../tasks/index.js";
import type { ResolvedConfig } from "../train/config.js";
import { deriveFor } from "./derive-network.js";

/** Formats whose files do not tell the sensor's size: it is that of the largest recording. */
const UNSIZED: readonly FormatName[] = ["csv", "npy", "npz", "mat5", "mat7.3", "hdf5"];

interface Listed {
  readonly path: string;
  readonly className: string;
  readonly item: number;
  readonly format: FormatName;
  readonly size: { readonly width: number; readonly height: number };
  readonly spanUs: number;
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
 *  found. Files that cannot be used are skipped, and `report` says why. Read twice, so that only frames are held.
 *  @throws UserError E-DATA-003 (no such folder, or nothing in it), E-DATA-004 (too few classes), E-TASK-003 */
export async function folderSource(
  path: string, given: ResolvedConfig, report: (line: string) => void, known: KnownSet = {},
): Promise<{ readonly resolved: ResolvedConfig; readonly source: TaskSource }> {
  if (!isFolder(path)) {
    throw userError({ code: "E-DATA-003", at: path, found: "no folder", limit: "a folder with one folder of recordings a class" });
  }
  const skipped: string[] = [];
  const listed = await list(path, given, skipped);
  const sensor = known.sensor ?? commonSize(listed);
  const usable = listed.filter((file) => {
    const fits = UNSIZED.includes(file.format) || (file.size.width === sensor.width && file.size.height === sensor.height);
    if (!fits) skipped.push(`${file.path}: ${file.size.width}×${file.size.height} pixels, the others have ${sensor.width}×${sensor.height}`);
    return fits;
  });
  const names = [...new Set(usable.map((file) => file.className))];
  const formats = [...new Set(usable.map((file) => file.format))].join(", ");
  report(`${path}: ${names.length} classes, ${usable.length} recordings (${formats || "none"}), sensor ${sensor.width}×${sensor.height}`);
  for (const line of skipped.slice(0, 20)) report(`  skipped ${line}`);
  if (skipped.length > 20) report(`  skipped ${skipped.length - 20} more`);
  if (usable.length === 0) {
    throw userError({ code: "E-DATA-003", at: path, found: "no recording that can be read", limit: "a folder with one folder of recordings a class" });
  }
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
  const folders = new Map<string, EncodedRecording[]>(names.map((name) => [name, []]));
  for (const file of usable) folders.get(file.className)?.push(await encode(file, sensor, resolved));
  const source = createClassFolder(folders, { name: path, data: "real", seed: resolved.config.seed, compose, least: ways, split, sharedAsAuthors: known.sharedAsAuthors });
  const count = (s: "train" | "validation" | "test"): string => `${s} ${source.classes(s).length}`;
  report(`  classes: ${count("train")}, ${count("validation")}, ${count("test")} (${split ? "as given" : `by seed ${resolved.config.seed}`})${compose === 2 && known.sharedAsAuthors === undefined ? "; recordings of each folder dealt to the splits" : ""}`);
  return { resolved, source };
}

async function list(path: string, { config }: ResolvedConfig, skipped: string[]): Promise<Listed[]> {
  const listed: Listed[] = [];
  let item = 0;
  for (const className of subfolders(path)) {
    for (const name of readdirSync(join(path, className)).sort()) {
      const file = join(path, className, name);
      if (name.startsWith(".") || isFolder(file)) continue;
      try {
        const { stream, format } = await readRecording(file);
        const ready = applyTransforms(stream, config.data.transforms ?? [], config.seed, item);
        const { length } = ready.tUs;
        if (length === 0) skipped.push(`${file}: no events`);
        else listed.push({ path: file, className, item, format, size: { width: ready.width, height: ready.height }, spanUs: ready.tUs[length - 1] - ready.tUs[0] });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        skipped.push(error.message.includes(file) ? error.message : `${file}: ${error.message}`);
      }
      item++;
    }
  }
  return listed;
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

async function encode(file: Listed, sensor: Listed["size"], resolved: ResolvedConfig): Promise<EncodedRecording> {
  const { config, geometry, spec } = resolved;
  const { stream } = await readRecording(file.path);
  const ready = applyTransforms(stream, config.data.transforms ?? [], config.seed, file.item);
  // A file that tells no size may have seen less than the sensor.
  const whole: EventStream = { ...ready, width: Math.max(ready.width, sensor.width), height: Math.max(ready.height, sensor.height) };
  const { crop, downsample, timestepUs } = geometry;
  const frames = encodeFrames(whole, {
    crop, downsample, timestepUs, steps: spec.steps, polarity: spec.input.polarities === 1 ? "merge" : "split",
    startUs: startOf(whole, timestepUs * spec.steps),
  });
  return { id: file.path, frames };
}
