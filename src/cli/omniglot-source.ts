/** N-Omniglot from the folder that the public set unpacks to. */
import { relative } from "node:path";
import { UserError, userError } from "../base/errors.js";
import { applyTransforms, encodeFrames, type EventStream } from "../events/index.js";
import { type CharacterEntry, listNomniglot } from "../events/node/nomniglot-layout.js";
import { type CharacterRecordings, createNOmniglot, saturatedAsAuthors, type TaskSource } from "../tasks/index.js";
import type { GroupedRecording } from "../tasks/packed-frames.js";
import type { ResolvedConfig } from "../train/config.js";
import { dataKindOf, type DataPlace, framesOf } from "./data-place.js";

/** Recordings of a character. */
const DRAWERS = 20;
/** Rows of problems that are shown. */
const SHOWN = 20;

/** Tasks from N-Omniglot, protocol A or B; `report` hears what was found. Characters that cannot be read are skipped, and
 *  `report` says why. @throws UserError E-DATA-003 where there is no character */
export async function omniglotSource(
  path: string, resolved: ResolvedConfig, report: (line: string) => void, place: DataPlace = {},
): Promise<TaskSource> {
  const { config } = resolved;
  const { protocol, split } = config.data;
  const { entries, skipped } = listNomniglot(path);
  if (entries.length === 0) {
    throw userError({
      code: "E-DATA-003", at: path, found: "no character of N-Omniglot",
      limit: "dvs_background/<Alphabet>/character01/<id>.aedat4 with <id>.csv, and dvs_evaluation", hint: "the folder that holds dvs_background and dvs_evaluation",
    });
  }
  const frameOptions = framesFor(resolved);
  const { recordings, notes } = await framesOf({
    path, files: entries.flatMap((e) => e.files), total: entries.length * DRAWERS,
    options: { set: "n-omniglot", frameOptions, asAuthors: protocol === "A", transforms: config.data.transforms ?? [], seed: config.seed },
    make: async (add, note, progress) => {
      let done = 0;
      for (const [k, entry] of entries.entries()) {
        try {
          for (const recording of await readCharacter(path, entry, k, resolved)) add(recording);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          note(error.message);
        }
        progress.update(done += DRAWERS);
      }
    },
  }, place);
  const problems = [...skipped, ...notes];
  const characters = charactersOf(path, entries, recordings);
  const source = createNOmniglot(characters, { protocol, data: dataKindOf(path), split });
  report(`${path}: N-Omniglot, ${characters.length} characters of ${new Set(characters.map((c) => c.alphabet)).size} alphabets, ${recordings.length} recordings, protocol ${protocol}`);
  for (const line of problems.slice(0, SHOWN)) report(`  skipped ${line}`);
  if (problems.length > SHOWN) report(`  skipped ${problems.length - SHOWN} more`);
  report(`  classes: train ${source.classes("train").length}, validation ${source.classes("validation").length}, test ${source.classes("test").length}` +
    ` (${split ? "as given" : protocol === "A" ? "training recordings in every split, as the authors' loader" : "by alphabet, as in the paper; test: evaluation characters"})`);
  return source;
}

const framesFor = ({ geometry, spec }: ResolvedConfig) => ({
  crop: geometry.crop, downsample: geometry.downsample, timestepUs: geometry.timestepUs, steps: spec.steps,
  polarity: spec.input.polarities === 1 ? "merge" : "split",
} as const);

const groupOf = (path: string, entry: CharacterEntry): string => relative(path, entry.files[0]).replace(/\\/g, "/").replace(/\/[^/]*$/, "");

async function readCharacter(path: string, entry: CharacterEntry, k: number, resolved: ResolvedConfig): Promise<readonly GroupedRecording[]> {
  const { config } = resolved;
  const group = groupOf(path, entry);
  return (await entry.read()).flatMap(({ drawer, stream }) => {
    // The table may name a drawer of whom nothing was recorded; the authors leave those out as well.
    if (stream.tUs.length === 0) return [];
    const seen = config.data.protocol === "A" ? asAuthors(stream) : stream;
    const ready = applyTransforms(seen, config.data.transforms ?? [], config.seed, k * DRAWERS + drawer);
    return [{ id: `${group}/${String(drawer).padStart(2, "0")}`, group, frames: encodeFrames(ready, framesFor(resolved)) }];
  });
}

const asAuthors = (stream: EventStream): EventStream => ({ ...stream, x: saturatedAsAuthors(stream.x), y: saturatedAsAuthors(stream.y) });

function charactersOf(path: string, entries: readonly CharacterEntry[], recordings: readonly GroupedRecording[]): readonly CharacterRecordings[] {
  const byGroup = new Map<string, GroupedRecording[]>();
  for (const recording of recordings) byGroup.set(recording.group, [...(byGroup.get(recording.group) ?? []), recording]);
  return entries.flatMap((entry) => {
    const found = byGroup.get(groupOf(path, entry));
    return found ? [{ part: entry.part, alphabet: entry.alphabet, character: entry.character, recordings: found }] : [];
  });
}
