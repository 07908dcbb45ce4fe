import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { constantTable, MAX_OUTPUTS, TABLE_FIELDS, TABLE_MAGIC, TABLE_VERSION } from "../../../hw/embedded/constants.js";
import { cName, emitC, prebuiltProgram } from "../../../hw/embedded/emit-c.js";
import type { ProgramForm } from "../../../hw/embedded/soel-program.js";
import { UserError } from "../../../src/base/errors.js";
import { hasShared, readShared, repositoryRoot } from "../../support/shared.js";
import { presentationsOf, programOf, type SoelCase, testOutputs } from "../../sim/embedded/golden-case.js";
import { compileForHost, hasGcc, removeCompiled, runOnHost } from "./host-program.js";

const FORMS: readonly ProgramForm[] = ["chip", "authors-chip", "readout"];
const paper = (form: ProgramForm) => ({
  chip: 0, form, outputs: [0, 1, 2, 3, 4].map((compartment) => ({ chip: 0, core: 37, compartment })),
  constants: { ways: 5, presentationSteps: 108, windowSteps: 20, epochSteps: 4, gamma: 3, theta: 1, hi: form === "chip" ? 14 : 10, lo: 0 },
});
const header = readFileSync(join(repositoryRoot, "hw/embedded/runtime/loihi_runtime.h"), "utf8");

afterAll(removeCompiled);

describe("printed C", () => {
  it.each(FORMS)("of form %s is what was reviewed", async (form) => {
    await expect(emitC(paper(form))).toMatchFileSnapshot(`../../golden/embedded/${form}.expect`);
  });

  it("has the fields of the constant table in the order of the header", () => {
    const body = /struct soel_constants \{([^}]*)\}/.exec(header)?.[1] ?? "";
    const fields = [...body.matchAll(/int32_t (\w+);/g)].map((m) => m[1]);
    expect(fields).toEqual(["magic", "version", ...TABLE_FIELDS.map((f) => cName(f.name))]);
    expect(header).toContain(`LOIHI_MAX_OUTPUTS = ${MAX_OUTPUTS},`);
    expect(header).toContain(`SOEL_TABLE_MAGIC = 0x${TABLE_MAGIC.toString(16)}, SOEL_TABLE_VERSION = ${TABLE_VERSION} `);
  });

  it.each(FORMS)("of form %s uses no floating point", (form) => {
    expect(emitC(paper(form)).replace(/\/\*[\s\S]*?\*\//g, "")).not.toMatch(/\b(float|double)\b|\d\.\d/);
  });
});

describe.skipIf(!hasGcc)("printed C on the host", () => {
  it.each(FORMS)("of form %s compiles without a warning against the stub of NxSDK", (form) => {
    expect(() => compileForHost(emitC(paper(form)), "nxsdk")).not.toThrow();
  });

  describe.skipIf(!hasShared)("against golden/soel_chip.json", () => {
    const { cases } = hasShared ? readShared<{ cases: SoelCase[] }>("golden/soel_chip.json") : { cases: [] };
    const golden = (c: SoelCase) => c.presentations.map((p) => ({ y1: p.y1, decision: p.decision }));
    const seen = (runs: ReturnType<typeof runOnHost>) =>
      runs.map((run) => ({ y1: run.writes.map((w) => w.y1), decision: run.decision }));

    it.each(["external", "nxsdk"] as const)("makes the writes and decisions of every case (%s back end)", (backend) => {
      const executable = compileForHost(emitC(prebuiltProgram("chip")), backend);
      for (const c of cases) {
        expect(seen(runOnHost(executable, programOf(c), presentationsOf(c), true)), c.name).toEqual(golden(c));
      }
    });

    it("carries its own constants: a case compiled with them needs no table", () => {
      const c = cases[0];
      const executable = compileForHost(emitC(programOf(c)), "external");
      expect(seen(runOnHost(executable, programOf(c), presentationsOf(c), false))).toEqual(golden(c));
    });
  });
});

describe("constants of the embedded program", () => {
  const codeOf = (change: object): string => {
    const program = paper("chip");
    try {
      constantTable({ ...program, constants: { ...program.constants, ...change } });
    } catch (error) {
      return error instanceof UserError ? error.code : String(error);
    }
    return "accepted";
  };

  it.each([
    [{ gamma: 8 }], [{ gamma: 0 }], [{ theta: 0 }], [{ theta: 1.5 }], [{ hi: Number.NaN }], [{ windowSteps: 22 }],
    [{ presentationSteps: 0 }],
  ])("refuses %o with E-PROG-001", (change) => {
    expect(codeOf(change)).toBe("E-PROG-001");
  });

  it("accepts gain 7 and a window as long as an epoch", () => {
    expect(codeOf({ gamma: 7, windowSteps: 4 })).toBe("accepted");
  });

  it(`refuses more than ${MAX_OUTPUTS} outputs with E-PROG-002`, () => {
    const program = { ...paper("chip"), outputs: testOutputs(MAX_OUTPUTS + 1) };
    expect(() => constantTable(program)).toThrow("E-PROG-002");
    expect(constantTable({ ...program, outputs: testOutputs(MAX_OUTPUTS) })[2]).toBe(MAX_OUTPUTS);
  });
});
