import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readFileBytes, writeFolderWhole, writeWhole } from "../../src/base/node/files.js";

const folder = mkdtempSync(join(tmpdir(), "files-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("files", () => {
  it("writes a file whole and leaves nothing beside it", () => {
    writeWhole(join(folder, "a", "b.txt"), "text");
    expect(readFileSync(join(folder, "a", "b.txt"), "utf8")).toBe("text");
    expect(readdirSync(join(folder, "a"))).toEqual(["b.txt"]);
  });

  it("names a file that cannot be read with E-FILE-010", () => {
    expect(() => readFileBytes(join(folder, "missing"))).toThrow(/there is no such file.*E-FILE-010/);
  });

  it("names a place that cannot be written with E-FILE-011, and leaves nothing", () => {
    writeFileSync(join(folder, "plain"), "");
    expect(() => writeWhole(join(folder, "plain", "x"), "text")).toThrow(/E-FILE-011/);
    expect(existsSync(join(folder, "plain", "x"))).toBe(false);
  });

  it("replaces only a folder that is ours (E-FILE-012)", () => {
    const target = join(folder, "bundle");
    mkdirSync(target);
    writeFileSync(join(target, "precious"), "1");
    expect(() => writeFolderWhole(target, { a: "1" }, () => false)).toThrow(/E-FILE-012/);
    expect(readdirSync(target)).toEqual(["precious"]);
    writeFolderWhole(target, { a: "1", "sub/b": "2" }, () => true);
    expect(readdirSync(target).sort()).toEqual(["a", "sub"]);
  });
});
