import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const filesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true }).map((f) => `${folder}/${String(f)}`).filter((f) => f.endsWith(".ts"));

/** Code → source files that make an error of it; comments and lists of documentation do not count. */
function makers(): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of ["src", "hw", "sim", "compiler"].flatMap(filesBelow)) {
    for (const line of readFileSync(join(root, file), "utf8").split("\n")) {
      // `error.code === "E-…"` looks at a code; it makes none.
      if (/^\s*(\*|\/\/|\/\*)/.test(line) || /code [!=]==/.test(line)) continue;
      for (const [, code] of line.matchAll(/"(E-[A-Z]+-\d{3})"/g)) found.set(code, (found.get(code) ?? new Set()).add(file));
    }
  }
  return found;
}

/** Codes that several files share, with the one thing that they mean everywhere. */
const SHARED: Readonly<Record<string, string>> = {
  "E-BENCH-001": "a peers' .npz problem that is not as described",
  "E-CASE-001": "a case file that is not JSON or of no known format",
  "E-CASE-002": "a field of a case file",
  "E-CLI-001": "an option outside its range",
  "E-CLI-023": "an option of `data` and `bench decode` outside its range",
  "E-DATA-002": "steps or geometry that the samples of a data set do not fit",
  "E-DATA-005": "data.simulated where it cannot serve",
  "E-DATA-003": "no recordings in the folder",
  "E-FILE-003": "content that does not match its hash",
  "E-FILE-011": "a path that cannot be written",
  "E-REPLAY-002": "recordings that do not fit the image's input contract",
  "E-TASK-001": "a task that asks for more than a class has",
};
/** Families whose codes stand in one table (problems.ts, verify-….ts): every maker is in that folder. */
const FAMILY_FOLDER: Readonly<Record<string, string>> = { "E-EVT": "src/events/", "E-IMAGE": "hw/", "E-CAM": "src/", "E-SIM": "sim/" };

describe("error codes", () => {
  it("mean one thing: each is made in one file, or is listed here with the meaning that its makers share", () => {
    const wrong = [...makers()].filter(([code, files]) => {
      const folder = FAMILY_FOLDER[code.slice(0, code.lastIndexOf("-"))];
      return folder ? [...files].some((file) => !file.startsWith(folder)) : files.size > 1 && !(code in SHARED);
    });
    expect(wrong.map(([code, files]) => `${code}: ${[...files].join(", ")}`)).toEqual([]);
  });

  it("have a test each", () => {
    const tests = readdirSync(join(root, "test"), { recursive: true }).map(String).filter((f) => f.endsWith(".ts") && !f.startsWith("error-codes"))
      .map((f) => readFileSync(join(root, "test", f), "utf8")).join("\n");
    expect([...makers().keys()].filter((code) => !tests.includes(code))).toEqual([]);
  });
});
