import { existsSync } from "node:fs";
import { userError } from "../base/errors.js";
import { readFileBytes } from "../base/node/files.js";
import type { NamedBytes } from "../replay/encode-sample.js";

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

/** Reads the recordings of one sample. @throws UserError E-FILE-010 that names the file */
export const readSample = (files: readonly string[]): readonly NamedBytes[] =>
  files.map((name) => ({ name, bytes: readFileBytes(name) }));
