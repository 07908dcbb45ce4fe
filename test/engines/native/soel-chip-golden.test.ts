import { describe, expect, it } from "vitest";
import { createEngine } from "../../../src/engines/create.js";
import { TASK_FLAG } from "../../../src/engines/native/loihi/binding.js";
import type { PresentationArrays } from "../../../src/engines/native/loihi/binding.js";
import { nativeLoihiKernels } from "../../../src/engines/native/native-engine.js";
import { hasShared, readShared } from "../../support/shared.js";
import { randomCase } from "../reference/random-networks.js";

interface Presentation {
  learn: number; label: number; frames: string; u: number[]; v: number[]; spikes: string; x1: string; c: string;
  y1: number[]; w: number[]; N: number[]; decision: number; wraps: [number, string, number][];
}
interface ChipCase {
  name: string; J: number; K: number; T: number; S: number; bits: number; wgtExp: number; vthMant: number; decayU: number;
  decayV: number; refractory: number; bias: number[]; seed: number; plasticIndex: number; dx: number; imp: number;
  tepoch: number; k: number; W: number; gamma: number; theta: number; hi: number; lo: number; m: number; s: number;
  assigned: string; w0: number[]; presentations: Presentation[];
}

const { cases } = hasShared ? readShared<{ cases: ChipCase[] }>("golden/soel_chip.json") : { cases: [] };
const hasNative = await createEngine(randomCase(1, { neuronModel: "loihi", mode: "binary" }).spec, { engine: "native" })
  .then(({ engine }) => (engine.dispose(), true), () => false);
const bits = (text: string): number[] => [...text].map(Number);
const hexPairs = (text: string): number[] => (text.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
const QUANTITIES = ["q", "u", "u+bias"];

/** A network of the plastic layer alone on J channels of one pixel; the engine interface has no word for an output without
 *  a class in between, for m < 0 or for another plastic layer's streams, so the kernels are called as the engine calls them. */
async function run(c: ChipCase) {
  const kernels = nativeLoihiKernels();
  const rows = [...new Array<number>(13).fill(0), c.decayU, c.decayV, c.vthMant * 64, c.refractory];
  const head = [0, c.T, c.S, 1, c.J, 1, 1, c.K, c.bits, c.wgtExp, 1, 0];
  const handle = kernels.create(Int32Array.from(head), Int32Array.from(rows), new Int32Array(1));
  const streams = [16 * c.plasticIndex + 1, 16 * c.plasticIndex + 2];
  const rule = [c.tepoch * 2 ** c.k, c.W, c.gamma, c.imp, c.dx, 1, c.hi, c.lo, c.theta, c.m, c.s, ...streams];
  kernels.rule(handle, Int32Array.from(rule), Float64Array.of(0.5, 1, 0, 1, 1));
  kernels.parameters(handle, Int16Array.from(c.w0), Int32Array.from(c.bias));
  const support = c.presentations.filter((p) => p.learn);
  const query = c.presentations.filter((p) => !p.learn);
  kernels.task(handle, {
    support: support.length, query: query.length, flags: TASK_FLAG.learn + TASK_FLAG.keepHidden + TASK_FLAG.record, seed: c.seed,
    order: Int32Array.from(support.keys()), supportLabels: Int32Array.from(support, (p) => p.label),
    queryLabels: Int32Array.from(query, (p) => p.label), assigned: Uint8Array.from(bits(c.assigned)),
  });
  [...support, ...query].forEach(({ frames }, index) => {
    const on = bits(frames);
    const rowStart = new Uint32Array(c.T + 1);
    const channel: number[] = [];
    for (let f = 0; f < c.T; f++) {
      for (let j = 0; j < c.J; j++) if (on[f * c.J + j]) channel.push(j);
      rowStart[f + 1] = channel.length;
    }
    kernels.sample(handle, index, rowStart, Uint32Array.from(channel), new Uint16Array(channel.length).fill(1));
  });
  await kernels.run(handle);
  const results = c.presentations.map((_, index) => {
    const [sk, sj] = [c.S * c.K, c.S * c.J];
    const out: PresentationArrays = {
      u: new Int32Array(sk), v: new Int32Array(sk), spike: new Uint8Array(sk), y1: new Uint8Array((c.S / (c.tepoch * 2 ** c.k)) * c.K),
      x1: new Uint8Array(sj), counter: new Int32Array(sk), weights: new Int16Array(c.K * c.J), totals: new Int32Array(c.K),
    };
    return { ...out, decision: kernels.presentation(handle, index, out), wraps: kernels.wraps(handle, index) };
  });
  kernels.dispose(handle);
  return results;
}

// Outside witness: PyTorch float64 and plain Python integers (golden/README.md).
describe.skipIf(!hasShared || !hasNative)("the native plastic layer agrees with soel_chip.json in every integer", () => {
  it("is given presentations with learning first, as the kernels run them in that order", () => {
    expect(cases.length).toBeGreaterThan(0);
    for (const c of cases) {
      const learn = c.presentations.map((p) => p.learn);
      expect(learn).toEqual([...learn].sort((a, b) => b - a));
    }
  });

  it.each(cases.map((c) => [c.name, c] as const))("%s", async (_, c) => {
    const found = await run(c);
    c.presentations.forEach((expected, k) => {
      const p = found[k];
      expect([...p.u]).toEqual(expected.u);
      expect([...p.v]).toEqual(expected.v);
      expect([...p.spike]).toEqual(bits(expected.spikes));
      // A query's x1 is read by nothing: the kernels do not compute it.
      if (expected.learn) expect([...p.x1]).toEqual(hexPairs(expected.x1));
      expect([...p.counter]).toEqual(hexPairs(expected.c));
      expect([...p.y1]).toEqual(expected.y1);
      expect([...p.weights]).toEqual(expected.w);
      expect([...p.totals]).toEqual(expected.N);
      expect(p.decision).toBe(expected.decision);
      const wraps: string[] = [];
      for (let at = 0; at < p.wraps.length; at += 5) {
        const [, quantity, step, output] = p.wraps.subarray(at, at + 5);
        wraps.push(String([step, QUANTITIES[quantity], output]));
      }
      expect(wraps.sort()).toEqual(expected.wraps.map(String).sort());
    });
  });
});
