import { describe, expect, it } from "vitest";
import { runSoelChipCase } from "../../src/cli/cases/run-soel-chip.js";
import { type SoelChipCase, soelChipImage } from "../../src/interop/cases/soel-chip.js";
import { loadMachine } from "../../sim/load.js";
import { SimulationError } from "../../sim/simulation-error.js";
import { framesOfBits } from "../../src/cli/cases/frames.js";
import { hasShared, readShared } from "../support/shared.js";

const cases = hasShared ? readShared<{ cases: SoelChipCase[] }>("golden/soel_chip.json").cases : [];
const ANSWERS = ["u", "v", "spikes", "x1", "c", "y1", "w", "N", "decision", "wraps"] as const;

describe.skipIf(!hasShared)("the plastic layer under SOEL, from its image", () => {
  it.each(cases)("equals the float64 program: $name", async (given) => {
    const asked = {
      ...given,
      presentations: given.presentations.map(({ learn, label, frames }) => ({ learn, label, frames })),
    };
    const ours = await runSoelChipCase(asked);
    given.presentations.forEach((expected, n) => {
      for (const answer of ANSWERS) expect(ours.presentations[n][answer], `presentation ${n}, ${answer}`).toEqual(expected[answer]);
    });
  });

  it.each(cases.filter((c) => c.presentations.some((p) => (p.wraps as unknown[]).length > 0)))(
    "stops in the strict simulator at the first wrap: $name", async (given) => {
      const machine = await loadMachine(soelChipImage(given), { seed: given.seed });
      const [first] = given.presentations;
      const [[r, quantity, output]] = first.wraps as [number, string, number][];
      const run = machine.present(framesOfBits(first.frames, given.J), { learn: true, label: first.label });
      const error = await run.then(() => null, (e: unknown) => e);
      expect(error).toBeInstanceOf(SimulationError);
      expect((error as SimulationError).code).toBe({ q: "E-SIM-001", u: "E-SIM-002", "u+bias": "E-SIM-003" }[quantity]);
      expect((error as SimulationError).place).toEqual({ chip: 0, core: 0, compartment: output, step: r });
    });
});
