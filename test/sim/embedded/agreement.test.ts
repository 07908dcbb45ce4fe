import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { emitC, prebuiltProgram } from "../../../hw/embedded/emit-c.js";
import { fillConstants } from "../../../hw/embedded/elf.js";
import { emitEmbeddedProgram } from "../../../hw/embedded/emit.js";
import type { ProgramForm } from "../../../hw/embedded/soel-program.js";
import type { EmbeddedProgramImage } from "../../../hw/image.js";
import { createInterpreter } from "../../../sim/embedded/interpreter.js";
import { createX86Core } from "../../../sim/embedded/x86.js";
import { compileForHost, hasGcc, hasLakemontGcc, removeCompiled, runOnHost } from "../../hw/embedded/host-program.js";
import { type Presentation, type Run, runProgram, ScriptedCores, testOutputs } from "./golden-case.js";

const FORMS: readonly ProgramForm[] = ["chip", "authors-chip", "readout"];
const RUNS = 24;
const SEED = 20241;
afterAll(removeCompiled);

type Program = Pick<EmbeddedProgramImage, "chip" | "form" | "constants" | "outputs">;
interface Case { readonly program: Program; readonly presentations: readonly Presentation[] }

/** Constants over their whole range, and counters from silence to a spike a step; u with many ties. */
const caseOf = (form: ProgramForm): fc.Arbitrary<Case> => fc.record({
  K: fc.integer({ min: 1, max: 9 }), epochExp: fc.integer({ min: 0, max: 3 }), epochs: fc.integer({ min: 1, max: 12 }),
  windowEpochs: fc.integer({ min: 1, max: 14 }), gamma: fc.integer({ min: 1, max: 7 }), theta: fc.integer({ min: 1, max: 5 }),
  hi: fc.integer({ min: -3, max: 70 }), lo: fc.integer({ min: -3, max: 20 }),
  presentations: fc.integer({ min: 1, max: 4 }), seed: fc.nat(),
}).map((c) => {
  const draw = generator(c.seed);
  const S = c.epochs * 2 ** c.epochExp;
  const presentations = Array.from({ length: c.presentations }, (): Presentation => {
    const rate = Array.from({ length: c.K }, () => draw(101));
    return {
      learn: draw(3) > 0, label: draw(c.K + 1) - 1, assigned: Uint8Array.from({ length: c.K }, () => Number(draw(4) > 0)),
      spikes: Uint8Array.from({ length: S * c.K }, (_, k) => Number(draw(100) < rate[k % c.K])),
      u: Int32Array.from({ length: S * c.K }, () => (draw(3) - 1) * (draw(2) ? 1 : 2 ** 23 - 1)),
    };
  });
  const constants = {
    ways: c.K, presentationSteps: S, windowSteps: c.windowEpochs * 2 ** c.epochExp, epochSteps: 2 ** c.epochExp,
    gamma: c.gamma, theta: c.theta, hi: c.hi, lo: c.lo,
  };
  return { program: { chip: 0, form, constants, outputs: testOutputs(c.K) }, presentations };
});

/** Small seeded generator of integers 0…n−1. */
function generator(seed: number): (n: number) => number {
  let state = seed | 1;
  return (n) => {
    state = Math.imul(state, 1664525) + 1013904223;
    return (state >>> 8) % n;
  };
}

/** The design's words (§6, steps 4, 5 and 7) over whole presentations, window by window: no shared code, no step loop of
 *  a program. */
