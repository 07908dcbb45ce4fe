import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { classifyFiles } from "../../src/cli/commands/classify.js";
import { teachBundle } from "../../src/cli/commands/teach.js";
import { barRecording, smallBundle } from "./small-bundle.js";

const { folder, bundle, file, remove } = smallBundle();
afterAll(remove);
const left = file("left.bin", barRecording(2, 1));
const right = file("right.bin", barRecording(26, 2));
const middle = file("middle.bin", barRecording(14, 3));
const options = { seed: 1 };
const taught = join(folder, "taught");

describe("teach and classify, as commands", () => {
  it("writes a taught bundle that classify answers from, with the keys of the command line's contract", async () => {
    const result = await teachBundle({ ...options, bundle, class: [`left=${left}`, `right=${right}`], out: taught });
    expect(result.json).toMatchObject({
      classes: [{ name: "left", output: 0, samples: 1 }, { name: "right", output: 1, samples: 1 }], outputsFree: 2, taught,
    });
    const { weightsChanged, energyJ } = result.json as { weightsChanged: number; energyJ: Record<string, number> };
    expect(weightsChanged).toBeGreaterThan(0);
    expect(energyJ.d18).toBeGreaterThan(0);
    expect(energyJ.sanafe).toBeGreaterThan(0);
    expect(result.text).toContain("a single one was shown in all places");
    expect(readdirSync(taught)).toEqual(expect.arrayContaining(["image.mlh", "manifest.json", "taught.mlh"]));
    const answers = await classifyFiles({ taught, files: [left, `${left}+${right}`] });
    const { results } = answers.json as { results: { file: string; class: string; spikes: number[] }[] };
    expect(results.map((r) => r.file)).toEqual([left, `${left}+${right}`]);
    for (const r of results) {
      expect(["left", "right"]).toContain(r.class);
      expect(r.spikes).toHaveLength(4);
    }
  });

  it("learns and answers the same from the typed program and from its machine code", async () => {
    const machine = join(folder, "machine");
    const lessons = [`left=${left}`, `right=${right}`];
    const typed = await teachBundle({ ...options, bundle, class: lessons, out: taught });
    const x86 = await teachBundle({ ...options, bundle, class: lessons, out: machine, program: "x86" });
    expect({ ...x86.json, taught }).toEqual(typed.json);
    const files = [left, right, middle];
    expect((await classifyFiles({ taught: machine, files })).json).toEqual((await classifyFiles({ taught, files })).json);
    await expect(teachBundle({ ...options, bundle: machine, class: [`more=${middle}`], out: machine, program: "typed" }))
      .rejects.toMatchObject({ code: "E-TEACH-008" });
  });

  it("adds a class to a taught bundle in place", async () => {
    const grown = join(folder, "grown");
    cpSync(taught, grown, { recursive: true });
    const { json } = await teachBundle({ ...options, bundle: grown, class: [`middle=${middle}`], out: grown });
    expect((json as { classes: { name: string }[] }).classes.map((c) => c.name)).toEqual(["left", "right", "middle"]);
  });

  const refused = async (args: { class: string[]; bundle?: string }): Promise<{ code: string; message: string }> => {
    const out = join(folder, "never");
    const error = await teachBundle({ ...options, bundle, out, ...args }).then(() => { throw new Error("not refused"); }, (e) => e);
    expect(existsSync(out)).toBe(false);
    expect(error.name).toBe("UserError");
    expect(error.message.split("\n")).toHaveLength(1);
    return error;
  };

  it("writes nothing where a recording is cut short, missing or of another sensor", async () => {
    const cut = file("cut.bin", barRecording(2, 1).subarray(0, 1001));
    expect((await refused({ class: [`a=${left}`, `b=${cut}`] })).message).toContain(`${cut}, byte 1000`);
    expect((await refused({ class: [`a=${join(folder, "no.bin")}`] })).code).toBe("E-FILE-010");
    const wide = file("wide.bin", barRecording(2, 1).map((b, k) => (k % 5 < 2 ? b + 100 : b)));
    expect((await refused({ class: [`a=${wide}`] })).code).toBe("E-TEACH-003");
  });

  it("answers, or says in one sentence what is wrong, whatever bits of a recording are flipped or missing", async () => {
    const sound = barRecording(2, 1);
    await fc.assert(fc.asyncProperty(fc.nat(sound.length - 1), fc.nat(7), fc.boolean(), async (byte, bit, cut) => {
      const bytes = cut ? sound.slice(0, byte) : sound.slice();
      if (!cut) bytes[byte] ^= 1 << bit;
      const damaged = file("damaged.bin", bytes);
      const outcome = await classifyFiles({ taught, files: [damaged] }).catch((error) => error);
      if (outcome instanceof Error) {
        expect(outcome.name).toBe("UserError");
        expect(outcome.message).toContain(damaged);
        expect(outcome.message.split("\n")).toHaveLength(1);
      }
    }), { numRuns: 40 });
  });

  it("finds any damage of the taught state itself (E-BUNDLE-003)", async () => {
    const hurt = join(folder, "hurt");
    cpSync(taught, hurt, { recursive: true });
    const bytes = readFileSync(join(hurt, "taught.mlh"));
    bytes[bytes.length - 7] ^= 1;
    writeFileSync(join(hurt, "taught.mlh"), bytes);
    const error = await classifyFiles({ taught: hurt, files: [left] }).catch((e) => e);
    expect(error.code).toBe("E-BUNDLE-003");
    expect(error.message).toContain(`taught.mlh: damaged at byte ${bytes.length - 7}`);
  });

  it("names part and byte of a damaged bundle, as the user's mistake (E-BUNDLE-003)", async () => {
    const damaged = join(folder, "damaged");
    cpSync(bundle, damaged, { recursive: true });
    const bytes = readFileSync(join(damaged, "image.mlh"));
    bytes[1234] ^= 4;
    writeFileSync(join(damaged, "image.mlh"), bytes);
    const error = await refused({ class: [`a=${left}`], bundle: damaged });
    expect(error.code).toBe("E-BUNDLE-003");
    expect(error.message).toContain("image.mlh: damaged at byte 1234");
  });

  it("classify refuses a bundle that was not taught (E-TEACH-007)", async () => {
    await expect(classifyFiles({ taught: bundle, files: [left] })).rejects.toMatchObject({ code: "E-TEACH-007" });
  });

  it("refuses to write over a folder that is something else", async () => {
    await expect(teachBundle({ ...options, bundle, class: [`a=${left}`], out: folder })).rejects.toMatchObject({ code: "E-FILE-012" });
    expect(existsSync(left)).toBe(true);
  });
});
