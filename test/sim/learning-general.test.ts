import { describe, expect, it } from "vitest";
import { assembleRules, type RuleText } from "../../hw/assembler.js";
import type { ChipImage, SynapseFormat } from "../../hw/image.js";
import { encodeMicrocode, type Product } from "../../hw/microcode.js";
import { packLists, splitIntoEntries } from "../../hw/synapse-words.js";
import { loadMachine } from "../../sim/load.js";
import { concatBytes } from "../../src/base/bytes.js";
import { draw32, Rng } from "../../src/base/rng.js";
import { soelChipImage } from "../../src/interop/cases/soel-chip.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { soelCase } from "../support/small-images.js";

const J = 5;
const K = 3;
const SEED = 31;
const BITS: Record<string, bigint> = { x0: 1n, y0: 1n, r0: 1n, x1: 7n, x2: 7n, y1: 7n, y2: 7n, y3: 7n, r1: 7n, w: 9n, d: 9n, t: 9n };
const TRACE = { decay: 60_000, impulse: 40, impulseFraction: 0 };

interface Setting { rule: RuleText; tepoch: number; tagBits: number; dlyBits: number; rewards?: boolean }

function imageOf({ rule, tepoch, tagBits, dlyBits, rewards }: Setting): ChipImage {
  const { products, decimateExp } = assembleRules(rule, { rewards });
  const image = soelChipImage(soelCase({ J, K, T: 30, S: 32, k: 0, W: 4, w0: new Array<number>(J * K).fill(0), vthMant: 150 }));
  const [core] = image.cores;
  const format: SynapseFormat = { ...core.synapseFormats[0], dlyBits, tagBits };
  const rng = new Rng(8, 0x20004);
  const lists = Array.from({ length: J }, () => packLists([format], [splitIntoEntries(
    format, 1, [0, 1, 2], [0, 1, 2].map(() => 2 * (rng.below(120) - 30)), [0, 1, 2].map(() => (dlyBits ? rng.below(2 ** dlyBits) : 0)),
    [0, 1, 2].map(() => (tagBits ? rng.below(9) - 4 : 0)),
  )]));
  return {
    ...image,
    embedded: { ...image.embedded, form: "readout" },
    cores: [{
      ...core, tepoch, delayBits: dlyBits, synapseFormats: [format], synapseMemory: concatBytes(lists.map((list) => list.words)),
      inputAxons: core.inputAxons.map((axon, j) => ({ ...axon, synapsePtr: lists.slice(0, j).reduce((sum, l) => sum + l.synapseLen, 0), synapseLen: lists[j].synapseLen })),
      learning: {
        ...core.learning!, preTrace: [TRACE], preTrace2: [{ ...TRACE, decay: 30_000 }], postTrace: [TRACE, { ...TRACE, decay: 50_000 }, TRACE],
        rewardTrace: TRACE, resetPreTrace: false,
        stdpProfiles: [{ pointer: 0, numProducts: products.length, decimateExp: decimateExp ?? 0, requireY: false }],
        microcode: encodeMicrocode(products),
      },
    }],
  };
}

const clip = (x: bigint, low: bigint, high: bigint) => (x < low ? low : x > high ? high : x);

/** One product by design §6, in BigInt: floor shift, then up, saturated. */
function bigProduct(product: Product, values: Record<string, number>): bigint {
  let raw = BigInt(product.mantissa);
  let bits = 4n;
  for (const { variable, constant, sign } of product.factors) {
    const sum = BigInt(values[variable] + (constant ?? 0));
    const width = sign ? 1n : BITS[variable];
    bits += width;
    raw *= sign ? (sum > 0n ? 1n : sum < 0n ? -1n : 0n) : clip(sum, -(1n << width), (1n << width) - 1n);
  }
  const down = bits > 15n ? bits - 15n : 0n;
  return clip((raw >> down) << BigInt(product.exponent + 7), -32768n, 32767n);
}

const round = (acc: bigint, random: number, lsb: bigint) => {
  const n = 7n + lsb;
  return Number(((acc + (BigInt(random) >> (32n - n))) >> n) << lsb);
};

