import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../src/base/bytes.js";
import { withHeader } from "../../src/base/file-header.js";
import { Packr } from "msgpackr";
import { CHECKPOINT_FILE, decodeCheckpoint, encodeCheckpoint, freshCheckpoint, parametersHash } from "../../src/model/checkpoint.js";
import { PRESETS } from "../../src/model/presets.js";
import { unitWeights } from "../../src/model/start-weights.js";

const { network, geometry } = PRESETS.demo;
const checkpoint = freshCheckpoint(network, geometry, unitWeights(network, 3), {
  seed: 3, chipSeed: 4, config: "{}", data: "real", protocol: "B",
});
const file = encodeCheckpoint(checkpoint);

describe("checkpoints", () => {
  it("come back equal, typed arrays and all, and are written to the same bytes again", () => {
    const read = decodeCheckpoint(file, "a.mlh");
    expect(read).toEqual(checkpoint);
    expect(encodeCheckpoint(read)).toEqual(file);
    expect(parametersHash(network, read.masters)).toBe(parametersHash(network, checkpoint.masters));
  });

  it("are refused where cut anywhere or with any bit flipped, in one sentence that names the file [E-FILE-001…003, E-CKPT-001]", () => {
    for (let k = 0; k < 150; k++) {
      const at = Math.floor((k * file.length) / 150);
      expect(() => decodeCheckpoint(file.subarray(0, at), "cut.mlh")).toThrow(/^cut\.mlh: [^\n]*\[E-FILE-00[123]\]$/);
    }
    // Every bit of the first bytes (magic, length, header), then bits spread over the payload.
    for (let k = 0; k < 200; k++) {
      const at = k < 130 ? k : Math.floor(((k - 129) * (file.length - 1)) / 71);
      const flipped = Uint8Array.from(file);
      flipped[at] ^= 1 << (k % 8);
      expect(() => decodeCheckpoint(flipped, "flip.mlh")).toThrow(/^flip\.mlh: [^\n]*\[E-(FILE-00[123]|CKPT-001)\]$/);
    }
  });

  it("are refused where the hash is right but the parts do not fit together [E-CKPT-001]", () => {
    const write = (value: unknown) => withHeader(
      { ...CHECKPOINT_FILE, parents: { config: sha256Hex(new TextEncoder().encode("{}")) } }, new Uint8Array(new Packr({ moreTypes: true, useRecords: false, structuredClone: true }).pack(value)),
    );
    const masters = { ...checkpoint.masters, "conv2.bias": new Float32Array(3) };
    expect(() => decodeCheckpoint(write({ ...checkpoint, masters }), "b.mlh")).toThrow(/b\.mlh.*"conv2\.bias" has 3 of 32.*E-CKPT-001/);
    for (const value of [null, 7, "x", {}, { ...checkpoint, spec: 3 }, { ...checkpoint, spec: { layers: 4 } }, { ...checkpoint, optimizer: undefined }]) {
      expect(() => decodeCheckpoint(write(value), "b.mlh")).toThrow(/b\.mlh.*E-CKPT-001/);
    }
    const other = withHeader({ ...CHECKPOINT_FILE, parents: {} }, Uint8Array.of(0xdb, 0x7f, 0xff, 0xff, 0xff));
    expect(() => decodeCheckpoint(other, "b.mlh")).toThrow(/cannot be unpacked.*E-CKPT-001/);
  });
});
