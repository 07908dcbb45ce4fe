import { describe, expect, it } from "vitest";
import { loadMachine } from "../../sim/load.js";
import { narrowWeights } from "../../sim/narrow-weights.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { smallImage } from "../../src/interop/cases/small-network.js";

const INPUTS = 600;
const NEURONS = 11;

/** All inputs to all neurons with one mantissa. */
const imageOf = (mantissa: (j: number, i: number) => number, wgtExp: number) => smallImage({
  name: "narrow", weightBits: 8, signMode: 1, wgtExp, recurrent: null,
  neurons: Array.from({ length: NEURONS }, () => ({ decayU: 4096, decayV: 4096, vthMant: 131_071, refractory: 1, biasMant: 0, biasExp: 0 })),
  inputs: Array.from({ length: INPUTS }, (_, j) => ({
    target: Array.from({ length: NEURONS }, (_, i) => i), mantissa: Array.from({ length: NEURONS }, (_, i) => mantissa(j, i)),
    delay: new Array<number>(NEURONS).fill(0),
  })),
}, { steps: 3, presentationSteps: 3, mode: "counts", chipSeed: 1 }).image;

async function uAfter(image: ReturnType<typeof imageOf>, kernels: "wasm" | "typescript", inputs: number) {
  const machine = await loadMachine(image, { seed: 1, kernels, onOverflow: "wrap" });
  await machine.begin(framesOfSpikes(Array.from({ length: inputs }, (_, j) => [0, j] as const), 3), { learn: false, label: -1 });
  await machine.step();
  await machine.step();
  return { u: [...machine.cores[0].u], overflows: machine.overflows.map(({ quantity, compartment }) => `${quantity} ${compartment}`), counts: { ...machine.counts } };
}

describe("weights as bytes", () => {
  it("are those of the core: −256…254 in steps of 2 leave one bit out; odd multiples of a wide range do not fit", async () => {
    const cores = async (mantissa: (j: number) => number, wgtExp: number) =>
      (await loadMachine(imageOf(mantissa, wgtExp), { seed: 1, kernels: "typescript" })).cores[0];
    expect(narrowWeights(await cores((j) => (j % 2 ? -256 : 254), 0))?.shift).toBe(1);
    expect(narrowWeights(await cores((j) => (j % 2 ? -256 : 254), 3))?.shift).toBe(4);
    expect(narrowWeights(await cores((j) => (j % 2 ? -8 : 6), -1))?.shift).toBe(0);
    // 254·2^−0 beside an odd unit: −256 >> 1 = −128 and 127 fit, but 2·2^−1 = 1 beside −256·2^7 would lose its bit.
    const mixed = await cores((j) => (j % 2 ? -256 : 254), 0);
    mixed.synapses.weight[0] = 1;
    expect(narrowWeights(mixed)).toBeNull();
  });

  it("sum exactly when more spikes arrive than 16 bits hold: 600 times −256 = −153,600 units, in BigInt's wrap", async () => {
    const image = imageOf(() => -256, 0);
    const wasm = await uAfter(image, "wasm", INPUTS);
    // q in 22 bits: −153,600·64 = −9,830,400, wrapped.
    const q = Number(BigInt.asIntN(22, -153_600n * 64n));
    expect(wasm.u).toEqual(new Array<number>(NEURONS).fill(q));
    expect(wasm.overflows).toHaveLength(NEURONS);
    expect(await uAfter(image, "typescript", INPUTS)).toEqual(wasm);
  });

  it.each([1, 8, 254, 255, 256, 511, 600])("equal the twin for %i arrivals of mixed weights", async (arrivals) => {
    const image = imageOf((j, i) => 2 * (((j * 37 + i * 101) % 255) - 127), 2);
    expect(await uAfter(image, "wasm", arrivals)).toEqual(await uAfter(image, "typescript", arrivals));
  });
});
