import { existsSync } from "node:fs";
import { join } from "node:path";
import { userError } from "../base/errors.js";
import { applyTransforms, type TransformSpec } from "../events/index.js";
import { readRecording } from "../events/node/read-recording.js";
import { decodeCheckpoint } from "../model/checkpoint.js";
import type { NamedStream } from "../replay/encode-sample.js";
import { resolveConfig } from "../train/config.js";
import { BUNDLE_PART, type Bundle } from "./bundle.js";
import { type RecordingArgs, readerOptions } from "./commands/data-options.js";

/** A class as the command line names it: samples, each of one or more recordings that are set side by side. */
export interface NamedLesson {
  readonly name: string;
  readonly samples: readonly (readonly string[])[];
}

/** Files of one sample: `left.bin+right.bin`, or one file. A file whose own name has a plus sign is taken as that file. */
export const parseSample = (text: string): readonly string[] =>
  text.includes("+") && !existsSync(text) ? text.split("+") : [text];

/** Reads `--class NAME=FILE[,FILE…]`; the same name twice adds samples to one class.
 *  @throws UserError E-TEACH-010 where it is written otherwise */
export function parseLessons(values: readonly string[]): readonly NamedLesson[] {
  const lessons = new Map<string, (readonly string[])[]>();
  for (const value of values) {
    const equals = value.indexOf("=");
    const name = value.slice(0, Math.max(0, equals)).trim();
    const files = value.slice(equals + 1).split(",").map((f) => f.trim());
    if (equals < 0 || name === "" || files.some((f) => f === "")) {
      throw userError({
        code: "E-TEACH-010", at: `--class ${value}`, found: "not a name and its files",
        limit: "NAME=FILE[,FILE…]", hint: "--class wave=a.bin,b.bin",
      });
    }
    lessons.set(name, [...(lessons.get(name) ?? []), ...files.map(parseSample)]);
  }
  return [...lessons].map(([name, samples]) => ({ name, samples }));
}

/** Reads the recordings of one sample, any format, and changes them as the training data of the bundle's network were: by the
 *  transforms of its configuration. @throws UserError E-FILE-010, E-EVT-001…011, each with the file's name */
export async function readSample(files: readonly string[], bundle: Bundle, options: RecordingArgs = {}): Promise<readonly NamedStream[]> {
  const { transforms, seed } = transformsOf(bundle);
  const samples: NamedStream[] = [];
  for (const name of files) {
    const { stream, sizeIsDeclared } = await readRecording(name, readerOptions(options));
    samples.push({ name, sizeIsDeclared, stream: applyTransforms(stream, transforms, seed, samples.length) });
  }
  return samples;
}

/** What the configuration of a bundle's network does to recordings; nothing where the bundle holds no checkpoint. */
function transformsOf({ path, files }: Bundle): { readonly transforms: readonly TransformSpec[]; readonly seed: number } {
  const bytes = files[BUNDLE_PART.checkpoint];
  if (!bytes) return { transforms: [], seed: 1 };
  const name = join(path, BUNDLE_PART.checkpoint);
  const { config } = resolveConfig(JSON.parse(decodeCheckpoint(bytes, name).config), name);
  return { transforms: config.data.transforms ?? [], seed: config.seed };
}
