import type { Split, TaskOptions, TaskSource } from "./types.js";

/** What an audit of a source found. */
export interface AuditReport {
  readonly protocol: string;
  readonly tasks: number;
  /** Recordings drawn in each split. */
  readonly recordings: Readonly<Record<Split, number>>;
  /** Recordings that more than one split drew. */
  readonly sharedBetweenSplits: readonly { readonly splits: string; readonly recordings: readonly string[] }[];
  /** Tasks in which a recording serves both support and query. */
  readonly supportInQuery: Readonly<Record<Split, number>>;
  /** Classes that more than one split has. */
  readonly sharedClasses: readonly string[];
}

const SPLITS: readonly Split[] = ["train", "validation", "test"];

/** Draws tasks of every split and looks for leaks: recordings on both sides of a task, recordings or classes in two splits. */
export function auditSource(source: TaskSource, tasks: number, options: TaskOptions): AuditReport {
  const seen = new Map<Split, Set<string>>();
  const supportInQuery: Record<Split, number> = { train: 0, validation: 0, test: 0 };
  for (const split of SPLITS) {
    const used = new Set<string>();
    for (let number = 0; number < tasks; number++) {
      const task = source.draw(split, number, { ...options, augmentation: undefined });
      const support = new Set(task.supportRecordings.flat());
      if (task.queryRecordings.flat().some((id) => support.has(id))) supportInQuery[split]++;
      for (const id of [...task.supportRecordings, ...task.queryRecordings].flat()) used.add(id);
    }
    seen.set(split, used);
  }
  const of = (split: Split): Set<string> => seen.get(split) as Set<string>;
  const pairs: readonly (readonly [Split, Split])[] = [["train", "validation"], ["train", "test"], ["validation", "test"]];
  return {
    protocol: source.protocol, tasks, supportInQuery,
    recordings: { train: of("train").size, validation: of("validation").size, test: of("test").size },
    sharedBetweenSplits: pairs
      .map(([a, b]) => ({ splits: `${a} and ${b}`, recordings: [...of(a)].filter((id) => of(b).has(id)).sort() }))
      .filter(({ recordings }) => recordings.length > 0),
    sharedClasses: pairs.flatMap(([a, b]) => source.classes(a).filter((name) => source.classes(b).includes(name))),
  };
}
