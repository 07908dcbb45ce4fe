import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import { simulateFile } from "../../src/cli/commands/simulate.js";
import { hasShared, readShared, sharedPath } from "../support/shared.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "simulate-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};
const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));

/** One neuron, one input: worked out by hand from the equations of design §4. */
const BY_HAND = {
  format: "lif-parity-1", n_inputs: 1, n_neurons: 1, steps: 5, decay_u: 2048, decay_v: 0, v_th_mant: 20, refractory: 2,
  weights: [[10]], recurrent_weights: [[-4]], weight_exp: 0, num_weight_bits: 8, sign_mode: 1, delays: [[1]], bias_mant: 3,
  bias_exp: 1, input_spikes: [[0, 0], [1, 0]], u: null, v: null, spikes: null,
};

describe("simulate", () => {
  it("answers a one-neuron case as worked out by hand", async () => {
    const out = join(folder, "out.json");
    await simulateFile({ case: write("hand.json", BY_HAND), output: out });
    // Row 2: u 640 (10·64, delay 1), v = 6 + 6 + 640 + 6; row 3: u 320 + 640, v = 658 + 966 > 1280: spike;
    // row 4: u = 480 − 4·64, v blocked.
    expect(read(out)).toMatchObject({
      u: [[0], [0], [640], [960], [224]], v: [[6], [12], [658], [0], [0]], spikes: [[0], [0], [0], [1], [0]],
    });
  });

  it.skipIf(!hasShared)("gives a whole file of SOEL cases back unchanged, answers computed anew", async () => {
    const out = join(folder, "soel.json");
    const { json } = await simulateFile({ case: sharedPath("golden/soel_chip.json"), output: out });
    expect(json).toMatchObject({ cases: 26, wraps: 25 });
    expect(read(out)).toEqual(readShared("golden/soel_chip.json"));
  });

  it.each([
    ["no case file", { format: "other" }, "E-CASE-001"],
    ["not JSON", "{", "E-CASE-001"],
    ["a missing field", { ...BY_HAND, steps: undefined }, "E-CASE-001"],
    ["a matrix of another shape", { ...BY_HAND, weights: [[10, 2]] }, "E-CASE-001"],
    ["a mantissa off the grid", { ...BY_HAND, weights: [[11]] }, "E-CASE-002"],
    ["more kinds of neurons than 128 cores hold", {
      ...BY_HAND, n_neurons: 1100, v_th_mant: Array.from({ length: 1100 }, (_, n) => n), recurrent_weights: null, delays: null,
      weights: Array.from({ length: 1100 }, () => [10]),
    }, "E-CASE-003"],
    ["a delay beyond the chip", { ...BY_HAND, delays: [[63]] }, "E-CASE-002"],
    ["a decay beyond the chip", { ...BY_HAND, decay_u: 4097 }, "E-CASE-002"],
  ])("refuses %s and writes nothing", async (_, content, code) => {
    const output = join(folder, "never.json");
    const error = await simulateFile({ case: write("bad.json", content), output }).then(() => null, (e: unknown) => e);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).code).toBe(code);
    expect(() => readFileSync(output)).toThrow();
  });
});
