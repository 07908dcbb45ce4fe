/** Damaged images with a hash that fits, and damaged states: what the checks let through has to run, to the same bits with kernels
 *  and with their twins, or to stop in one sentence. METALOIHI_FUZZ=100000 for the long run. */
import { describe, expect, it } from "vitest";
import { CHIP_IMAGE_KIND, decodeImage, encodeImage } from "../../hw/image-codec.js";
import { loadMachine } from "../../sim/load.js";
import { UserError } from "../../src/base/errors.js";
import { unwrapFile, withHeader } from "../../src/base/file-header.js";
import { Rng } from "../../src/base/rng.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { plasticImage, recurrentImage } from "../support/small-images.js";

const RUNS = Number(process.env.METALOIHI_FUZZ ?? 1000);
const LONG = 60_000 + RUNS * 20;
const STREAM = 0x2000d;
const HEADER = { kind: CHIP_IMAGE_KIND, formatVersion: 1 };

/** A few bytes changed. */
function damaged(bytes: Uint8Array, rng: Rng): Uint8Array {
  const out = bytes.slice();
  for (let n = 1 + rng.below(3); n > 0; n--) out[rng.below(out.length)] ^= 1 << rng.below(8);
  return out;
}

const outcomeOf = async (run: () => Promise<string>): Promise<string> => {
  try {
    return await run();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
};

describe("a damaged image that claims to be whole", () => {
  const payloads = [plasticImage(), recurrentImage()].map((image) => unwrapFile(encodeImage(image), HEADER, "x").payload);

  it(`is refused, or runs alike with kernels and with their twins (${RUNS} images)`, async () => {
    let ran = 0;
    let stopped = 0;
    for (let k = 0; k < RUNS; k++) {
      const rng = new Rng(2, STREAM, k);
      const file = withHeader({ ...HEADER, parents: {} }, damaged(payloads[k % payloads.length], rng));
      const runWith = (kernels: "wasm" | "typescript") => outcomeOf(async () => {
        const image = decodeImage(file, "x.mlh");
        // Sizes of the contract are the caller's to bound; a million steps would only take long.
        if (image.contract.presentationSteps > 200) return "long";
        const machine = await loadMachine(image, { seed: 1, kernels, onOverflow: k % 3 === 0 ? "stop" : "wrap" });
        const channels = image.contract.rowStart.length - 1;
        const frames = framesOfSpikes(
          Array.from({ length: 40 }, (_, n) => [n % Math.min(18, image.contract.steps), (n * 7) % channels] as const), Math.min(18, image.contract.steps),
        );
        const { spikes, u, v, y1, weights, decision } = await machine.present(frames, { learn: true, label: 0 });
        return `ran ${[...spikes.map(({ step, neuron }) => `${step.join()}/${neuron.join()}`), u, v, y1, weights, decision].join(" ")}`;
      });
      const outcome = await runWith("wasm");
      expect(await runWith("typescript"), `image ${k}`).toBe(outcome);
      if (outcome.startsWith("ran")) ran++;
      else stopped++;
    }
    expect(ran).toBeGreaterThan(RUNS / 20);
    expect(stopped).toBeGreaterThan(RUNS / 20);
  }, LONG);

  it(`and no damaged state is taken up (${RUNS} states)`, async () => {
    const machine = await loadMachine(plasticImage(), { seed: 1 });
    await machine.begin(framesOfSpikes([[0, 1]], 18), { learn: true, label: 1 });
    for (let r = 0; r < 7; r++) await machine.step();
    const whole = machine.saveState();
    for (let k = 0; k < RUNS; k++) {
      const state = damaged(whole, new Rng(3, STREAM, k));
      if (state.every((byte, at) => byte === whole[at])) continue; // the same bit twice
      expect(() => machine.restoreState(state), `state ${k}`).toThrow(UserError);
    }
  }, LONG);
});
