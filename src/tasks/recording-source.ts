import { userError } from "../base/errors.js";
import { Rng, STREAM } from "../base/rng.js";
import type { SpikeTensor } from "../events/types.js";
import { composeSample } from "./compose.js";
import { dealAsAuthors } from "./deal-as-authors.js";
import type { Protocol, Split, Task, TaskOptions, TaskSource } from "./types.js";

/** One recording, encoded: what a sample, or a part of a composed one, is made of. */
export interface EncodedRecording {
  /** Unique in the data set; what audits compare. */
  readonly id: string;
  readonly frames: SpikeTensor;
  /** The same recording turned, scaled and so on; drawn as often as the recording itself, where a sample is augmented. */
  readonly variants?: readonly SpikeTensor[];
}

/** A class of a split: its name, and the unit class of each part (one, or two for the double sets). */
export interface ComposedClass {
  readonly name: string;
  readonly parts: readonly string[];
}

export interface RecordingSourceOptions {
  readonly name: string;
  readonly data: "real" | "simulated";
  readonly protocol: Protocol;
  readonly classes: Readonly<Record<Split, readonly ComposedClass[]>>;
  /** Recordings of each unit class that a split may use. */
  readonly pools: Readonly<Record<Split, ReadonlyMap<string, readonly EncodedRecording[]>>>;
}

/** Tasks from recordings that are held encoded in memory. Protocol B: within a task no recording serves both support and
 *  query; every part of a sample is drawn by itself. Protocol A: see `dealAsAuthors`. Source: design §8.
 *  @throws UserError E-TASK-001 where a class has too few recordings for one task of a shot and a query */
export function createRecordingSource(options: RecordingSourceOptions): TaskSource {
  const first = [...options.pools.train.values(), ...options.pools.test.values()].find((pool) => pool.length > 0)?.[0];
  if (!first) throw userError({ code: "E-TASK-001", at: options.name, found: "no recordings" });
  const parts = [...options.classes.train, ...options.classes.validation, ...options.classes.test][0]?.parts.length ?? 1;
  const [t, p, h, w] = first.frames.shape;
  return {
    name: options.name, data: options.data, protocol: options.protocol, timestepUs: first.frames.timestepUs,
    shape: [t, p, h, w * parts],
    classes: (split) => options.classes[split].map((c) => c.name),
    draw: (split, number, task) => drawTask(options, split, number, task),
  };
}

function drawTask(source: RecordingSourceOptions, split: Split, number: number, options: TaskOptions): Task {
  const { seed, ways, shots, queriesPerClass } = options;
  const splitSeed = (seed ^ SPLIT_SALT[split]) >>> 0;
  const known = source.classes[split];
  if (known.length < ways) {
    throw userError({
      code: "E-TASK-002", at: `${source.name}, split "${split}"`, found: `${known.length} classes for ${ways}-way tasks`,
      limit: `at least ${ways} classes`, hint: "fewer ways, or more recorded classes",
    });
  }
  const classes = new Rng(splitSeed, STREAM.taskClasses, number).sample(known, ways);
  const rng = new Rng(splitSeed, STREAM.taskSamples, number);
  const tooFew = tooFewRecordings(source, split);
  // The authors' numbering of samples is that of pairs; alone, their recordings are shuffled like any.
  const deal = source.protocol === "A" && classes[0].parts.length === 2
    ? dealAsAuthors(source.pools[split], classes, shots, rng, tooFew)
    : dealRecordings(source, split, classes, shots, rng);
  const augmentation = options.augmentation && { ...options.augmentation };
  const augment = new Rng(splitSeed, STREAM.augmentation, number);
  const support = classes.flatMap((_, way) => Array.from({ length: shots }, (_, k) => deal.support(way, k)));
  const query = classes.flatMap((_, way) => deal.queries(way, queriesPerClass));
  const labels = (perClass: number) => classes.flatMap((_, way) => new Array<number>(perClass).fill(way));
  const samplesOf = (units: readonly (readonly EncodedRecording[])[]) =>
    units.map((unit) => composeSample(unit.map((r) => (augmentation ? variantOf(r, augment) : r.frames)), augmentation, augment));
  const order = new Rng(splitSeed, STREAM.supportOrder, number);
  const indices = support.map((_, k) => k);
  return {
    number, seed, classNames: classes.map((c) => c.name),
    support: samplesOf(support), supportLabels: labels(shots),
    presentation: Array.from({ length: options.passes }, () => order.shuffled(indices)).flat(),
    query: samplesOf(query), queryLabels: labels(queriesPerClass),
    supportRecordings: support.map((unit) => unit.map((r) => r.id)),
    queryRecordings: query.map((unit) => unit.map((r) => r.id)),
  };
}

/** The recording or one of its variants, equally often; nothing is drawn where it has none. */
function variantOf({ frames, variants = [] }: EncodedRecording, rng: Rng): SpikeTensor {
  const k = variants.length === 0 ? 0 : rng.below(variants.length + 1);
  return k === 0 ? frames : variants[k - 1];
}

/** Splits draw from sequences of their own, whatever the seed. */
const SPLIT_SALT: Readonly<Record<Split, number>> = { train: 0, validation: 0x5bd1e995, test: 0x27d4eb2f };

const tooFewRecordings = (source: RecordingSourceOptions, split: Split) => (unit: string, found: number, needed?: number) => userError({
  code: "E-TASK-001", at: `${source.name}, split "${split}", class "${unit}"`, found: `${found} recordings`,
  limit: needed === undefined
    ? "one for every support sample of a task and at least one more for its queries"
    : `at least ${needed} in this split: one for every support sample of a task that shows it (${needed - 1}), and one more for its queries`,
  hint: "more recordings of it, fewer shots, or fewer ways",
});

/** Deals the recordings of every unit class once a task: the support takes from the front of a shuffled pool, each
 *  recording once; queries share the rest, each part going round its own shuffle of it. */
function dealRecordings(
  source: RecordingSourceOptions, split: Split, classes: readonly ComposedClass[], shots: number, rng: Rng,
) {
  const pools = new Map<string, { readonly pool: readonly EncodedRecording[]; next: number }>();
  for (const unit of classes.flatMap((c) => c.parts)) {
    if (pools.has(unit)) continue;
    pools.set(unit, { pool: rng.shuffled(source.pools[split].get(unit) ?? []), next: 0 });
  }
  const taken = classes.map((c) => Array.from({ length: shots }, () => c.parts.map((unit) => {
    const entry = pools.get(unit) as { pool: readonly EncodedRecording[]; next: number };
    if (entry.next + 1 >= entry.pool.length) {
      const shown = classes.flatMap((other) => other.parts).filter((part) => part === unit).length;
      throw tooFewRecordings(source, split)(unit, entry.pool.length, shown * shots + 1);
    }
    return entry.pool[entry.next++];
  })));
  return {
    support: (way: number, shot: number): readonly EncodedRecording[] => taken[way][shot],
    queries: (way: number, count: number): readonly (readonly EncodedRecording[])[] => {
      const columns = classes[way].parts.map((unit) => {
        const { pool, next } = pools.get(unit) as { pool: readonly EncodedRecording[]; next: number };
        const rest = pool.slice(next);
        const column: EncodedRecording[] = [];
        while (column.length < count) column.push(...rng.shuffled(rest).slice(0, count - column.length));
        return column;
      });
      return Array.from({ length: count }, (_, k) => columns.map((column) => column[k]));
    },
  };
}
