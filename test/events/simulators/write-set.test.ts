import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { decodeEvents } from "../../../src/events/decode.js";
import { DAVIS346_STROKES } from "../../../src/events/simulators/strokes.js";
import { DAVIS240_HANDS } from "../../../src/events/simulators/hands.js";
import type { SimulatedLabel } from "../../../src/events/simulators/label.js";
import { NMNIST_MODEL } from "../../../src/events/simulators/nmnist-model.js";
import { loadMnist } from "../../../src/events/simulators/node/mnist-source.js";
import { loadOmniglot } from "../../../src/events/simulators/node/omniglot-source.js";
import { LABEL_FILE, writeSet } from "../../../src/events/simulators/node/write-set.js";
import { createSimulation, type SaccadeSpec, type SimulationSpec } from "../../../src/events/simulators/simulation.js";
import { listNomniglot } from "../../../src/events/node/nomniglot-layout.js";
import { hasShared, sharedPath } from "../../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "metaloihi-simulate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const images = 12;
const pixels = Uint8Array.from({ length: images * 784 }, (_, k) => (k % 784 > 300 && k % 784 < 420 && k % 28 > 8 && k % 28 < 12 + (k / 784) ? 255 : 0));
const spec: SaccadeSpec = {
  kind: "saccades", seed: 1, format: "nmnist", ending: ".bin", model: NMNIST_MODEL, pixels,
  units: Array.from({ length: images }, (_, k) => ({ folder: `Train/${k % 3}`, name: String(k + 1).padStart(5, "0"), image: k, recording: k })),
};
const labelOf = ({ kind, seed, format, model }: SimulationSpec): SimulatedLabel => ({
  data: "simulated", simulator: kind, version: 1, seed, format, recordings: images, classes: {}, source: { name: "blobs", sha256: {} }, model, notes: [],
});
const options = { threads: 1, progress: () => undefined, interrupted: () => false };

/** Path → hash of every file of a folder. */
function tree(path: string, below = ""): Record<string, string> {
  return Object.assign({}, ...readdirSync(join(path, below)).sort().map((name) => {
    const file = join(below, name);
    return statSync(join(path, file)).isDirectory() ? tree(path, file)
      : { [file]: createHash("sha256").update(readFileSync(join(path, file))).digest("hex") };
  })) as Record<string, string>;
}

describe("a simulated set", () => {
  it("has the same bytes for one thread and for three, and for a run that was stopped and went on", async () => {
    const [one, three, stopped] = ["one", "three", "stopped"].map((name) => join(folder, name));
    await writeSet(one, spec, labelOf(spec), options);
    await writeSet(three, spec, labelOf(spec), { ...options, threads: 3 });
    let units = 0;
    const first = await writeSet(stopped, spec, labelOf(spec), { ...options, progress: (done) => { units = done; }, interrupted: () => units >= 5 });
    expect([first.finished, existsSync(stopped), existsSync(`${stopped}.partial`)]).toEqual([false, false, true]);
    const second = await writeSet(stopped, spec, labelOf(spec), options);
    expect(second).toMatchObject({ finished: true, resumed: 5, files: images });
    expect(tree(three)).toEqual(tree(one));
    expect(tree(stopped)).toEqual(tree(one));
    expect(Object.keys(tree(one))).toHaveLength(images + 1);
    expect(existsSync(`${stopped}.partial`)).toBe(false);
  });

  it("is made anew where an interrupted run's files were cut, emptied, overwritten or lost since", async () => {
    const out = join(folder, "cut");
    let units = 0;
    const progress = (done: number): void => { units = done; };
    await writeSet(out, spec, labelOf(spec), { ...options, progress, interrupted: () => units >= 8 });
    const partial = `${out}.partial`;
    const made = spec.units.slice(0, 8).map(({ folder: below, name }) => join(partial, below, `${name}.bin`));
    const bytes = made.map((path) => readFileSync(path));
    writeFileSync(made[1], bytes[1].subarray(0, bytes[1].length - 5));
    writeFileSync(made[3], "");
    writeFileSync(made[4], new Uint8Array(bytes[4].length));
    rmSync(made[6]);
    const second = await writeSet(out, spec, labelOf(spec), options);
    expect(second).toMatchObject({ finished: true, resumed: 4, files: images });
    expect(tree(out)).toEqual(tree(join(folder, "one")));
  });

  it("says in a file of its own that it is simulated, by which model and seed", () => {
    const label = JSON.parse(readFileSync(join(folder, "one", LABEL_FILE), "utf8"));
    expect(label).toMatchObject({ data: "simulated", simulator: "saccades", version: 1, seed: 1, model: { pixel: { thresholdOn: NMNIST_MODEL.pixel.thresholdOn } } });
  });

  it("is read back as it was made", async () => {
    const { files } = await createSimulation(spec)(4);
    const path = join(folder, "one", files[0].path);
    expect(readFileSync(path)).toEqual(Buffer.from(files[0].bytes));
    expect(decodeEvents(new Uint8Array(readFileSync(path)), { name: path }).tUs.length).toBeGreaterThan(50);
  });

  it("is not begun where something is there already, and does not go on from another plan", async () => {
    await expect(writeSet(join(folder, "one"), spec, labelOf(spec), options)).rejects.toThrow(/it is there already.*E-CAM-006/);
    const other = join(folder, "other");
    await writeSet(other, spec, labelOf(spec), { ...options, interrupted: () => true });
    const reseeded = { ...spec, seed: 2 };
    expect(await writeSet(other, reseeded, labelOf(reseeded), options)).toMatchObject({ resumed: 0, finished: true });
    mkdirSync(join(folder, "file"));
    writeFileSync(join(folder, "file", "x"), "");
    await expect(writeSet(join(folder, "file", "x", "y"), spec, labelOf(spec), options)).rejects.toThrow(/E-FILE-011/);
  });
});

