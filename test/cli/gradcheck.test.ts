import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkGradients } from "../../src/cli/commands/gradcheck.js";
import { hasShared, sharedPath } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "gradcheck-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!hasShared)("gradcheck CASE.json --engine reference", () => {
  const golden = sharedPath("golden/maml_torch_small.json");

  it("prints the keys that checks rely on, and does not fail where all agrees", async () => {
    const { json, text, failed } = await checkGradients({ case: golden, engine: "reference" });
    expect(failed).toBe(false);
    expect(json).toMatchObject({ verdict: "agrees", integers: { differences: 0 }, engine: "reference" });
    expect(Object.keys(json)).toEqual(expect.arrayContaining(["loss", "integers", "tensors", "verdict"]));
    expect(text).toMatch(/verdict {3}agrees$/);
  });

  it("fails, and marks the tensor, where one is out of bound", async () => {
    const file = JSON.parse(readFileSync(golden, "utf8"));
    file.firstOrderGradient["conv1.bias"][1] *= 1.001;
    const path = join(folder, "wrong.json");
    writeFileSync(path, JSON.stringify(file));
    const { text, failed } = await checkGradients({ case: path, engine: "reference" });
    expect(failed).toBe(true);
    expect(text).toMatch(/firstOrder\.conv1\.bias .*out of bound/);
    expect(text.match(/out of bound/g)?.length).toBe(1);
  });

  it("names a file that is not there (E-FILE-010)", async () => {
    await expect(checkGradients({ case: join(folder, "none.json"), engine: "reference" })).rejects.toThrow(
      /none\.json.*no such file/,
    );
  });
});
