import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readBundle } from "../../src/cli/bundle.js";
import { parseLessons, parseSample, readSample } from "../../src/cli/lessons.js";
import { decodeRecording } from "../../src/events/decode.js";
import { encodeEvents, type FormatName } from "../../src/events/index.js";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/model/checkpoint.js";
import { encodeSample } from "../../src/replay/encode-sample.js";
import { barRecording, smallBundle } from "./small-bundle.js";

const { folder, bundle: path, file, remove } = smallBundle();
afterAll(remove);

describe("parseLessons", () => {
  it("takes names with one or several files, and pairs joined by a plus sign", () => {
    expect(parseLessons(["wave=a.bin,b.bin", "nod=l.bin+r.bin"])).toEqual([
      { name: "wave", samples: [["a.bin"], ["b.bin"]] }, { name: "nod", samples: [["l.bin", "r.bin"]] },
    ]);
  });

  it("adds up files of a name that stands twice, and keeps further equals signs in the file's name", () => {
    expect(parseLessons(["wave=a=1.bin", "wave=b.bin"])).toEqual([{ name: "wave", samples: [["a=1.bin"], ["b.bin"]] }]);
  });

  it.each(["wave", "=a.bin", "wave=", "wave=a.bin,,b.bin"])("refuses %s (E-TEACH-010)", (value) => {
    expect(() => parseLessons([value])).toThrow("[E-TEACH-010]");
  });
});

describe("parseSample", () => {
  it("keeps a file together whose own name has a plus sign", () => {
    expect(parseSample("package.json")).toEqual(["package.json"]);
    expect(parseSample("a.bin+b.bin")).toEqual(["a.bin", "b.bin"]);
  });
});

describe("readSample", () => {
  const bundle = readBundle(path);
  const { contract } = bundle.image;
  const bytes = barRecording(2, 1);
  const { stream } = decodeRecording(bytes, { name: "bar.bin" });
  const inOrder = decodeRecording(bytes, { name: "bar.bin", repair: true }).stream;

  it("gives the same frames from every format, also those that do not tell the sensor's size", async () => {
    const expected = encodeSample(contract, [{ name: "bar.bin", bytes }]);
    for (const format of ["csv", "npy", "npz", "mat5", "hdf5", "aedat4", "evt3", "es"] as readonly FormatName[]) {
      const name = file(`bar.${format}`, await encodeEvents(inOrder, format, "bar"));
      expect(encodeSample(contract, await readSample([name], bundle, format === "mat5" ? { width: 34, height: 34 } : {})), format).toEqual(expected);
    }
  });

  it("takes the sensor's size by option, and refuses one that is not the network's", async () => {
    const name = file("sized.npy", await encodeEvents(inOrder, "npy", "bar"));
    expect(encodeSample(contract, await readSample([name], bundle, { width: 34, height: 34 })).channel.length).toBeGreaterThan(0);
    const other = await readSample([name], bundle, { width: 64, height: 48 });
    expect(() => encodeSample(contract, other)).toThrow(/64×48[\s\S]*E-TEACH-003/);
  });

  it("changes recordings by the transforms that the network was trained with", async () => {
    const checkpoint = decodeCheckpoint(bundle.files["checkpoint.mlh"], "checkpoint");
    const config = JSON.stringify({ ...JSON.parse(checkpoint.config), data: { transforms: [{ kind: "flipX" }] } });
    const flipping = { ...bundle, files: { ...bundle.files, "checkpoint.mlh": encodeCheckpoint({ ...checkpoint, config }) } };
    file("bar.bin", bytes);
    const [read] = await readSample([join(folder, "bar.bin")], flipping);
    expect([...read.stream.x]).toEqual(Array.from(stream.x, (x) => 33 - x));
  });
});
