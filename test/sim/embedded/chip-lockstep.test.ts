import { describe, expect, it } from "vitest";
import { emitEmbeddedProgram } from "../../../hw/embedded/emit.js";
import { loadChip } from "../../../sim/load.js";
import type { PresentationTrace } from "../../../sim/trace.js";
import { framesOfBits } from "../../../src/cli/cases/frames.js";
import { type SoelChipCase, soelChipImage } from "../../../src/interop/cases/soel-chip.js";
import { hasShared, readShared } from "../../support/shared.js";

const cases = hasShared ? readShared<{ cases: SoelChipCase[] }>("golden/soel_chip.json").cases : [];

/** A chip that learns from the case's presentations; `powerCycle`: its state moves to a new chip between them. */
async function run(given: SoelChipCase, program: "typed" | "x86", powerCycle = false) {
  const image = soelChipImage(given);
  const withCode = { ...image, embedded: emitEmbeddedProgram(image.embedded) };
  const load = () => loadChip(withCode, { seed: given.seed, onOverflow: "wrap", program });
  let chip = await load();
  const traces: PresentationTrace[] = [];
  for (const { learn, label, frames } of given.presentations) {
    if (powerCycle) {
      const state = chip.saveState();
      await chip.dispose();
      chip = await load();
      chip.restoreState(state);
    }
    const assigned = Uint8Array.from(given.assigned, Number);
    traces.push(await chip.present(framesOfBits(frames, given.J), { learn: learn === 1, label, assigned }));
  }
  const counts = { ...chip.counts };
  await chip.dispose();
  return { traces, counts };
}

describe.skipIf(!hasShared)("a chip that runs the machine code in lockstep with its neuro cores", () => {
  it.each(cases.map((c) => [c.name, c] as const))("learns what golden/soel_chip.json says: %s", async (_, given) => {
    const { traces } = await run(given, "x86");
    expect(traces.map((t) => [...t.weights])).toEqual(given.presentations.map((p) => p.w));
    expect(traces.map((t) => [...t.y1])).toEqual(given.presentations.map((p) => p.y1));
    expect(traces.map((t) => t.decision)).toEqual(given.presentations.map((p) => p.decision));
  });

  it("leaves the trace and the operation counts of the typed program, also over power cycles", async () => {
    const typed = await run(cases[0], "typed");
    expect(await run(cases[0], "x86")).toEqual(typed);
    expect(await run(cases[0], "x86", true)).toEqual(typed);
    expect(typed.counts.embeddedReads).toBeGreaterThan(0);
  });
});