describe("the other kinds of sets", () => {
  it("strokes: one AEDAT4 a character with the table of its drawers, a missing one as a row of no length", async () => {
    const drawing = { timing: "measured", strokes: [[{ x: 20, y: 20, tMs: 0 }, { x: 80, y: 70, tMs: 400 }]] } as const;
    const strokes: SimulationSpec = {
      kind: "strokes", seed: 1, format: "aedat4", ending: ".aedat4", model: DAVIS346_STROKES,
      units: [{ folder: "dvs_background/Latin/character01", id: 7, drawings: [1, 3].map((drawer) => ({ drawer, drawing })) }],
    };
    const out = join(folder, "strokes");
    for (const { path, bytes } of (await createSimulation(strokes)(0)).files) {
      mkdirSync(join(out, "dvs_background/Latin/character01"), { recursive: true });
      writeFileSync(join(out, path), bytes);
    }
    const { entries } = listNomniglot(out);
    expect(entries.map(({ part, alphabet, character }) => [part, alphabet, character])).toEqual([["background", "Latin", "character01"]]);
    const recordings = await entries[0].read();
    expect(recordings.map(({ stream }) => stream.tUs.length > 1000)).toEqual([true, false, true]);
    expect(recordings[1].stream.tUs.length).toBe(0);
  });

  it("hands: one file a recording, in the format that is asked for", async () => {
    const hands: SimulationSpec = {
      kind: "hands", seed: 1, format: "mat5", ending: ".mat", model: DAVIS240_HANDS, units: [{ folder: "w", name: "w_0001", letter: "w", recording: 0 }],
    };
    const { files, events } = await createSimulation(hands)(0);
    expect(files.map((f) => f.path)).toEqual(["w/w_0001.mat"]);
    const stream = decodeEvents(files[0].bytes, { name: files[0].path });
    expect([stream.tUs.length, stream.width, stream.height]).toEqual([events, 240, 180]);
  });
});

describe("what is shown to the camera", () => {
  it("is refused where it is not there, not 28×28, or not of one set", () => {
    const own = join(folder, "idx");
    mkdirSync(own);
    expect(() => loadMnist(own)).toThrow(/no images with their labels.*E-CAM-007/);
    expect(() => loadOmniglot(own, 1)).toThrow(/no pen strokes.*E-CAM-007/);
    expect(() => loadOmniglot(join(own, "none"), 1)).toThrow(/no folder.*E-CAM-007/);
    const idx = (bytes: number[]): Uint8Array => Uint8Array.from(bytes);
    writeFileSync(join(own, "train-images-idx3-ubyte"), idx([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9]));
    writeFileSync(join(own, "train-labels-idx1-ubyte"), idx([0, 0, 8, 1, 0, 0, 0, 1, 9]));
    expect(() => loadMnist(own)).toThrow(/images of 1×1 pixels.*E-CAM-001/);
    writeFileSync(join(own, "train-images-idx3-ubyte"), idx([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28, ...new Array<number>(2 * 784).fill(0)]));
    expect(() => loadMnist(own)).toThrow(/1 labels for 2 images.*E-CAM-002/);
    mkdirSync(join(own, "Latin", "character01"), { recursive: true });
    writeFileSync(join(own, "Latin", "character01", "0012_05.txt"), "START\n1,-2,0\n3,-4,50\nBREAK\n");
    const { characters, measured } = loadOmniglot(own, 1);
    expect([measured, characters[0].id, characters[0].alphabet, [...characters[0].drawings.keys()]]).toEqual([1, 12, "Latin", [5]]);
  });

  it.skipIf(!hasShared)("is all of MNIST, and every character of Omniglot: 242 timed, the others with estimated times, or traced", () => {
    const { parts, pixels: all } = loadMnist(sharedPath("data/mnist"));
    expect(parts.map(({ part, labels }) => [part, labels.length])).toEqual([["Train", 60_000], ["Test", 10_000]]);
    expect(all.length).toBe(70_000 * 784);
    const { characters, measured, estimated, traced } = loadOmniglot(sharedPath("data/omniglot"), 1);
    expect(characters.length).toBe(1623);
    expect(measured).toBe(4840);
    // 29,093 untimed drawings, less those of the timed characters.
    expect(estimated).toBeGreaterThan(24_000);
    // All but three of 32,460, whose small pictures are empty, are drawn somehow.
    expect(measured + estimated + traced).toBe(32_457);
    expect(characters.filter(({ part }) => part === "evaluation").length).toBe(659);
  });
});
