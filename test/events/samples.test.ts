import { describe, expect, it } from "vitest";
import { readFileBytes } from "../../src/base/node/files.js";
import { decodeRecording } from "../../src/events/decode.js";
import { ColumnDigester } from "../../src/events/digest.js";
import { hasShared, sharedPath } from "../support/shared.js";

const load = (file: string) => decodeRecording(readFileBytes(sharedPath(`data/events/${file}`)), { name: file });

/** File, format, events, width, height, first and last µs. Source: data/README.md, decoded there by other programs. */
const SAMPLES: readonly (readonly [string, string, number, number, number, number, number])[] = [
  ["faery-evt2.raw", "evt2", 521252, 640, 480, 913716224, 913812095],
  ["faery-dvs.es", "es", 473225, 320, 240, 0, 999000],
  ["expelliarmus-evt3_sample.raw", "evt3", 219596, 1280, 720, 11718656, 11727457],
  ["tonic-sample.aedat4", "aedat4", 111954, 320, 240, 1605537493718345, 1605537494308262],
  ["evlib-sample.aedat4", "aedat4", 6676, 346, 260, 1589163147368868, 1589163147538809],
  ["tonic-sample_ncars.dat", "dat", 2009, 78, 42, 0, 99952],
  ["evlib-ncaltech101-faces_easy_0001.bin", "nmnist", 67445, 151, 173, 6, 299364],
  ["cpphots-pokerdvs-trcl0.es", "es", 2628, 30, 32, 0, 14727],
];

describe.skipIf(!hasShared)("recordings of real cameras", () => {
  it.each(SAMPLES)("%s is read as %s with %i events", (file, format, events, width, height, first, last) => {
    const { stream, format: found, notes } = load(file);
    expect([found, stream.tUs.length, stream.width, stream.height]).toEqual([format, events, width, height]);
    expect([stream.tUs[0], stream.tUs[events - 1]]).toEqual([first, last]);
    expect(notes).toEqual([]);
  });

  it("the columns of the EVT2 and .es samples have the digests that faery's tests hold", () => {
    const expected = {
      "faery-evt2.raw": ["9855ba39c1baea316ae623b72466e420df60a7510248391856eb4eaf", "93fc6cff19b483fd48ca53345c6c1cf05123681d7b7272a1717e9303",
        "07cfaef58e5fa71ce9910ed5b88fb7e9fcf71e4a8654cc2c4666f1ae", "d2b5e9c4047f4c431937b24cd46c8b504e055372b0ded1df77f0ffa1"],
      "faery-dvs.es": ["6f3f9af2e99d83707fd74fef3486abdd9f2f81680d3c4fcc306b1965", "976eab4dc499e350481c3f568f71b2713e3ffa944bc1866f31448460",
        "6aa82f1dfddd6948a7359816ad62f7fb2c59d00f803e4128868db87b", "6f3c58f949e7c11c55707d11f739d98669882d551403c79482ab81f9"],
    };
    for (const [file, digests] of Object.entries(expected)) {
      const { stream } = load(file);
      const digester = new ColumnDigester();
      digester.update({ t: stream.tUs, x: stream.x, y: stream.y, on: stream.polarity });
      expect(Object.values(digester.digest())).toEqual(digests);
    }
  });

  it("the EVT3 sample has 52.6 % ON events and covers its sensor", () => {
    const { stream } = load("expelliarmus-evt3_sample.raw");
    const on = stream.polarity.reduce((sum, p) => sum + p, 0) / stream.polarity.length;
    expect(on.toFixed(3)).toBe("0.526");
    expect([stream.y.reduce((a, b) => Math.min(a, b)), stream.y.reduce((a, b) => Math.max(a, b)), stream.x.reduce((a, b) => Math.max(a, b))]).toEqual([0, 719, 1279]);
  });

  it("an AEDAT2 header without events is a recording without events", () => {
    const { stream } = load("tonic-sample_aedat_header.aedat");
    expect([stream.tUs.length, stream.width, stream.height]).toEqual([0, 346, 260]);
  });
});
