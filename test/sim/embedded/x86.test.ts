import { afterAll, describe, expect, it } from "vitest";
import { emitEmbeddedProgram } from "../../../hw/embedded/emit.js";
import type { EmbeddedCore } from "../../../sim/embedded/embedded-core.js";
import { createX86Core } from "../../../sim/embedded/x86.js";
import { hasShared, readShared } from "../../support/shared.js";
import { presentationsOf, programOf, runProgram, ScriptedCores, type SoelCase } from "./golden-case.js";

const running: EmbeddedCore[] = [];
afterAll(async () => { for (const core of running) await core.dispose(); });

const machine = async (program: ReturnType<typeof programOf>, cores: ScriptedCores): Promise<EmbeddedCore> => {
  const core = await createX86Core(emitEmbeddedProgram(program), cores);
  running.push(core);
  return core;
};

describe.skipIf(!hasShared)("the machine code against golden/soel_chip.json", () => {
  const { cases } = hasShared ? readShared<{ cases: SoelCase[] }>("golden/soel_chip.json") : { cases: [] };
  it.each(cases.map((c) => [c.name, c] as const))("%s: writes the same y1 and takes the same decisions", async (_, c) => {
    const cores = new ScriptedCores(programOf(c).outputs);
    const runs = await runProgram(await machine(programOf(c), cores), cores, c.S, presentationsOf(c));
    expect(runs.map((run) => run.writes.map((w) => w.y1))).toEqual(c.presentations.map((p) => p.y1));
    expect(runs.map((run) => run.decision)).toEqual(c.presentations.map((p) => p.decision));
    expect(runs.every((run) => run.resets === 1)).toBe(true);
  });
});
