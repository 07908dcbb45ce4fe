import { describe, expect, it } from "vitest";
import { PRESETS } from "../../src/model/presets.js";
import { configJsonSchema, parseConfig, resolveConfig } from "../../src/train/config.js";

describe("configurations", () => {
  it("suggest the nearest known key, at every depth [E-CFG-002]", () => {
    expect(() => parseConfig('{"trainig": {}}', "my.json")).toThrow(/my\.json, trainig: an unknown key.*"training".*E-CFG-002/);
    expect(() => parseConfig('{"training": {"taks": 3}}', "my.json")).toThrow(/my\.json, training\.taks.*"tasks"/);
    const network = { input: { height: 8, width: 8 }, layers: [{ kind: "conv", name: "c", channels: 1, kernel: 3, strid: 2 }] };
    expect(() => resolveConfig({ network }, "my.json")).toThrow(/network\.layers\.0\.strid.*"stride"/);
  });

  it("name the key that was meant where a required one is missing [E-CFG-002]", () => {
    const network = { input: { height: 8, width: 8 }, layers: [{ kind: "conv", name: "c", chanels: 1, kernel: 3 }] };
    expect(() => resolveConfig({ network }, "my.json")).toThrow(/network\.layers\.0\.chanels: an unknown key.*"channels"/);
    const missing = { input: { height: 8, width: 8 }, layers: [{ kind: "conv", name: "c", kernel: 3 }] };
    expect(() => resolveConfig({ network: missing }, "my.json")).toThrow(/network\.layers\.0\.channels: it is missing/);
  });

  it("name the field whose value is out of range [E-CFG-002]", () => {
    expect(() => parseConfig('{"bits": 9}', "my.json")).toThrow(/my\.json, bits: 9; allowed: .*8.*E-CFG-002/);
    expect(() => parseConfig('{"soel": {"gama": 3}}', "my.json")).toThrow(/soel\.gama: an unknown key.*"gamma"/);
  });

  it("refuse fields that do not go together, with what is allowed [E-CFG-005]", () => {
    const refused = (value: object): string => {
      try {
        resolveConfig(value, "my.json");
      } catch (error) {
        return (error as Error).message;
      }
      return "accepted";
    };
    expect(refused({ preset: "demo", soel: { form: "paper" } })).toMatch(/soel\.form: "paper" in a loihi network.*E-CFG-005/);
    expect(refused({ preset: "double-nmnist-srm", soel: { gamma: 3 } })).toMatch(/soel\.form: "chip" in a srm network/);
    expect(refused({ preset: "demo", soel: { form: "authors-chip", gamma: 3 } })).toMatch(/soel\.gamma: not a constant of form "authors-chip"/);
    expect(refused({ preset: "demo", soel: { windowSteps: 18 } })).toMatch(/soel\.windowSteps: 18; allowed: a multiple of 2\^epochExp = 4/);
    expect(refused({ preset: "demo", training: { inner: { steps: 2 } } })).toMatch(/training\.inner\.steps: an inner loop for a loihi network/);
    expect(refused({ preset: "demo", training: { outer: "fomaml" } })).toMatch(/training\.outer.*loihi/);
    expect(refused({ preset: "demo", training: { start: "lsuv" } })).toMatch(/training\.start.*auto, gaussian, orthogonal/);
    expect(refused({ preset: "double-nmnist-srm", training: { inner: { frozen: ["conv"] } } })).toMatch(/no layer "conv" with weights.*"conv1"/);
    expect(refused({ preset: "double-nmnist-srm", training: { inner: { quantize: { outer: { grid: "paper", bits: 5 } } } } })).toMatch(/5 on grid "paper"; allowed: 2, 3, 4, 8, 16/);
    expect(refused({ preset: "double-nmnist-srm", training: { inner: { quantize: { outer: { grid: "paper", bits: 16 } } } } })).toBe("accepted");
    expect(refused({ preset: "double-nmnist-srm", soel: { form: "paper", order: 2, divide: "float", learned: ["theta"] } })).toBe("accepted");
  });

  it("refuse layers that do not fit the one before them, by the layer's name [E-CFG-006]", () => {
    const refused = (layer: object, last: object = { kind: "dense", name: "output", outputs: 5 }): string => {
      try {
        resolveConfig({ network: { input: { height: 8, width: 8 }, layers: [{ kind: "conv", name: "conv1", channels: 4, kernel: 3, ...layer }, last] } }, "my.json");
      } catch (error) {
        return (error as Error).message;
      }
      return "accepted";
    };
    expect(refused({ stride: 1000 })).toMatch(/layer "conv1", stride: 1000; allowed: up to 8.*E-CFG-006/);
    expect(refused({ kernel: 20, padding: 0 })).toMatch(/layer "conv1", kernel: 20; allowed: up to 8/);
    expect(refused({ groups: 3 })).toMatch(/layer "conv1", groups: 3/);
    expect(refused({}, { kind: "pool", name: "pool1" })).toMatch(/layer "pool1", kind: "pool" at the end/);
    expect(refused({}, { kind: "dense", name: "conv1", outputs: 5 })).toMatch(/two layers of that name/);
    expect(refused({}, { kind: "dense", name: "output", outputs: 5, bits: 7 })).toMatch(/layer "output", bits: 7 in a plastic layer; allowed: 2–6 or 8/);
    expect(refused({ bits: 1 })).toMatch(/layer "conv1", signMode: "mixed" at 1 bit/);
    expect(refused({ wgtExp: -2 })).toMatch(/layer "conv1", wgtExp: -2; allowed: at least bits − 9 = -1/);
  });

  it("keep the constants of the preset that are not named: the demo's eight passes", () => {
    expect(resolveConfig({ preset: "demo", soel: { gamma: 2 } }).spec.soel).toMatchObject({ gamma: 2, passes: 8 });
    expect(resolveConfig({ preset: "demo", soel: { form: "authors-chip" } }).spec.soel).toMatchObject({ form: "authors-chip", hi: 10, passes: 1 });
  });

  it("refuse what is not JSON [E-CFG-001] and presets that there are not [E-CFG-003]", () => {
    expect(() => parseConfig("{", "my.json")).toThrow(/my\.json.*E-CFG-001/);
    expect(() => parseConfig('{"preset": "double-nmist"}', "my.json")).toThrow(/"double-nmnist".*E-CFG-003/);
  });

  it("are read again from their own text to the same network", () => {
    for (const preset of Object.keys(PRESETS)) {
      const resolved = resolveConfig({ preset, bits: 6, data: { ways: 4 } });
      expect(parseConfig(resolved.text, "again")).toEqual(resolved);
    }
  });

  it("export a schema that knows all keys, so that editors complete them", () => {
    const schema = configJsonSchema() as { properties: Record<string, unknown>; additionalProperties: boolean };
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(["preset", "data", "network", "soel", "training"]));
    expect(schema.additionalProperties).toBe(false);
    type Node = { properties: Record<string, Node>; description?: string };
    const { inner, start } = (schema as unknown as Node).properties.training.properties;
    for (const field of [start, inner, inner.properties.learnRate, inner.properties.burnIn]) expect(field.description).toMatch(/\w{3}/);
  });
});
