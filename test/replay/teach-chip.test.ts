import { describe, expect, it } from "vitest";
import { compileNetwork } from "../../compiler/pipeline.js";
import { decodeTaught, encodeTaught } from "../../src/replay/taught-state.js";
import { classify, teach } from "../../src/replay/teach.js";
import { encodeSample, type NamedBytes } from "../../src/replay/encode-sample.js";
import { Rng } from "../../src/base/rng.js";
import { conv, dense, geometry, network, quantized, soel } from "../compiler/networks.js";

/** The demo's geometry on a smaller network: 34×34 recordings, two halves of 16×16. */
const spec = network("small", [2, 16, 32], [conv("conv1", 4, 5, 4, 2), dense("out", 4)], { steps: 40, soel: { ...soel, windowSteps: 8 } });
const { image } = compileNetwork(quantized(spec, 5), geometry, { chipSeed: 9 });

/** A bar of events at one column that moves down: something a chip can tell from another column. */
function bar(column: number, seed: number): NamedBytes {
  const rng = new Rng(seed, 0x20002);
  const bytes = Array.from({ length: 400 }, (_, k) => {
    const t = k * 100;
    return [column + rng.below(4), rng.below(32), (rng.below(2) << 7) | (t >> 16), (t >> 8) & 0xff, t & 0xff];
  });
  return { name: `bar${column}.bin`, bytes: Uint8Array.from(bytes.flat()) };
}

const lesson = (name: string, column: number) => ({ name, samples: [encodeSample(image.contract, [bar(column, column)])] });
const outputs = image.contract.outputs;
const inputs = 4 * 4 * 8;

describe("teach and classify on the simulated chip", () => {
  it("learns on the chip: weights of the taught outputs change, those of free outputs do not", async () => {
    const { state, changedByOutput, counts } = await teach(image, null, [lesson("left", 2), lesson("right", 26)], { seed: 1 });
    expect(changedByOutput[0]).toBeGreaterThan(0);
    expect([...changedByOutput.subarray(2)]).toEqual([0, 0]);
    expect(state.weights).toHaveLength(outputs * inputs);
    expect(counts.steps).toBe(2 * image.contract.presentationSteps);
    expect(counts.synapticUpdates).toBeGreaterThan(0);
  });

  it("adds a class after a power cycle and leaves the others' weights alone, bit for bit", async () => {
    const first = await teach(image, null, [lesson("left", 2), lesson("right", 26)], { seed: 1 });
    const saved = decodeTaught(encodeTaught(first.state, "h"), "h", "taught.mlh");
    const second = await teach(image, saved, [lesson("middle", 14)], { seed: 1 });
    expect(second.state.weights.subarray(0, 2 * inputs)).toEqual(first.state.weights.subarray(0, 2 * inputs));
    expect(second.changedByOutput[2]).toBeGreaterThan(0);
    expect(second.state.classes.map((c) => c.name)).toEqual(["left", "right", "middle"]);
  });

  it("answers the same before and after a power cycle", async () => {
    const { state } = await teach(image, null, [lesson("left", 2), lesson("right", 26)], { seed: 1 });
    const saved = decodeTaught(encodeTaught(state, "h"), "h", "taught.mlh");
    const sample = encodeSample(image.contract, [bar(2, 77)]);
    const [now] = await classify(image, state, [sample]);
    const [later] = await classify(image, saved, [sample]);
    expect(later).toEqual(now);
    expect(["left", "right"]).toContain(now.name);
    expect(now.trace.weights).toEqual(state.weights);
  });

  it("is refused on a state of other bytes than the simulator saved", async () => {
    const { state } = await teach(image, null, [lesson("left", 2)], { seed: 1 });
    await expect(classify(image, { ...state, chipState: state.chipState.subarray(0, 50) }, [encodeSample(image.contract, [bar(2, 77)])])).rejects.toThrow();
  });
});
