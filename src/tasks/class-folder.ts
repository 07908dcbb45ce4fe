import { userError } from "../base/errors.js";
import { Rng, STREAM } from "../base/rng.js";
import { createRecordingSource } from "./recording-source.js";
import type { ComposedClass, EncodedRecording } from "./recording-source.js";
import type { Split, TaskSource } from "./types.js";

/** How a folder of classes becomes a few-shot data set. */
export interface ClassFolderOptions {
  /** The user's name for it. */
  readonly name: string;
  readonly data: "real" | "simulated";
  /** Decides which classes (and, composed, which recordings) each split has. */
  readonly seed: number;
  /** 1: a class a folder. 2: a class is an ordered pair of folders, one recording of each side by side. */
  readonly compose: number;
  /** Fewest classes that each split gets, while there are enough: the ways of a task. Default 0. */
  readonly least?: number;
  /** `A`: the first so many recordings of a folder serve all splits, dealt as the authors do. Default: B. */
  readonly sharedAsAuthors?: number;
  /** Classes of each split, instead of a deal by seed. */
  readonly split?: Readonly<Record<Split, readonly string[]>>;
}

const SPLITS: readonly Split[] = ["train", "validation", "test"];

/** Deals items to the splits by seed, in the shares 64 : 16 : 20; every item to exactly one. Order within a split is
 *  that of `items`, so that the same items give the same split whatever the machine.
 *  @param least  fewest items of a split, where 3·least are there: the held-out splits then take theirs from training
 *  @param item  third argument of the generator: two deals of one seed are independent where it differs */
export function splitBySeed<T>(items: readonly T[], seed: number, item = 0, least = 0): Readonly<Record<Split, readonly T[]>> {
  const order = new Rng(seed, STREAM.split, item).shuffled(items.map((_, k) => k));
  const out: Record<Split, readonly T[]> = { train: [], validation: [], test: [] };
  const n = items.length;
  const wide = n >= 3 * least ? least : 0;
  const test = Math.max(n - Math.round(0.8 * n), wide);
  const validation = Math.max(Math.round(0.8 * n) - Math.round(0.64 * n), wide);
  const ends = { train: n - test - validation, validation: n - test, test: n };
  let from = 0;
  for (const split of SPLITS) {
    out[split] = order.slice(from, ends[split]).sort((a, b) => a - b).map((k) => items[k]);
    from = ends[split];
  }
  return out;
}

/** A few-shot data set from any classes of recordings, protocol B: classes are disjoint between splits, and so are
 *  recordings; composed, each folder's recordings are dealt to the splits too.
 *  @param folders  class name → its recordings, all encoded to one shape
 *  @throws UserError E-TASK-001, E-TASK-002 (too little for a task, when drawn), E-TASK-003 (shapes or names) */
export function createClassFolder(
  folders: ReadonlyMap<string, readonly EncodedRecording[]>, options: ClassFolderOptions,
): TaskSource {
  const { name, data, seed, compose, least = 0, split: given, sharedAsAuthors } = options;
  const names = [...folders.keys()].sort();
  checkShapes(folders, name);
  if (compose !== 1 && compose !== 2) {
    throw userError({ code: "E-TASK-003", at: `${name}, compose`, found: String(compose), limit: "1 or 2" });
  }
  const classes: readonly ComposedClass[] = compose === 1
    ? names.map((n) => ({ name: n, parts: [n] }))
    : names.flatMap((left) => names.map((right) => ({ name: `${left}+${right}`, parts: [left, right] })));
  const pools = { train: new Map(), validation: new Map(), test: new Map() } as
    Record<Split, Map<string, readonly EncodedRecording[]>>;
  names.forEach((n, k) => {
    const recordings = folders.get(n) as readonly EncodedRecording[];
    // A class alone is in one split, and all its recordings with it; a part of pairs is in all, so its recordings are dealt.
    const dealt = compose === 1 || sharedAsAuthors !== undefined ? undefined : splitBySeed(recordings, seed, k + 1);
    for (const split of SPLITS) pools[split].set(n, dealt ? dealt[split] : recordings.slice(0, sharedAsAuthors));
  });
  return createRecordingSource({ name, data, protocol: sharedAsAuthors === undefined ? "B" : "A", classes: given ? splitByName(classes, given, name) : splitBySeed(classes, seed, 0, least), pools });
}

/** Classes as the user dealt them. @throws UserError E-TASK-003 where one is not there, or in two splits */
export function splitByName(
  classes: readonly ComposedClass[], given: Readonly<Record<Split, readonly string[]>>, at: string,
): Readonly<Record<Split, readonly ComposedClass[]>> {
  const known = new Map(classes.map((c) => [c.name, c]));
  const dealt = new Set<string>();
  const pick = (split: Split): readonly ComposedClass[] => given[split].map((name) => {
    const found = known.get(name);
    if (!found || dealt.has(name)) {
      throw userError({
        code: "E-TASK-003", at: `data.split.${split}`, found: `"${name}", ${found ? "which is named twice" : `no class of ${at}`}`,
        limit: "each class once", hint: `one of ${[...known.keys()].slice(0, 6).join(", ")}`,
      });
    }
    dealt.add(name);
    return found;
  });
  return { train: pick("train"), validation: pick("validation"), test: pick("test") };
}

function checkShapes(folders: ReadonlyMap<string, readonly EncodedRecording[]>, name: string): void {
  const [first] = [...folders.values()].flat();
  if (!first) throw userError({ code: "E-TASK-001", at: name, found: "no recordings", limit: "one folder a class" });
  for (const recording of [...folders.values()].flat()) {
    const [found, limit] = [recording.frames.shape, first.frames.shape].map(String);
    if (found !== limit) {
      throw userError({
        code: "E-TASK-003", at: recording.id, found: `frames of shape [${found}]`, limit: `[${limit}], that of ${first.id}`,
        hint: "recordings of one sensor, or a crop that all have",
      });
    }
  }
}
