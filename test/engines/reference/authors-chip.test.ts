import { describe, expect, it } from "vitest";
import { drawBits } from "../../../src/base/rng.js";
import { PlasticLayer } from "../../../src/engines/reference/plastic-layer.js";
import { plasticRule } from "../../../src/engines/reference/plastic-rule.js";
import { smallSoel } from "./random-networks.js";

/** Design §6, `authors-chip`, written out once more with BigInt for one synapse: x2 − x1 with each product
 *  shifted by itself. */
function expectedWeight(w: number, x1: number, x2: number, error: number, draw: number): number {
  const clip16 = (x: bigint): bigint => (x > 32767n ? 32767n : x < -32768n ? -32768n : x);
  const product = (m: bigint, x: number): bigint => clip16(((m * BigInt(x) * BigInt(error)) >> 3n) << 3n);
  const a = clip16(clip16(128n * BigInt(w) + product(1n, x2)) + product(-1n, x1));
  const rounded = Number(((a + BigInt(draw)) >> 8n) << 1n);
  return Math.min(254, Math.max(-256, rounded));
}

describe("SOEL as in the authors' public simulator", () => {
  const [J, K, S, seed] = [3, 2, 60, 5];
  const soel = { ...smallSoel, form: "authors-chip", windowSteps: 20 } as const;
  const rule = plasticRule(soel, { hi: 0, lo: 0, theta: 1, rateMant: 1, rateExp: -4, traceDecay: 0 });
  const neuron = { decayU: 4096, decayV: 4096, vthMant: 100, refractory: 1, biasExp: 0 };
  const arrivals = new Uint16Array(S * J);
  for (let r = 2; r <= 50; r++) arrivals[(r - 1) * J + (r % J)] = 1;
  const layer = new PlasticLayer(
    J,
    K,
    neuron,
    { bits: 8, signMode: "mixed", wgtExp: 0 },
    Int16Array.from([60, -20, 10, 0, 40, 8]),
    [0, 0],
    rule,
    [true, true],
    seed,
  );
  const tape = layer.present(arrivals, S, 1, () => {});

  it("writes 20 + 10 − spikes to the target alone, where it passes the growing threshold", () => {
    const written = tape.events.map(({ r, errors }) => [r, errors[0].e, errors[1].e]);
    // Output 1 never fires: error 10 at each window, thresholds 0, 1, 2.
    expect(tape.population.spikes.filter((s, k) => s && k % K === 1).length).toBe(0);
    expect(written).toEqual([
      [20, 0, 10],
      [40, 0, 10],
      [60, 0, 10],
    ]);
    expect([...tape.y1].filter((y) => y !== 20)).toEqual([30, 30, 30]);
  });

  it("moves each weight by x2·e − x1·e, each product shifted by itself", () => {
    tape.events.forEach(({ r }, k) => {
      const [before, after] = [tape.weights[k].mantissa, tape.weights[k + 1].mantissa];
      for (let j = 0; j < J; j++) {
        const [x1, x2] = tape.traces.map((trace) => trace[(r - 1) * J + j]);
        expect(after[j]).toBe(before[j]);
        expect(after[J + j]).toBe(expectedWeight(before[J + j], x1, x2, 10, drawBits(8, seed, 2, r, J + j)));
      }
    });
  });

  it("has traces of impulse 40 with τ 3 and τ 5, on streams 1 and 3", () => {
    const decay = [3, 5].map((tau) => Math.round(65536 * Math.exp(-1 / tau)));
    [1, 3].forEach((stream, k) => {
      let x = 0;
      for (let r = 1; r <= S; r++) {
        const arrived = arrivals[(r - 1) * J];
        x = Math.min(127, ((x * decay[k] + drawBits(16, seed, stream, r, 0)) >> 16) + 40 * arrived);
        expect(tape.traces[k][(r - 1) * J]).toBe(x);
      }
    });
  });
});
