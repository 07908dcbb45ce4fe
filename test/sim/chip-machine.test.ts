import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChipImage } from "../../hw/image.js";
import type { InputFrames } from "../../sim/chip.js";
import type { ChipMachine } from "../../sim/chip-machine.js";
import { loadMachine } from "../../sim/load.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { Rng } from "../../src/base/rng.js";
import { smallImage } from "../../src/interop/cases/small-network.js";
import { soelChipImage } from "../../src/interop/cases/soel-chip.js";
import { plasticImage, recurrentImage, soelCase } from "../support/small-images.js";

const randomFrames = (channels: number, steps: number, rate: number, seed: number): InputFrames => {
  const rng = new Rng(seed, 0x20000);
  const spikes: [number, number][] = [];
  for (let t = 0; t < steps; t++) for (let c = 0; c < channels; c++) if (rng.uniform() < rate) spikes.push([t, c]);
  return framesOfSpikes(spikes, steps);
};
const framesFor = (image: ChipImage, seed: number) =>
  randomFrames(image.contract.rowStart.length - 1, image.contract.steps, 0.3, seed);

/** Everything that can be seen of a machine. */
const stateOf = (machine: ChipMachine) => ({
  time: machine.time, counts: { ...machine.counts }, weights: machine.plasticWeights(),
  cores: machine.cores.map((core) => ({
    u: Int32Array.from(core.u), v: Int32Array.from(core.v), refractory: Uint8Array.from(core.refractory), q: Int32Array.from(core.q),
    x1: core.learning && Uint8Array.from(core.learning.x1), y1: core.learning && Uint8Array.from(core.learning.y[0]),
    ring: Float64Array.from(core.delayRing), counter: Int32Array.from(core.spikeCounter),
  })),
});

/** A random network of two layers' worth of recurrence, weights strong enough to overflow now and then. */
const randomImage = (seed: number): ChipImage => {
  const rng = new Rng(seed, 0x20001);
  const n = 1 + rng.below(20);
  const inputs = 1 + rng.below(6);
  const delays = rng.below(3) === 0;
  const synapses = (sources: number) => Array.from({ length: sources }, () => {
    const target = Array.from({ length: n }, (_, k) => k).filter(() => rng.below(4) > 0);
    return {
      target, mantissa: target.map(() => 2 * (rng.below(256) - 128)), delay: target.map(() => (delays ? rng.below(8) : 0)),
    };
  });
  return smallImage({
    name: "random", weightBits: 8, signMode: 1, wgtExp: rng.below(3) === 0 ? 6 : rng.below(3) - 1,
    neurons: Array.from({ length: n }, () => ({
      decayU: rng.below(4) === 0 ? 1 : 1 + rng.below(4096), decayV: rng.below(4096), vthMant: rng.below(3000), refractory: 1 + rng.below(4),
      biasMant: rng.below(4) === 0 ? rng.below(8192) - 4096 : 0, biasExp: rng.below(8),
    })),
    inputs: synapses(inputs), recurrent: rng.below(2) === 0 ? synapses(n) : null,
  }, { steps: 40, presentationSteps: 40, mode: "counts", chipSeed: 1 }).image;
};

