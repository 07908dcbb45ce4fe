import { describe, expect, it } from "vitest";
import { assembleRules } from "../../hw/assembler.js";
import { encodeMicrocode } from "../../hw/microcode.js";
import type { ChipImage, CoreImage } from "../../hw/image.js";
import { loadMachine } from "../../sim/load.js";
import { SimulatedAccess } from "../../sim/neuro-core-access.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { smallImage } from "../../src/interop/cases/small-network.js";
import { plasticImage } from "../support/small-images.js";

const withCore = (change: (core: CoreImage) => Partial<CoreImage>): ChipImage => {
  const image = plasticImage();
  return { ...image, cores: [{ ...image.cores[0], ...change(image.cores[0]) }] };
};

describe("what the strict simulator refuses", () => {
  it("an address that is not there (E-SIM-004) and a trace beyond 7 bits (E-SIM-005), with the place", async () => {
    const access = new SimulatedAccess(await loadMachine(plasticImage(), { seed: 1 }));
    expect(() => access.readU(0, 5, 0)).toThrow(/core 5, compartment 0.*E-SIM-004/);
    expect(() => access.readV(0, 0, 3)).toThrow(/compartment 3.*E-SIM-004/);
    expect(() => access.writePostTrace(0, 0, 1, 128)).toThrow(/compartment 1.*y1 = 128.*E-SIM-005/);
  });

  it("a product that would not be exact (E-SIM-007)", async () => {
    const microcode = encodeMicrocode(assembleRules({ dw: "u2*x1*x1*x1*x1*y1*y1*y1*y1" }).products);
    const image = withCore((core) => ({ learning: { ...core.learning!, microcode } }));
    await expect(loadMachine(image, { seed: 1 })).rejects.toThrow(/60 bits.*E-SIM-007/);
  });

  it("u + bias beyond 24 bits though u fits (E-SIM-003)", async () => {
    // 254·2^7·64 = 2,080,768 a spike, no decay: after four of them u = 8,323,072 fits, u + 524,160 does not.
    const { image } = smallImage({
      name: "drive", weightBits: 8, signMode: 1, wgtExp: 7, recurrent: null,
      neurons: [{ decayU: 0, decayV: 4096, vthMant: 131_071, refractory: 1, biasMant: 4095, biasExp: 7 }],
      inputs: [{ target: [0], mantissa: [254], delay: [0] }],
    }, { steps: 6, presentationSteps: 6, mode: "binary", chipSeed: 1 });
    const machine = await loadMachine(image, { seed: 1 });
    const frames = framesOfSpikes([[0, 0], [1, 0], [2, 0], [3, 0]], 6);
    await expect(machine.present(frames, { learn: false, label: -1 })).rejects.toThrow(/compartment 0, step 5: u\+bias = 8847232.*E-SIM-003/);
  });

  it("more arrivals in a step than a sum can hold (E-SIM-010)", async () => {
    const image = plasticImage();
    const machine = await loadMachine({ ...image, contract: { ...image.contract, mode: "counts" } }, { seed: 1, onOverflow: "wrap" });
    const frames = { rowStart: Uint32Array.of(0, 2), channel: Uint32Array.of(0, 1), count: Uint16Array.of(65_535, 1) };
    await expect(machine.present(frames, { learn: false, label: -1 })).rejects.toThrow(/step 2: 65536 spikes.*E-SIM-010/);
  });

  it("a padding compartment that fires (E-SIM-011) or overflows, as a compiler bug; the lenient chip goes on", async () => {
    const image = (mantissa: number, wgtExp: number) => {
      const made = smallImage({
        name: "padding", weightBits: 8, signMode: 1, wgtExp, recurrent: null,
        neurons: [0, 1].map(() => ({ decayU: 0, decayV: 4096, vthMant: 100, refractory: 1, biasMant: 0, biasExp: 0 })),
        inputs: [{ target: [1], mantissa: [mantissa], delay: [0] }],
      }, { steps: 8, presentationSteps: 8, mode: "binary", chipSeed: 1 }).image;
      return { ...made, symbols: made.symbols.map((range) => ({ ...range, neurons: Int32Array.of(0, -1) })) };
    };
    const frames = framesOfSpikes([0, 1, 2, 3, 4, 5, 6].map((t) => [t, 0] as const), 8);
    const message = { learn: false, label: -1 };
    const strict = await loadMachine(image(200, 0), { seed: 1 });
    await expect(strict.present(frames, message)).rejects.toThrow(/compartment 1, step 2: a padding compartment fired.*E-SIM-011/);
    const lenient = await loadMachine(image(200, 0), { seed: 1, onOverflow: "wrap" });
    expect((await lenient.present(frames, message)).spikes[0].step).toHaveLength(0);
    const negative = await loadMachine(image(-256, 7), { seed: 1 });
    await expect(negative.present(frames, message)).rejects.toThrow(/in a padding compartment.*compiler bug.*E-SIM-002/s);
  });

  it("a reward for a core that has none (E-SIM-005)", async () => {
    const machine = await loadMachine(plasticImage(), { seed: 1 });
    expect(() => machine.reward(0, 0)).toThrow(/E-SIM-005/);
  });

  it("two learning axons that share a list (E-SIM-008)", async () => {
    const image = withCore((core) => ({
      inputAxons: core.inputAxons.map((axon) => ({ ...axon, synapsePtr: core.inputAxons[0].synapsePtr })),
    }));
    await expect(loadMachine(image, { seed: 1 })).rejects.toThrow(/learning axons 0 and 1.*E-SIM-008/);
  });
});
