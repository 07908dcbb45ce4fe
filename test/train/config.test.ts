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

  it("name the field whose value is out of range [E-CFG-002]", () => {
    expect(() => parseConfig('{"bits": 9}', "my.json")).toThrow(/my\.json, bits.*8.*E-CFG-002/);
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
  });
});
