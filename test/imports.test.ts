import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "./support/shared.js";

/** Module of a source file: the rows of the import table (design §3). */
function moduleOf(path: string): string {
  if (path === "hw/limits.ts" || path === "hw/fields.ts") return "hw numbers";
  if (/^(hw|sim|compiler)\//.test(path)) return path.split("/")[0];
  if (path === "src/index.ts") return "src/cli";
  return path.split("/").slice(0, 2).join("/");
}

/** Module → modules it may import, beside itself. Source: design §3. */
const ALLOWED: Record<string, readonly string[]> = {
  "src/base": [],
  "hw numbers": ["src/base"],
  hw: ["src/base", "hw numbers"],
  "src/events": ["src/base"],
  "src/tasks": ["src/base", "src/events"],
  "src/model": ["src/base", "hw numbers"],
  "src/engines": ["src/base", "hw numbers", "src/model"],
  "src/train": ["src/base", "src/events", "src/tasks", "src/model", "src/engines"],
  compiler: ["src/base", "hw", "hw numbers", "src/model"],
  sim: ["src/base", "hw", "hw numbers"],
  "src/replay": ["src/base", "hw", "hw numbers", "src/events", "src/tasks", "sim"],
  "src/parity": ["src/base", "hw", "hw numbers", "src/events", "src/tasks", "src/model", "src/engines", "sim", "src/replay"],
  "src/interop": ["src/base", "hw", "hw numbers", "src/model"],
  "src/report": ["src/base"],
  "src/assets": [],
};
/** Module → modules of which it may import types alone. Source: design §3. */
const TYPES_ALLOWED: Record<string, readonly string[]> = {
  "src/engines": ["src/events", "src/tasks"],
  "src/report": ["hw", "hw numbers", "src/events", "src/tasks", "src/model", "src/engines", "src/train", "compiler", "sim",
    "src/replay", "src/parity", "src/interop"],
};
/** Modules that take and give bytes: a `node:` import stands only in their `node/` folders. */
const NO_NODE = ["src/base", "hw", "hw numbers", "sim", "src/events", "src/tasks", "src/model", "src/replay"];

interface Import { readonly from: string; readonly to: string; readonly typeOnly: boolean }

function sourceFiles(folder: string): string[] {
  return readdirSync(join(repositoryRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

function importsOf(path: string): Import[] {
  const text = readFileSync(join(repositoryRoot, path), "utf8");
  const parsed = ts.preProcessFile(text, true, true);
  const typeOnly = (specifier: string) =>
    new RegExp(`(?:import|export) type [^;]*from "${specifier.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}"`).test(text) &&
    !new RegExp(`import (?!type)[^;]*from "${specifier.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}"`).test(text);
  return parsed.importedFiles.map(({ fileName }) => ({
    from: path,
    to: fileName.startsWith(".")
      ? relative(repositoryRoot, resolve(repositoryRoot, dirname(path), fileName)).replace(/\.js$/, ".ts")
      : fileName,
    typeOnly: typeOnly(fileName),
  }));
}

const files = ["src", "hw", "sim", "compiler"].flatMap(sourceFiles);
const imports = files.flatMap(importsOf);
const local = imports.filter((i) => /^(src|hw|sim|compiler)\//.test(i.to));

describe("the import table of the design", () => {
  it("finds files and imports to hold against it", () => {
    expect(files.length).toBeGreaterThan(20);
    expect(local.length).toBeGreaterThan(20);
  });

  it("is followed by every import between modules", () => {
    const offenders = local.filter(({ from, to, typeOnly }) => {
      const [a, b] = [moduleOf(from), moduleOf(to)];
      if (a === b || a === "src/cli") return false;
      return !(ALLOWED[a] ?? []).includes(b) && !(typeOnly && (TYPES_ALLOWED[a] ?? []).includes(b));
    });
    expect(offenders.map((i) => `${i.from} imports ${i.to}`)).toEqual([]);
  });

  it("keeps the simulator's integer helpers out of the engines", () => {
    const offenders = local.filter((i) => i.from.startsWith("src/engines/") && (i.to === "src/base/int.ts" || i.to.startsWith("sim/")));
    expect(offenders).toEqual([]);
  });

  it("allows node: imports in pure modules only inside node/ folders", () => {
    const offenders = imports.filter(({ from, to }) =>
      to.startsWith("node:") && NO_NODE.includes(moduleOf(from)) && !from.includes("/node/"));
    expect(offenders.map((i) => `${i.from} imports ${i.to}`)).toEqual([]);
  });

  it("never lets a pure file import a file of a node/ folder", () => {
    const offenders = local.filter(({ from, to, typeOnly }) =>
      NO_NODE.includes(moduleOf(from)) && !from.includes("/node/") && to.includes("/node/") && !typeOnly);
    expect(offenders.map((i) => `${i.from} imports ${i.to}`)).toEqual([]);
  });

  it("has no ring of files", () => {
    const graph = new Map<string, string[]>();
    for (const { from, to, typeOnly } of local) {
      if (!typeOnly && existsSync(join(repositoryRoot, to))) graph.set(from, [...(graph.get(from) ?? []), to]);
    }
    const state = new Map<string, "open" | "done">();
    const rings: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        rings.push([...path.slice(path.indexOf(file)), file].join(" → "));
        return;
      }
      state.set(file, "open");
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      state.set(file, "done");
    };
    for (const file of graph.keys()) visit(file, []);
    expect(rings).toEqual([]);
  });
});
