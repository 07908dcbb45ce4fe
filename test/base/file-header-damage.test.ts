import { describe, expect, it } from "vitest";
import { headerBytes, readHeader, unwrapFile, withHeader } from "../../src/base/file-header.js";
import { UserError } from "../../src/base/errors.js";
import { sha256Hex } from "../../src/base/bytes.js";

const kind = { kind: "chip-image", formatVersion: 1 };
const parents = { checkpoint: sha256Hex(Uint8Array.of(1)), config: sha256Hex(Uint8Array.of(2)) };
const payload = Uint8Array.from({ length: 50 }, (_, k) => k);

describe("damage to a file of ours", () => {
  it("is found in every bit: of the header, the hashes of its parents included, and of the content (E-FILE-001…003)", () => {
    for (const file of [withHeader({ ...kind, parents }, payload), new Uint8Array([...headerBytes({ ...kind, parents, sha256: sha256Hex(payload) }, 400), ...payload])]) {
      expect(unwrapFile(file, kind, "x").payload).toEqual(payload);
      for (let bit = 0; bit < file.length * 8; bit++) {
        const damaged = file.slice();
        damaged[bit >>> 3] ^= 1 << (bit & 7);
        expect(() => unwrapFile(damaged, kind, "x"), `bit ${bit}`).toThrow(UserError);
      }
    }
  });

  it("is found where a piece of the header stands twice, or a field is added", () => {
    const text = (header: string): Uint8Array => {
      const bytes = new TextEncoder().encode(header);
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, bytes.length, true);
      return new Uint8Array([...new TextEncoder().encode("metaloihi\n"), ...length, ...bytes, ...payload]);
    };
    const sha = sha256Hex(payload);
    const check = readHeader(withHeader({ kind: "a", formatVersion: 1, parents: {} }, payload), "x").header.check;
    const sound = `{"kind":"a","formatVersion":1,"parents":{},"sha256":"${sha}","check":"${check}"}`;
    expect(readHeader(text(sound), "x").header.kind).toBe("a");
    for (const header of [
      sound.replace("{", '{"kind":"a",'),
      sound.replace(/\}$/, ',"more":1}'),
      sound.replace(",", ", "),
      `{"kind":"a","formatVersion":1,"pamatVersion":1,"parents":{},"sha256":"${sha}"}`,
      `{"kind":"a","kind":"a","formatVersion":1,"parents":{},"sha256":"${sha}"}`,
      `{"kind":"a", "formatVersion":1,"parents":{},"sha256":"${sha}"}`,
      `{"kind":"a","formatVersion":1,"parents":{},"sha256":"${sha}","check":"0000000000000000"}`,
    ]) expect(() => readHeader(text(header), "x"), header).toThrow(/E-FILE-001/);
  });
});

describe("a file of an older version", () => {
  /** As the first version wrote it: no check in the header. */
  const old = (kind: string): Uint8Array => {
    const header = new TextEncoder().encode(JSON.stringify({ kind, formatVersion: 1, parents, sha256: sha256Hex(payload) }));
    return Uint8Array.from([...new TextEncoder().encode("metaloihi\n"), header.length & 255, header.length >> 8, 0, 0, ...header, ...payload]);
  };

  it("is refused as that, not as damaged, with how to make it anew [E-FILE-004]", () => {
    expect(() => unwrapFile(old("checkpoint"), { kind: "checkpoint", formatVersion: 1 }, "a.mlh"))
      .toThrow(/^a\.mlh: a checkpoint written by an older version of metaloihi.*Try: train again.*\[E-FILE-004\]$/);
    expect(() => readHeader(old("chip-image"), "a")).toThrow(/compile again: `compile CHECKPOINT -o BUNDLE`/);
    expect(() => readHeader(old("other"), "a")).toThrow(/make the file again with this version \[E-FILE-004\]/);
  });

  it("is damaged where its header is: only a whole one tells its age", () => {
    const file = old("checkpoint");
    for (const at of [14, 15, 40]) {
      const damaged = file.slice();
      damaged[at] = 0;
      expect(() => readHeader(damaged, "a")).toThrow(/E-FILE-001/);
    }
  });
});
