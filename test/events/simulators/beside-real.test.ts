import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { dataKindOf } from "../../../src/cli/data-place.js";
import { doubleNmnistSource } from "../../../src/cli/task-source.js";
import { NMNIST_MODEL } from "../../../src/events/simulators/nmnist-model.js";
import { LABEL_FILE } from "../../../src/events/simulators/node/write-set.js";
import { SaccadeSimulator } from "../../../src/events/simulators/saccades.js";
import { encodeEvents } from "../../../src/events/write.js";
import { HELD_OUT_IMAGES } from "../../../src/tasks/index.js";

const folder = mkdtempSync(join(tmpdir(), "metaloihi-beside-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const place = { cache: false, quiet: true } as const;

/** A simulated set of some images of digit 3: trainable ones, held-out ones, and one of MNIST's test part. */
async function simulatedSet(): Promise<string> {
  const path = join(folder, "set");
  const simulator = new SaccadeSimulator(NMNIST_MODEL, 1);
  const image = new Uint8Array(784).fill(255, 300, 420);
  for (const [part, index] of [["Train", 7], ["Train", 600], ["Train", 900], ["Train", 1001], ["Train", 59_999], ["Test", 5]] as const) {
    mkdirSync(join(path, part, "3"), { recursive: true });
    writeFileSync(join(path, part, "3", `${String(index).padStart(5, "0")}.bin`), await encodeEvents(simulator.record(image, index), "nmnist", "x"));
  }
  return path;
}

describe("simulated recordings beside real ones", () => {
  it("are refused until the folder says that they are simulated, and beside protocol A", async () => {
    const path = await simulatedSet();
    await expect(doubleNmnistSource(undefined, "B", place, { simulated: path })).rejects.toThrow(/does not say that it is simulated.*E-DATA-005/);
    writeFileSync(join(path, LABEL_FILE), "{}");
    await expect(doubleNmnistSource(undefined, "A", place, { simulated: path })).rejects.toThrow(/protocol A.*E-DATA-005/);
  });

  it("join training alone, without those of held-out images and of test images", async () => {
    const path = join(folder, "set");
    const source = await doubleNmnistSource(undefined, "B", place, { simulated: path });
    expect(source.name).toContain("with simulated recordings in training");
    const plain = await doubleNmnistSource(undefined, "B", place);
    const drawn = (which: typeof source, split: "train" | "validation" | "test"): Set<string> => {
      const ids = new Set<string>();
      for (let n = 0; n < 60; n++) {
        const task = which.draw(split, n, { seed: 1, ways: 5, shots: 1, queriesPerClass: 15, passes: 1 });
        for (const id of [...task.supportRecordings, ...task.queryRecordings].flat()) ids.add(id);
      }
      return ids;
    };
    const simulated = [...drawn(source, "train")].filter((id) => id.startsWith("simulated/"));
    expect(simulated.sort()).toEqual(["simulated/00007", "simulated/01001", "simulated/59999"]);
    // Held-out tasks are the very same as without them.
    for (const split of ["validation", "test"] as const) expect(drawn(source, split)).toEqual(drawn(plain, split));
    expect(HELD_OUT_IMAGES).toEqual([521, 1000]);
  });

  it("are called simulated where they are the data themselves", async () => {
    const path = join(folder, "set");
    expect([dataKindOf(path), dataKindOf(folder)]).toEqual(["simulated", "real"]);
    expect((await doubleNmnistSource(path, "B", place)).data).toBe("simulated");
  });
});
