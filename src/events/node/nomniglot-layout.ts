import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isFolder, readFileText } from "../../base/node/files.js";
import { sliceByTable } from "../omniglot.js";
import type { EventStream } from "../types.js";
import { readRecording } from "./read-recording.js";

/** N-Omniglot's camera, a DAVIS346. */
export const NOMNIGLOT_SENSOR = { width: 346, height: 260 } as const;

/** One character of N-Omniglot with what its folder holds. */
export interface CharacterEntry {
  /** By the names of the folders above; undefined where they do not say. */
  readonly part: "background" | "evaluation" | undefined;
  readonly alphabet: string;
  /** `characterNN`. */
  readonly character: string;
  /** Every file that its recordings are made from. */
  readonly files: readonly string[];
  /** Reads its recordings, by drawer 1…20, times from 0. @throws UserError E-FILE-010, E-EVT-001…009 */
  readonly read: () => Promise<readonly DrawerRecording[]>;
}

export interface DrawerRecording {
  readonly drawer: number;
  readonly stream: EventStream;
}

const CHARACTER = /^character\d+$/;
/** `<id>_<drawer>.<ending>`: one file a drawer, as N-Omniglot's own preparation saves them. */
const BY_DRAWER = /^(\d+)_(\d{1,2})\.(?!csv$)[a-z0-9]+$/i;
/** `<id>.<ending>`: one file of all drawers, with a table `<id>.csv` beside it. */
const OF_ALL = /^(\d+)\.(?!csv$)[a-z0-9]+$/i;
/** Folders are looked through so far below the one that is named. */
const DEPTH = 6;

/** Lists the characters of N-Omniglot as the public set ships it, `dvs_background[_1|_2]` and `dvs_evaluation`, then
 *  alphabet, then `characterNN` with `<id>.aedat4` and `<id>.csv`; or with one file a drawer, `<id>_<drawer>.npy`.
 *  Sorted by path. Source: reference/event-formats.md, N-Omniglot.
 *  @returns characters, and sentences about folders that cannot be used */
export function listNomniglot(path: string): { readonly entries: readonly CharacterEntry[]; readonly skipped: readonly string[] } {
  const entries: CharacterEntry[] = [];
  const skipped: string[] = [];
  for (const { folder, parts } of characterFolders(path, [])) {
    const entry = characterIn(folder, parts);
    if (typeof entry === "string") skipped.push(entry);
    else entries.push(entry);
  }
  return { entries, skipped };
}

/** True where a folder has alphabets of characters in it, in the layout of N-Omniglot. */
export function isNomniglot(path: string): boolean {
  if (!isFolder(path)) return false;
  const first = characterFolders(path, []).next();
  return !first.done && first.value.parts.length >= 2;
}

function* characterFolders(path: string, parts: readonly string[]): Generator<{ readonly folder: string; readonly parts: readonly string[] }> {
  if (parts.length > DEPTH) return;
  for (const name of readdirSync(path).sort()) {
    const folder = join(path, name);
    if (name.startsWith(".") || !isFolder(folder)) continue;
    if (CHARACTER.test(name)) yield { folder, parts: [...parts, name] };
    else yield* characterFolders(folder, [...parts, name]);
  }
}

/** @returns the entry, or why there is none */
function characterIn(folder: string, parts: readonly string[]): CharacterEntry | string {
  const above = parts.slice(0, -2).join("/");
  const base = {
    part: /evaluation/i.test(above) ? "evaluation" : /background/i.test(above) ? "background" : undefined,
    alphabet: parts.at(-2) ?? "alphabet", character: parts[parts.length - 1],
  } as const;
  const names = readdirSync(folder).filter((name) => !name.startsWith(".")).sort();
  const byDrawer = names.flatMap((name) => {
    const match = BY_DRAWER.exec(name);
    return match ? [{ path: join(folder, name), drawer: Number(match[2]) }] : [];
  });
  if (byDrawer.length > 0) return { ...base, files: byDrawer.map((f) => f.path), read: () => readDrawers(byDrawer) };
  const all = names.find((name) => OF_ALL.test(name));
  if (!all) return `${folder}: neither <id>.aedat4 nor one file a drawer`;
  const [recording, table] = [join(folder, all), join(folder, all.replace(/\.[^.]*$/, ".csv"))];
  if (!existsSync(table)) return `${recording}: its table ${table} is missing`;
  return { ...base, files: [recording, table], read: () => readAll(recording, table) };
}

async function readAll(recording: string, table: string): Promise<readonly DrawerRecording[]> {
  const { stream } = await readRecording(recording);
  return sliceByTable(stream, readFileText(table), table).map((s, k) => ({ drawer: k + 1, stream: s }));
}

async function readDrawers(files: readonly { readonly path: string; readonly drawer: number }[]): Promise<readonly DrawerRecording[]> {
  const out: DrawerRecording[] = [];
  for (const { path, drawer } of files) {
    const { stream } = await readRecording(path, NOMNIGLOT_SENSOR);
    const first = stream.tUs[0] ?? 0;
    out.push({ drawer, stream: { ...stream, tUs: Float64Array.from(stream.tUs, (t) => t - first) } });
  }
  return out;
}
