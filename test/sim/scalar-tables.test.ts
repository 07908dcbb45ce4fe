import { describe, expect, it } from "vitest";
import { packCompartment, unpackCompartment } from "../../hw/compartment-word.js";
import { updateCompartments } from "../../sim/phases/compartments.js";
import { loadMachine } from "../../sim/load.js";
import { wrap } from "../../src/base/int.js";
import { biasParts, smallImage } from "../../src/interop/cases/small-network.js";
import { hasShared, readShared } from "../support/shared.js";

interface Tables {
  decay_int: { x: number[]; rows: { decay: number; offset: number; y: number[] }[] };
  overflow_signed: { bits: number; x: number[]; y: number[]; overflowed: number[] }[];
  bias_to_manexp: { bias: number[]; mant: number[]; exp: number[] };
}

describe.skipIf(!hasShared)("scalar tables of nengo-loihi", () => {
  const tables = hasShared ? readShared<Tables>("golden/scalar_tables_nengo.json") : null;

  it.each(["wasm", "typescript"] as const)("decay of u rounds toward zero for every decay and value (%s)", async (kernels) => {
    const { x, rows } = tables!.decay_int;
    for (const { decay, offset, y } of rows) {
      const { image } = smallImage({
        name: "decay", inputs: [], recurrent: null, weightBits: 8, signMode: 1, wgtExp: 0,
        neurons: x.map(() => ({ decayU: decay + offset, decayV: 0, vthMant: 131_071, refractory: 1, biasMant: 0, biasExp: 0 })),
      }, { steps: 1, presentationSteps: 1, mode: "binary", chipSeed: 1 });
      const { cores: [core] } = await loadMachine(image, { seed: 1, kernels });
      core.u.set(x);
      updateCompartments(core, 1, { activeUpdates: 0, inactiveUpdates: 0 } as never);
      expect(Array.from(core.u, (u) => u + 0), `decay ${decay} + ${offset}`).toEqual(y.map((value) => value + 0));
    }
  });

  it("signed overflow wraps as two's complement", () => {
    for (const { bits, x, y, overflowed } of tables!.overflow_signed) {
      // The peer calls the edge −2^bits no overflow, as do we; its flag for +2^bits is set.
      expect(x.map((value) => wrap(value, bits + 1))).toEqual(y);
      expect(x.map((value) => (wrap(value, bits + 1) === value ? 0 : 1))).toEqual(overflowed);
    }
  });

  it("biases come out of their word as they went in", () => {
    const { mant, exp } = tables!.bias_to_manexp;
    mant.forEach((biasMant, k) => {
      const config = { biasMant, biasExp: exp[k], vthProfile: 7, profile: 31 };
      expect(unpackCompartment(packCompartment(config))).toEqual(config);
      const ours = biasParts(biasMant * 2 ** exp[k]);
      expect(ours.biasMant * 2 ** ours.biasExp).toBe(biasMant * 2 ** exp[k]);
    });
  });
});
