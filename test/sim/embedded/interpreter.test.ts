import { describe, expect, it } from "vitest";
import { createInterpreter } from "../../../sim/embedded/interpreter.js";
import { hasShared, readShared } from "../../support/shared.js";
import { presentationsOf, programOf, runProgram, ScriptedCores, type SoelCase } from "./golden-case.js";

const typed = (program: ReturnType<typeof programOf>, cores: ScriptedCores) =>
  createInterpreter({ ...program, source: "", elf: new Uint8Array() }, cores);

describe.skipIf(!hasShared)("the typed program against golden/soel_chip.json", () => {
  const { cases } = hasShared ? readShared<{ cases: SoelCase[] }>("golden/soel_chip.json") : { cases: [] };
  it.each(cases.map((c) => [c.name, c] as const))("%s: writes the same y1 and takes the same decisions", async (_, c) => {
    const cores = new ScriptedCores(programOf(c).outputs);
    const runs = await runProgram(typed(programOf(c), cores), cores, c.S, presentationsOf(c));
    expect(runs.map((run) => run.writes.map((w) => w.y1))).toEqual(c.presentations.map((p) => p.y1));
    expect(runs.map((run) => run.decision)).toEqual(c.presentations.map((p) => p.decision));
    expect(runs.every((run) => run.resets === 1)).toBe(true);
    const epoch = c.tepoch * 2 ** c.k;
    expect(runs.flatMap((run) => run.writes).every((w) => w.t % epoch === 0)).toBe(true);
  });

  it("holds cases with unassigned outputs, with learning off and without any window", () => {
    expect(cases.some((c) => c.assigned.includes("0"))).toBe(true);
    expect(cases.some((c) => c.presentations.some((p) => p.learn === 0))).toBe(true);
    expect(cases.some((c) => c.W > c.S)).toBe(true);
  });
});
