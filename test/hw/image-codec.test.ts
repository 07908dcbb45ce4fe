import { readFileSync } from "node:fs";
import fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { CHIP_IMAGE_KIND, decodeImage, encodeImage } from "../../hw/image-codec.js";
import { CHIP_IMAGE_SCHEMA } from "../../hw/proto/chip-image-schema.js";
import { verifyImage } from "../../hw/verify-image.js";
import { Diagnostics, UserError } from "../../src/base/errors.js";
import { unwrapFile, withHeader } from "../../src/base/file-header.js";
import { repositoryRoot } from "../support/shared.js";
import { plasticImage, recurrentImage } from "../support/small-images.js";

describe("the image file", () => {
  it.each([["plastic", plasticImage()], ["recurrent, on two cores", recurrentImage()]])("gives the image back: %s", (_, image) => {
    const file = encodeImage(image, { checkpoint: "ab" });
    expect(decodeImage(file, "x.mlh")).toEqual(image);
    expect(encodeImage(decodeImage(file, "x.mlh"), { checkpoint: "ab" })).toEqual(file);
  });

  it("has the reflection of its schema", () => {
    const { root } = protobuf.parse(readFileSync(`${repositoryRoot}hw/proto/chip-image.proto`, "utf8"));
    const fields = (from: protobuf.Root) => from.lookup("metaloihi")!.toJSON();
    const clean = (json: unknown) => JSON.parse(JSON.stringify(json, (key, value) => (["protoName", "options", "edition", "comment"].includes(key) ? undefined : value)));
    expect(clean(fields(protobuf.Root.fromJSON(CHIP_IMAGE_SCHEMA as protobuf.INamespace)))).toEqual(clean(fields(root)));
  });

  it("a flipped bit is found wherever it is", () => {
    const file = encodeImage(plasticImage());
    for (let bit = 0; bit < file.length * 8; bit++) {
      const damaged = file.slice();
      damaged[bit >>> 3] ^= 1 << (bit & 7);
      let error: unknown = null;
      try {
        decodeImage(damaged, "x.mlh");
      } catch (e) {
        error = e;
      }
      if (!(error instanceof UserError)) expect.unreachable(`bit ${bit} was accepted or crashed: ${error}`);
    }
  });

  it("damaged content under a right hash is refused or reported, never a crash (E-IMAGE-001 or the verifier)", () => {
    const { payload } = unwrapFile(encodeImage(recurrentImage()), { kind: CHIP_IMAGE_KIND, formatVersion: 1 }, "x");
    let refused = 0;
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(payload.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.nat(payload.length), (edits, cut) => {
      const damaged = payload.slice(0, cut % 3 === 0 ? cut : undefined);
      for (const [at, value] of edits) if (at < damaged.length) damaged[at] = value;
      try {
        const diagnostics = new Diagnostics();
        verifyImage(decodeImage(withHeader({ kind: CHIP_IMAGE_KIND, formatVersion: 1, parents: {} }, damaged), "x"), diagnostics);
        if (diagnostics.errors.length > 0) refused++;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refused++;
      }
    }), { numRuns: 3000, seed: 11 });
    expect(refused).toBeGreaterThan(1500);
  });

  it("content that is no image is refused with E-IMAGE-001", () => {
    const file = withHeader({ kind: CHIP_IMAGE_KIND, formatVersion: 1, parents: {} }, Uint8Array.of(1, 2, 3));
    expect(() => decodeImage(file, "x.mlh")).toThrow(/E-IMAGE-001/);
  });
});
