import fc from "fast-check";
import lz4 from "lz4js";
import { describe, expect, it } from "vitest";
import { encodeLz4Frame } from "../../src/events/compression/lz4-compress.js";
import { CompressionError, decodeLz4Frame } from "../../src/events/compression/lz4.js";
import { xxh32 } from "../../src/events/compression/xxh32.js";
import { xxh64 } from "../../src/events/compression/xxh64.js";
import { crc32 } from "../../src/events/compression/zip.js";
import { decodeZstdFrame } from "../../src/events/compression/zstd.js";

const text = (s: string) => new TextEncoder().encode(s);
/** Bytes with repeats, so that there is something to compress. */
const compressible = fc.array(fc.tuple(fc.uint8Array({ maxLength: 12 }), fc.nat(60)), { maxLength: 80 })
  .map((parts) => Uint8Array.from(parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => [...bytes]).flat())));

/** 228 bytes of an AEDAT4 packet, compressed with a checksum by the zstd library (level 3). */
const ZSTD = Uint8Array.from(Buffer.from("KLUv/STkzQMAAsYRHsCnOf//dpQrpZRSSrG6CP2vbe99F7nllltuuaVMAU8Bm0N2DyjjeLaGc2G8bOEqK14JNhmxeniqpoaFv9vXlr1gQAg8eiQW" +
  "ABDUNPdAMtAccAKIAXlBG+AuEAPyDtV0SiYL90CyodpLEVfVFWAgMGCcLE8oY6+sSFA=", "base64"));

describe("checksums", () => {
  it("xxHash32, xxHash64 and CRC-32 give the published values", () => {
    expect(xxh32(text(""))).toBe(0x02cc5d05);
    expect(xxh32(text("Nobody inspects the spammish repetition"))).toBe(0xe2293b2f);
    expect(xxh64(text(""))).toBe(0xef46db3751d8e999n);
    expect(xxh64(text("Nobody inspects the spammish repetition"))).toBe(0xfbcea83c8a378bf1n);
    expect(crc32(text("123456789"))).toBe(0xcbf43926);
  });
});

describe("LZ4 frames", () => {
  it("inflate what lz4js made", () => {
    fc.assert(fc.property(compressible, (bytes) => {
      expect(Buffer.compare(decodeLz4Frame(Uint8Array.from(lz4.compress(bytes))), bytes)).toBe(0);
    }), { seed: 31, numRuns: 60 });
  });

  it("that we made are read by lz4js and by us, and repeats make them smaller", () => {
    fc.assert(fc.property(fc.oneof(compressible, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      const frame = encodeLz4Frame(bytes);
      expect(Buffer.compare(decodeLz4Frame(frame), bytes)).toBe(0);
      expect(Buffer.compare(Uint8Array.from(lz4.decompress(frame)).slice(0, bytes.length), bytes)).toBe(0);
      // Header, two lengths and checksum are 19 bytes; a block never grows.
      expect(frame.length).toBeLessThanOrEqual(bytes.length + 19);
    }), { seed: 32, numRuns: 80 });
    const repeats = Uint8Array.from({ length: 5_000_000 }, (_, k) => (k >> 3) & 0x3f);
    const frame = encodeLz4Frame(repeats);
    expect(frame.length).toBeLessThan(100_000);
    expect(Buffer.compare(decodeLz4Frame(frame), repeats)).toBe(0);
  });

  it("refuse a flipped bit anywhere", () => {
    const frame = encodeLz4Frame(text("a frame with a checksum"));
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const damaged = frame.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      expect(() => decodeLz4Frame(damaged), `bit ${bit}`).toThrow(CompressionError);
    }
  });
});

describe("zstd frames", () => {
  it("inflate what the zstd library made", () => {
    const out = decodeZstdFrame(ZSTD);
    expect([out.length, String.fromCharCode(...out.subarray(8, 12))]).toEqual([228, "EVTS"]);
  });

  it("refuse a flipped bit of the content, a cut, and a size beyond reason", () => {
    for (let bit = 8 * 6; bit < ZSTD.length * 8; bit++) {
      const damaged = ZSTD.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      // Bits that change nothing are no loss: padding of a bit stream.
      let same = false;
      try {
        same = Buffer.compare(decodeZstdFrame(damaged), decodeZstdFrame(ZSTD)) === 0;
      } catch (error) {
        expect(error).toBeInstanceOf(CompressionError);
        same = true;
      }
      expect(same, `bit ${bit}`).toBe(true);
    }
    expect(() => decodeZstdFrame(ZSTD.slice(0, 80))).toThrow(CompressionError);
    expect(() => decodeZstdFrame(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))).toThrow(/256 MiB/);
  });
});
