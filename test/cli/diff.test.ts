import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { diffTraces } from "../../src/cli/commands/diff.js";
import { encodeTrace } from "../../src/replay/trace-file.js";
import type { PresentationTrace } from "../../sim/trace.js";
import { copyTrace, handTrace } from "../parity/records.js";

const folder = mkdtempSync(join(tmpdir(), "metaloihi-diff-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, presentations: PresentationTrace[], layerNames = ["hidden", "output"]): string => {
  const path = join(folder, name);
  writeFileSync(path, encodeTrace({ source: name, layerNames, chipSeed: 1, presentations }, {}));
  return path;
};

describe("diff", () => {
  const a = write("a.trace", [handTrace]);

  it("finds no difference between equal traces", () => {
    expect(diffTraces({ a, b: write("same.trace", [copyTrace(handTrace)]) })).toMatchObject({
      failed: false, json: { differences: 0, first: null },
    });
  });

  it("names step, layer, neuron, quantity and both values of the first difference, and fails", () => {
    const other = copyTrace(handTrace);
    other.u[4] = 41; // step 3, output 0
    const result = diffTraces({ a, b: write("other.trace", [other]) });
    expect(result).toMatchObject({
      failed: true,
      json: { differences: 1, first: { step: 3, layer: "output", neuron: 0, quantity: "u", a: 40, b: 41 } },
    });
    expect(result.text).toContain('step 3, layer "output", neuron 0: u 40 against 41; "hidden" fired in step 2: neurons 0 4 against 0 4');
  });

  it("refuses traces of different runs in one sentence (E-DIFF-001)", () => {
    expect(() => diffTraces({ a, b: write("two.trace", [handTrace, handTrace]) })).toThrow("1 presentations against 2");
    expect(() => diffTraces({ a, b: write("names.trace", [handTrace], ["x", "y"]) })).toThrow("[E-DIFF-001]");
  });

  it("refuses a file that is no trace, naming it", () => {
    const path = join(folder, "text.txt");
    writeFileSync(path, "hello");
    expect(() => diffTraces({ a, b: path })).toThrow(`${path}: not a metaloihi file`);
  });
});
