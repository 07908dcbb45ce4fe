import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Diagnostics, nearestName, UserError } from "../../src/base/errors.js";
import { unwrapFile, withHeader } from "../../src/base/file-header.js";

const payload = new TextEncoder().encode("a payload of some length, long enough to be cut");
const file = withHeader({ kind: "checkpoint", formatVersion: 1, parents: { config: "00" } }, payload);
const expected = { kind: "checkpoint", formatVersion: 1 };
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
  return "none";
};

describe("file header", () => {
  it("gives the payload back, with the SHA-256 that node's own implementation computes", () => {
    const { header, payload: read } = unwrapFile(file, expected, "a.mlh");
    expect(read).toEqual(payload);
    expect(header.sha256).toBe(createHash("sha256").update(payload).digest("hex"));
    expect(header.parents).toEqual({ config: "00" });
  });

  it("refuses another kind and another version with E-FILE-002", () => {
    expect(codeOf(() => unwrapFile(file, { kind: "trace", formatVersion: 1 }, "a"))).toBe("E-FILE-002");
    expect(codeOf(() => unwrapFile(file, { kind: "checkpoint", formatVersion: 2 }, "a"))).toBe("E-FILE-002");
  });

  it("refuses what is not ours with E-FILE-001 and a damaged payload with E-FILE-003", () => {
    expect(codeOf(() => unwrapFile(payload, expected, "a"))).toBe("E-FILE-001");
    const damaged = file.slice();
    damaged[damaged.length - 1] ^= 1;
    expect(codeOf(() => unwrapFile(damaged, expected, "a"))).toBe("E-FILE-003");
  });

  it("never takes a cut or flipped file for a sound one", () => {
    fc.assert(fc.property(fc.nat(file.length - 1), fc.nat(7), fc.boolean(), (at, bit, cut) => {
      const bytes = cut ? file.slice(0, at) : file.slice();
      if (!cut) bytes[at] ^= 1 << bit;
      const outcome = codeOf(() => {
        const { header, payload: read } = unwrapFile(bytes, expected, "a");
        // A flip in the names of the parents leaves the payload sound: that is the one thing the hash does not cover.
        expect(read).toEqual(payload);
        expect(header.sha256).toHaveLength(64);
      });
      expect(cut ? outcome !== "none" : true).toBe(true);
    }), { seed: 4, numRuns: 1500 });
  });
});

describe("diagnostics", () => {
  it("collects all errors and throws them at once, each with code, place, limit and remedy", () => {
    const diagnostics = new Diagnostics();
    diagnostics.throwIfErrors();
    diagnostics.error("E-X-001", { at: 'layer "a"', found: "5000 axons", limit: "4096 (hw/limits.ts)", hint: "split it" });
    diagnostics.error("E-X-002", { at: 'layer "b"', found: "none" });
    expect(() => diagnostics.throwIfErrors()).toThrow(
      'layer "a": 5000 axons; allowed: 4096 (hw/limits.ts). Try: split it [E-X-001]\nlayer "b": none [E-X-002]',
    );
  });

  it("suggests the nearest known name, and none where all are far", () => {
    expect(nearestName("lernRate", ["learnRate", "decay"])).toBe("learnRate");
    expect(nearestName("zzzzzz", ["learnRate", "decay"])).toBeUndefined();
  });
});