describe("sums of products on weights, delays and tags", () => {
  it.each<[string, Setting]>([
    ["eligibility by tags", { rule: { dw: "u0*t*y2*2^-6", dt: "2^-1*x1*y0 - 2^-2*t*u0" }, tepoch: 1, tagBits: 9, dlyBits: 0 }],
    ["an epoch of 4 steps", { rule: { dw: "2^-3*x1*y0 - 2^-2*y1*x0 + u1*3" }, tepoch: 4, tagBits: 0, dlyBits: 0 }],
    ["delays, and the weight's sign", { rule: { dw: "x0*sgn(w)*7 - y0*(x2+3)*2^-1", dd: "x0*y1*2^-2 - 2*y0" }, tepoch: 2, tagBits: 0, dlyBits: 3 }],
    ["rewards", { rule: { dw: "2^2*u0*r1*t", dt: "x0*4 - u0*r0*8" }, tepoch: 2, tagBits: 6, dlyBits: 0, rewards: true }],
  ])("equal the same rule in BigInt at every epoch: %s", async (_, setting) => {
    const image = imageOf(setting);
    const { rule: text, tepoch, tagBits, dlyBits, rewards } = setting;
    const { products, decimateExp } = assembleRules(text, { rewards });
    const machine = await loadMachine(image, { seed: SEED, onOverflow: "wrap" });
    const rng = new Rng(4, 0x20005);
    const frames = framesOfSpikes(Array.from({ length: 60 }, () => [rng.below(30), rng.below(J)] as const), 30);
    const [core] = machine.cores;
    const learning = core.learning!;
    const { plastic } = learning;
    // What each epoch saw, kept outside: spikes' last step, traces by step.
    let history: { x1: number[]; x2: number[]; y: number[][] }[] = [];
    let pre: number[] = new Array<number>(J).fill(0);
    let post: number[] = new Array<number>(K).fill(0);
    let expected: { w: number; d: number; t: number }[] | null = null;
    let changes = 0;
    const synapses = () => Array.from(plastic.synapse, (k, s) => ({ w: plastic.mantissa[s], d: core.synapses.delay[k], t: plastic.tag[s] }));
    machine.probe = ({ time }) => {
      if (expected !== null) expect(synapses(), `after step ${time - 1}`).toEqual(expected);
      expected = null;
      const step = ((time - 1) % tepoch) + 1;
      if (step === 1) [history, pre, post] = [[], pre.fill(0), post.fill(0)];
      for (let a = 0; a < core.arrivals.count; a++) pre[core.arrivals.items[a] >>> 10] = step;
      for (let f = 0; f < core.fired.count; f++) post[core.fired.items[f]] = step;
      history[step] = { x1: [...learning.x1], x2: [...learning.x2], y: learning.y.map((y) => [...y]) };
      if (step < tepoch) return;
      const before = synapses();
      expected = before.map((old, s) => {
        const j = plastic.row[s];
        const i = Math.floor(s / J);
        const sums = { w: BigInt(old.w) << 7n, d: BigInt(old.d) << 7n, t: BigInt(old.t) << 7n };
        for (const product of products) {
          const at = product.dependency === "x0" ? pre[j] : product.dependency === "y0" ? post[i]
            : time % (tepoch * 2 ** (decimateExp ?? 0)) === 0 ? tepoch : 0;
          if (at === 0) continue;
          const { x1, x2, y } = history[at];
          const p = bigProduct(product, {
            x0: pre[j] > 0 ? 1 : 0, y0: post[i] > 0 ? 1 : 0, x1: x1[j], x2: x2[j], y1: y[0][i], y2: y[1][i], y3: y[2][i],
            r0: learning.reward[0], r1: learning.reward[1], ...old,
          });
          sums[product.target] = clip(sums[product.target] + p, -32768n, 32767n);
        }
        const random = (stream: number) => draw32(SEED, stream, time, i * J + j);
        const limit = (x: number, low: number, high: number) => Math.max(low, Math.min(high, x));
        return {
          w: limit(round(sums.w, random(2), 1n), -256, 254),
          d: dlyBits ? limit(round(sums.d, random(7), 0n), 0, 2 ** dlyBits - 1) : 0,
          t: tagBits ? limit(round(sums.t, random(8), 0n), -(2 ** (tagBits - 1)), 2 ** (tagBits - 1) - 1) : 0,
        };
      });
      changes += expected.filter((e, s) => JSON.stringify(e) !== JSON.stringify(before[s])).length;
    };
    for (let n = 0; n < 4; n++) {
      await machine.begin(frames, { learn: false, label: -1 });
      do if (rewards && rng.below(5) === 0) machine.reward(0, 0);
      while (await machine.step());
      machine.finish();
    }
    expect(changes).toBeGreaterThan(40);
  });
});
