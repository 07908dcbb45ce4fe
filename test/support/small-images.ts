import type { ChipImage } from "../../hw/image.js";
import { type SoelChipCase, soelChipImage } from "../../src/interop/cases/soel-chip.js";
import { smallImage } from "../../src/interop/cases/small-network.js";

/** A SOEL case without answers; one changes what a test is about. */
export const soelCase = (given: Partial<SoelChipCase> = {}): SoelChipCase => ({
  name: "small", J: 6, K: 3, T: 18, S: 20, bits: 8, wgtExp: 0, vthMant: 300, decayU: 1024, decayV: 410, refractory: 1, bias: [0, 64, -3],
  seed: 99, plasticIndex: 0, dx: 59_299, imp: 30, tepoch: 1, k: 2, W: 4, gamma: 3, theta: 1, hi: 3, lo: 0, m: 3, s: -2,
  assigned: "111", w0: Array.from({ length: 18 }, (_, n) => ((n * 37) % 60) * 2 - 20), presentations: [], ...given,
});

/** One core with a plastic layer of three outputs. */
export const plasticImage = (): ChipImage => soelChipImage(soelCase());

/** Two cores, delays, recurrent synapses, several profiles. */
export const recurrentImage = (): ChipImage => smallImage({
  name: "recurrent", weightBits: 6, signMode: 1, wgtExp: 1,
  neurons: Array.from({ length: 12 }, (_, n) => ({
    decayU: n < 7 ? 300 + n : 0, decayV: n < 7 ? 100 : 4096, vthMant: 200 + 10 * n, refractory: 1 + (n % 3), biasMant: n * 20, biasExp: n % 4,
  })),
  inputs: Array.from({ length: 5 }, (_, i) => ({
    target: [i, i + 3, i + 7], mantissa: [40, -24, 8 * i], delay: [0, i, 5],
  })),
  recurrent: Array.from({ length: 12 }, (_, n) => ({ target: [(n + 1) % 12, (n + 5) % 12], mantissa: [64, -32], delay: [0, 0] })),
}, { steps: 30, presentationSteps: 30, mode: "counts", chipSeed: 5 }).image;
