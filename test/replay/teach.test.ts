import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import type { ChipImage } from "../../hw/image.js";
import { decodeTaught, encodeTaught } from "../../src/replay/taught-state.js";
import { classify, teach } from "../../src/replay/teach.js";
import { fakeImage, fakeLoader, INPUTS, sampleOf } from "./fake-chip.js";

const wave = { name: "wave", samples: [sampleOf(0, 1)] };
const nod = { name: "nod", samples: [sampleOf(2, 3)] };
const shake = { name: "shake", samples: [sampleOf(1, 3)] };
const seed = 3;

describe("teach", () => {
  it("gives each class the lowest free output and tells the chip which outputs take part", async () => {
    const { chips, load } = fakeLoader();
    const result = await teach(fakeImage, null, [wave, nod], { load, seed });
    expect(result.state.classes).toEqual([
      { name: "wave", output: 0, samples: 1 }, { name: "nod", output: 1, samples: 1 },
    ]);
    expect(result.newOutputs).toEqual([0, 1]);
    expect(chips[0].messages.map((m) => [m.learn, ...(m.assigned ?? [])])).toEqual(Array(2).fill([true, 1, 1, 0]));
    expect(result.weightsChanged).toBe(8);
    expect([...result.changedByOutput]).toEqual([4, 4, 0]);
  });

  it("leaves the outputs of earlier lessons alone, bit for bit", async () => {
    const { load } = fakeLoader();
    const first = await teach(fakeImage, null, [wave, nod], { load, seed });
    const second = await teach(fakeImage, first.state, [shake], { load, seed });
    expect(second.state.classes.map((c) => [c.name, c.output])).toEqual([["wave", 0], ["nod", 1], ["shake", 2]]);
    expect(second.state.weights.subarray(0, 2 * INPUTS)).toEqual(first.state.weights.subarray(0, 2 * INPUTS));
    expect(second.weightsChanged).toBe(2);
    expect(second.newOutputs).toEqual([2]);
  });

  it("continues on the saved chip: same seed and time go on", async () => {
    const { chips, load } = fakeLoader();
    const first = await teach(fakeImage, null, [wave], { load, seed });
    await teach(fakeImage, first.state, [nod], { load, seed: 99 });
    expect(chips[1].options.seed).toBe(first.state.chipSeed);
    expect(chips[1].time).toBe(8);
  });

  it("adds further samples of a known class to its own output", async () => {
    const { load } = fakeLoader();
    const first = await teach(fakeImage, null, [wave, nod], { load, seed });
    const again = await teach(fakeImage, first.state, [{ name: "wave", samples: [sampleOf(7)] }], { load, seed });
    expect(again.state.classes).toEqual([{ name: "wave", output: 0, samples: 2 }, { name: "nod", output: 1, samples: 1 }]);
    expect(again.newOutputs).toEqual([]);
  });

  it("shows the samples as often as the image says", async () => {
    const { chips, load } = fakeLoader();
    const twice = { ...fakeImage, contract: { ...fakeImage.contract, passes: 2 } } as ChipImage;
    await teach(twice, null, [wave, nod], { load, seed });
    expect(chips[0].messages).toHaveLength(4);
    expect(chips[0].messages.map((m) => m.label).sort()).toEqual([0, 0, 1, 1]);
  });

  it("refuses a class for which no output is free (E-TEACH-001)", async () => {
    const { load } = fakeLoader();
    const first = await teach(fakeImage, null, [wave, nod], { load, seed });
    const error = await teach(fakeImage, first.state, [shake, { name: "jump", samples: [sampleOf(6)] }], { load, seed }).catch((e) => e);
    expect(error).toBeInstanceOf(UserError);
    expect(error.code).toBe("E-TEACH-001");
    expect(error.message).toContain('class "jump": 2 new classes, and 1 of 3 outputs free');
  });

  it("refuses an image without a learning layer (E-TEACH-002)", async () => {
    const still = { ...fakeImage, layers: fakeImage.layers.map((l) => ({ ...l, plastic: false })) } as ChipImage;
    await expect(teach(still, null, [wave], { load: fakeLoader().load, seed })).rejects.toMatchObject({ code: "E-TEACH-002" });
  });
});

describe("classify", () => {
  it("answers with the user's names, among taught classes only, learning off", async () => {
    const { chips, load } = fakeLoader();
    const { state } = await teach(fakeImage, null, [wave, nod], { load, seed });
    const answers = await classify(fakeImage, state, [sampleOf(1), sampleOf(3), sampleOf(6)], { load });
    expect(answers.map((a) => a.name)).toEqual(["wave", "nod", "wave"]);
    expect(chips[1].messages.every((m) => !m.learn && m.assigned?.[2] === 0)).toBe(true);
  });

  it("does not depend on what was asked before", async () => {
    const { load } = fakeLoader();
    const { state } = await teach(fakeImage, null, [wave, nod], { load, seed });
    const [, second] = await classify(fakeImage, state, [sampleOf(3), sampleOf(1)], { load });
    const [alone] = await classify(fakeImage, state, [sampleOf(1)], { load });
    expect(second.trace).toEqual(alone.trace);
  });
});

describe("taught.mlh", () => {
  it("survives a power cycle to the same bits", async () => {
    const { state } = await teach(fakeImage, null, [wave, nod], { load: fakeLoader().load, seed });
    expect(decodeTaught(encodeTaught(state, "h1"), "h1", "taught.mlh")).toEqual(state);
  });

  it("is refused beside another image (E-TEACH-006), and when any byte of it is damaged", async () => {
    const { state } = await teach(fakeImage, null, [wave], { load: fakeLoader().load, seed });
    const bytes = encodeTaught(state, "h1");
    expect(() => decodeTaught(bytes, "h2", "taught.mlh")).toThrow("[E-TEACH-006]");
    for (let k = 0; k < bytes.length; k++) {
      const damaged = bytes.slice();
      damaged[k] ^= 0x10;
      expect(() => decodeTaught(damaged, "h1", "taught.mlh"), `byte ${k}`).toThrow(UserError);
    }
    expect(() => decodeTaught(bytes.subarray(0, bytes.length - 1), "h1", "taught.mlh")).toThrow(UserError);
  });
});