function expected({ program, presentations }: Case): Run[] {
  const { constants: k, outputs, form } = program;
  const K = outputs.length;
  const spikesOf = (p: Presentation, i: number, from: number, to: number): number => {
    let sum = 0;
    for (let r = Math.max(1, from); r <= to; r++) sum += p.spikes[(r - 1) * K + i];
    return sum;
  };
  return presentations.map((p, number) => {
    const writes: Run["writes"] = [];
    const threshold = new Array<number>(K).fill(0);
    for (let r = k.epochSteps; form !== "readout" && r <= k.presentationSteps; r += k.epochSteps) {
      const window = r % k.windowSteps === 0;
      for (let i = 0; i < K; i++) {
        const c = spikesOf(p, i, r - k.windowSteps, r - 1);
        let y1 = form === "chip" ? 64 : 20;
        if (window && p.learn && p.assigned[i] === 1) {
          if (form === "chip") {
            const d = (i === p.label ? k.hi : k.lo) - c;
            y1 += Math.min(63, Math.max(-63, k.gamma * Math.sign(d) * Math.floor(Math.abs(d) / k.theta)));
          } else if (i === p.label) {
            const err = Math.max(-20, k.hi - c);
            if (err !== 0 && Math.abs(err) > threshold[i]) {
              y1 += err;
              threshold[i]++;
            } else threshold[i] = Math.max(threshold[i] - 1, 0);
          }
        }
        writes.push({ t: number * k.presentationSteps + r, output: i, y1 });
      }
    }
    const S = k.presentationSteps;
    const ranked = outputs.map((_, i) => i).filter((i) => p.assigned[i] === 1).sort((a, b) =>
      spikesOf(p, b, 1, S - 1) - spikesOf(p, a, 1, S - 1) || p.u[(S - 1) * K + b] - p.u[(S - 1) * K + a] || a - b);
    return { writes, decision: ranked[0] ?? -1, resets: 1 };
  });
}

const interpret = ({ program, presentations }: Case) => {
  const cores = new ScriptedCores(program.outputs);
  const core = createInterpreter({ ...program, source: "", elf: new Uint8Array() }, cores);
  return runProgram(core, cores, program.constants.presentationSteps, presentations);
};

const emulate = async ({ program, presentations }: Case, elf: Uint8Array) => {
  const cores = new ScriptedCores(program.outputs);
  const core = await createX86Core({ ...program, source: "", elf }, cores);
  try {
    return await runProgram(core, cores, program.constants.presentationSteps, presentations);
  } finally {
    await core.dispose();
  }
};

describe.each(FORMS)("form %s over random constants, messages and spikes", (form) => {
  it("writes and decides as the design says, in its typed form", async () => {
    await fc.assert(fc.asyncProperty(caseOf(form), async (c) => {
      expect(await interpret(c)).toEqual(expected(c));
    }), { numRuns: 300, seed: SEED });
  });

  it.skipIf(!hasGcc)("does the same as C on the host and as NxSDK-flavored C over the stub", async () => {
    const executables = (["external", "nxsdk"] as const).map((backend) => compileForHost(emitC(prebuiltProgram(form)), backend));
    await fc.assert(fc.asyncProperty(caseOf(form), async (c) => {
      const typed = await interpret(c);
      for (const executable of executables) {
        expect(runOnHost(executable, c.program, c.presentations, true)).toEqual(typed);
      }
    }), { numRuns: RUNS, seed: SEED + 1 });
  });

  it("does the same as machine code on the emulated x86", async () => {
    await fc.assert(fc.asyncProperty(caseOf(form), async (c) => {
      expect(await emulate(c, emitEmbeddedProgram(c.program).elf)).toEqual(await interpret(c));
    }), { numRuns: RUNS, seed: SEED + 2 });
  });

  it.skipIf(!hasLakemontGcc)("does the same as machine code that was just rebuilt, at another optimization too", async () => {
    const { buildElf } = await import("../../../hw/embedded/build-elf.mjs");
    const source = emitC(prebuiltProgram(form));
    for (const optimization of ["-Os", "-O0"]) {
      const elf: Uint8Array = new Uint8Array(buildElf(source, optimization));
      await fc.assert(fc.asyncProperty(caseOf(form), async (c) => {
        expect(await emulate(c, fillConstants(elf, c.program))).toEqual(await interpret(c));
      }), { numRuns: RUNS / 4, seed: SEED + 3 });
    }
  });
});
