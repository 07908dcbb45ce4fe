import { afterAll, describe, expect, it } from "vitest";
import { elfSymbols } from "../../../hw/embedded/elf.js";
import { emitEmbeddedProgram } from "../../../hw/embedded/emit.js";
import type { ChipImage, EmbeddedProgramImage } from "../../../hw/image.js";
import { createEmbeddedCore } from "../../../sim/embedded/create.js";
import type { EmbeddedCore, NeuroCoreAccess } from "../../../sim/embedded/embedded-core.js";
import { createX86Core } from "../../../sim/embedded/x86.js";
import { ScriptedCores, testOutputs } from "./golden-case.js";

const running: EmbeddedCore[] = [];
afterAll(async () => { for (const core of running) await core.dispose(); });

const S = 40;
const program = emitEmbeddedProgram({
  chip: 0, form: "authors-chip", outputs: testOutputs(4),
  constants: { ways: 4, presentationSteps: S, windowSteps: 8, epochSteps: 4, gamma: 3, theta: 1, hi: 6, lo: 0 },
});
const create = async (access: NeuroCoreAccess, kind: "typed" | "x86", embedded: EmbeddedProgramImage = program) => {
  const core = await createEmbeddedCore({ embedded } as ChipImage, access, kind);
  running.push(core);
  return core;
};

/** Cores whose outputs fire at fixed steps, so that any core object at the same step sees the same. */
function periodicCores(): ScriptedCores {
  const cores = new ScriptedCores(program.outputs);
  cores.spikes = Uint8Array.from({ length: S * 4 }, (_, k) => Number((k * 7) % 5 < 2));
  cores.u = Int32Array.from({ length: S * 4 }, (_, k) => (k * 37) % 11);
  return cores;
}

async function runSteps(core: EmbeddedCore, cores: ScriptedCores, from: number, to: number): Promise<void> {
  for (let r = from; r <= to; r++) {
    cores.step();
    await core.preLearning(cores.time, r);
    await core.management(cores.time, r);
  }
}

describe.each(["typed", "x86"] as const)("a program that loses power (%s)", (kind) => {
  it.each([1, 9, 23, S - 1])("after step %i of its second presentation ends as if nothing had happened", async (cut) => {
    const message = { learn: true, label: 2 };
    const through = periodicCores();
    const core = await create(through, kind);
    for (const _ of [1, 2]) {
      core.beginPresentation(message);
      await runSteps(core, through, 1, S);
    }
    const decision = core.takeDecision();

    const first = periodicCores();
    const before = await create(first, kind);
    before.beginPresentation(message);
    await runSteps(before, first, 1, S);
    before.beginPresentation(message);
    await runSteps(before, first, 1, cut);
    const state = before.saveState();
    // What happens to the old machine afterwards is nothing to the new one.
    await runSteps(before, first, cut + 1, cut + 1);

    const second = periodicCores();
    const after = await create(second, kind);
    const bystander = await create(periodicCores(), kind);
    for (let t = 1; t <= S + cut; t++) {
      second.step();
      if (t === S) second.resetState();
    }
    // The counters of the cores belong to the chip's state: the program has read them up to the cut.
    for (const { chip, core: c, compartment } of program.outputs) second.readAndClearSpikeCount(chip, c, compartment);
    after.restoreState(state);
    second.writes = [];
    await runSteps(after, second, cut + 1, S);
    const expected = through.writes.filter((w) => w.t > S + cut);
    expect(second.writes).toEqual(expected);
    expect(after.takeDecision()).toBe(decision);
    expect(bystander.takeDecision()).toBe(-1);
  });

  it("takes no state of another length (E-PROG-005)", async () => {
    const core = await create(periodicCores(), kind);
    expect(() => core.restoreState(core.saveState().subarray(4))).toThrow("E-PROG-005");
    expect(() => core.restoreState(new Uint8Array(0))).toThrow("E-PROG-005");
  });

  it("gives its decision once, and none while a presentation runs", async () => {
    const cores = periodicCores();
    const core = await create(cores, kind);
    core.beginPresentation({ learn: false, label: -1, assigned: Uint8Array.of(0, 1, 0, 0) });
    await runSteps(core, cores, 1, S - 1);
    expect(core.takeDecision()).toBe(-1);
    await runSteps(core, cores, S, S);
    expect(core.takeDecision()).toBe(1);
    expect(core.takeDecision()).toBe(-1);
  });

  it("passes on what the neuro cores refuse, with its reason", async () => {
    const cores = periodicCores();
    cores.writePostTrace = () => { throw new RangeError("y1 of compartment 991 is out of range"); };
    const core = await create(cores, kind);
    core.beginPresentation({ learn: true, label: 0 });
    await runSteps(core, cores, 1, 3);
    await expect((async () => runSteps(core, cores, 4, 4))()).rejects.toThrow("compartment 991");
  });

  it("answers at once, without a promise, so that a step costs no turn of the event loop", async () => {
    const cores = periodicCores();
    const core = await create(cores, kind);
    core.beginPresentation({ learn: true, label: 0 });
    cores.step();
    expect(core.preLearning(1, 1)).toBeUndefined();
    expect(core.management(1, 1)).toBeUndefined();
  });
});

describe("the emulated x86", () => {
  it("is refused where the image holds no machine code (E-PROG-004)", async () => {
    const without = { ...program, elf: new Uint8Array(0) };
    await expect(create(periodicCores(), "x86", without)).rejects.toThrow("E-PROG-004");
    await expect(create(periodicCores(), "typed", without)).resolves.toBeDefined();
  });

  it("executes the image's code: with a patched instruction the program hangs, and that is said", async () => {
    const elf = program.elf.slice();
    // jmp to itself as the first instruction of the management phase
    elf.set([0xeb, 0xfe], elfSymbols(elf).fileOffset("program_management"));
    const cores = periodicCores();
    const core = await createX86Core({ ...program, elf }, cores);
    running.push(core);
    core.beginPresentation({ learn: true, label: 0 });
    cores.step();
    core.preLearning(1, 1);
    expect(() => core.management(1, 1)).toThrow("phase 2 of step 1 does not end");
  });
});