describe("the chip machine", () => {
  it("WebAssembly kernels and their TypeScript twins agree in every bit, overflows included", { timeout: 60_000 }, async () => {
    let overflows = 0;
    let spikes = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const image = randomImage(seed);
      const frames = framesFor(image, seed);
      const runs = [];
      for (const kernels of ["wasm", "typescript"] as const) {
        const machine = await loadMachine(image, { seed: 1, onOverflow: "wrap", kernels });
        expect(machine.cores[0].kernels === null).toBe(kernels === "typescript");
        const rows: unknown[] = [];
        machine.probe = (m) => rows.push(stateOf(m).cores);
        const trace = await machine.present(frames, { learn: false, label: -1 });
        runs.push({ rows, trace, state: stateOf(machine), overflows: [...machine.overflows] });
      }
      expect(runs[0], `seed ${seed}`).toEqual(runs[1]);
      overflows += runs[0].overflows.length;
      spikes += runs[0].state.counts.spikes;
    }
    expect(overflows).toBeGreaterThan(100);
    expect(spikes).toBeGreaterThan(1000);
  });

  it("the strict chip reports the same first overflow with either kind of kernels", async () => {
    let stopped = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const image = randomImage(seed);
      const errors = [];
      for (const kernels of ["wasm", "typescript"] as const) {
        const machine = await loadMachine(image, { seed: 1, kernels });
        errors.push(await machine.present(framesFor(image, seed), { learn: false, label: -1 }).then(() => "ran", (e: Error) => e.message));
      }
      expect(errors[0]).toBe(errors[1]);
      if (errors[0] !== "ran") stopped++;
    }
    expect(stopped).toBeGreaterThan(5);
  });

  it.each([["plastic", plasticImage()], ["recurrent with delays", recurrentImage()]])(
    "saved at any step and restored into a fresh load, it goes on to the same bits: %s", async (_, image) => {
      const frames = [1, 2].map((seed) => framesFor(image, seed));
      const steps = image.contract.presentationSteps;
      const options = { seed: 77 };
      await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 2 * steps - 1 }), async (at) => {
        const whole = await loadMachine(image, options);
        const traces = [await whole.present(frames[0], { learn: true, label: 1 }), await whole.present(frames[1], { learn: true, label: 0 })];
        const first = await loadMachine(image, options);
        const label = (n: number) => ({ learn: true, label: n === 0 ? 1 : 0 });
        if (at >= steps) await first.present(frames[0], label(0));
        const current = at >= steps ? 1 : 0;
        await first.begin(frames[current], label(current));
        for (let r = 0; r < at % steps; r++) await first.step();
        const saved = first.saveState();
        const second = await loadMachine(image, options);
        second.restoreState(saved);
        second.resume(frames[current]);
        while (await second.step());
        const resumed = [second.finish()];
        if (current === 0) resumed.push(await second.present(frames[1], label(1)));
        expect(resumed).toEqual(traces.slice(current));
        expect(stateOf(second)).toEqual(stateOf(whole));
      }), { numRuns: 25, seed: 3 });
    });

  it("refuses a state of another image, and a damaged one (E-SIM-006, E-FILE-003)", async () => {
    const machine = await loadMachine(plasticImage(), { seed: 1 });
    const other = await loadMachine(recurrentImage(), { seed: 1 });
    expect(() => other.restoreState(machine.saveState())).toThrow(/E-SIM-006/);
    const damaged = machine.saveState();
    damaged[damaged.length - 1] ^= 1;
    expect(() => machine.restoreState(damaged)).toThrow(/E-FILE-003/);
  });

  it("refuses frames that the input contract does not know (E-SIM-009)", async () => {
    const machine = await loadMachine(plasticImage(), { seed: 1 });
    const message = { learn: false, label: -1 };
    await expect(machine.present(framesOfSpikes([[0, 6]], 18), message)).rejects.toThrow(/E-SIM-009/);
    await expect(machine.present(framesOfSpikes([], 19), message)).rejects.toThrow(/E-SIM-009/);
  });

  it("counts operations: one spike into three synapses is three, and a binary input counts once however often it is told", async () => {
    const image = plasticImage();
    const machine = await loadMachine(image, { seed: 1 });
    await machine.present(framesOfSpikes([[0, 2], [0, 2]], 18), { learn: false, label: -1 });
    const { counts } = machine;
    expect({ steps: counts.steps, operations: counts.synapticOperations, sum: counts.sparseOperations + counts.denseOperations + counts.populationOperations })
      .toEqual({ steps: 20, operations: 3, sum: 3 });
    expect(counts.activeUpdates + counts.inactiveUpdates).toBe(20 * 3);
  });

  it("learning through the general way and through the separable one gives the same weights", async () => {
    const image = soelChipImage(soelCase({ k: 0, W: 2 }));
    const weights = [];
    for (const general of [false, true]) {
      const machine = await loadMachine(image, { seed: 5 });
      const [plan] = machine.cores[0].learning!.plans as { separable: unknown }[];
      expect(plan.separable).not.toBeNull();
      if (general) plan.separable = null;
      for (let n = 0; n < 6; n++) await machine.present(framesFor(image, n), { learn: true, label: n % 3 });
      weights.push(machine.plasticWeights());
    }
    expect(weights[0]).toEqual(weights[1]);
    expect(Array.from(weights[0])).not.toEqual(soelCase().w0);
  });
});
