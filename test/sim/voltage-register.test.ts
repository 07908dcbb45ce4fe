import { describe, expect, it } from "vitest";
import { loadMachine } from "../../sim/load.js";
import { VoltageRegister } from "../../sim/voltage-register.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { smallImage } from "../../src/interop/cases/small-network.js";

describe("the voltage register", () => {
  it.each([1, 3])("holds R·128 after a spike and counts down while R = %i blocks; the emulators' v is 0 there", async (refractory) => {
    const { image } = smallImage({
      name: "register", weightBits: 8, signMode: 1, wgtExp: 0, recurrent: null,
      neurons: [{ decayU: 4096, decayV: 0, vthMant: 150, refractory, biasMant: 0, biasExp: 0 }],
      inputs: [{ target: [0], mantissa: [100], delay: [0] }],
    }, { steps: 8, presentationSteps: 8, mode: "binary", chipSeed: 1 });
    const machine = await loadMachine(image, { seed: 1 });
    const view = new VoltageRegister(machine);
    const seen: number[] = [];
    const plain: number[] = [];
    machine.probe = (chip, r) => {
      view.probe(chip, r);
      seen.push(view.read(0, 0));
      plain.push(chip.cores[0].v[0]);
    };
    // Spikes arrive in steps 2, 3 and 7: v = 6400, then 12800 > 9600 fires in step 3. v keeps all (decay 0).
    await machine.present(framesOfSpikes([[0, 0], [1, 0], [5, 0]], 8), { learn: false, label: -1 });
    expect(plain).toEqual([0, 6400, 0, 0, 0, 0, 6400, 6400]);
    const down = Array.from({ length: refractory }, (_, k) => (refractory - k) * 128);
    expect(seen).toEqual([0, 6400, ...down, ...new Array<number>(4 - refractory).fill(0), 6400, 6400]);
  });
});
