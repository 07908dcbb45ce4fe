import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import { decodeTrace, encodeTrace, type TraceFile } from "../../src/replay/trace-file.js";
import { handTrace } from "../parity/records.js";

const trace: TraceFile = { source: "hand", layerNames: ["hidden", "output"], chipSeed: 4_000_000_000, presentations: [handTrace, handTrace] };

describe("a trace file", () => {
  it("comes back as it was written", () => {
    expect(decodeTrace(encodeTrace(trace, { image: "ab" }), "t.mlh")).toEqual(trace);
  });

  it("is refused when cut short or changed", () => {
    const bytes = encodeTrace(trace, {});
    expect(() => decodeTrace(bytes.subarray(0, 100), "t.mlh")).toThrow(UserError);
    bytes[bytes.length - 3] ^= 1;
    expect(() => decodeTrace(bytes, "t.mlh")).toThrow("[E-FILE-003]");
  });
});
