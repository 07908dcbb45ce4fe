import { describe, expect, it } from "vitest";
import { PRESETS } from "../../src/model/presets.js";
import { networkShapes, parameterShapes, presentationSteps, sizeOf } from "../../src/model/shapes.js";
import type { NetworkSpec } from "../../src/model/types.js";

const weights = (spec: NetworkSpec): number => parameterShapes(spec)
  .filter(({ name }) => name.includes(".")).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
const plasticInputs = (spec: NetworkSpec): number => sizeOf(networkShapes(spec)[spec.layers.length - 1]);

describe("presets", () => {
  it("have as many parameters as the design says: 262,949, 265,509, 277,029; the demo's 26,517", () => {
    expect(weights(PRESETS["double-nmnist"].network)).toBe(262_949);
    expect(weights(PRESETS["n-omniglot"].network)).toBe(265_509);
    expect(weights(PRESETS["double-asl-dvs-srm"].network)).toBe(277_029);
    expect(weights(PRESETS.demo.network)).toBe(26_517);
  });

  it("give plastic layers the inputs that the design counts: 1,024, 1,536, 640, 512", () => {
    expect(["double-nmnist", "n-omniglot", "double-asl-dvs", "demo"].map((n) => plasticInputs(PRESETS[n].network)))
      .toEqual([1024, 1536, 640, 512]);
  });

  it("present the paper's network in 108 steps", () => {
    expect(presentationSteps(PRESETS["double-nmnist"].network)).toBe(108);
  });

  it("have geometries that give the network its input", () => {
    for (const { network, geometry } of Object.values(PRESETS)) {
      expect(network.input.width).toBe(Math.floor(geometry.crop.width / geometry.downsample) * geometry.compose);
      expect(network.input.height).toBe(Math.floor(geometry.crop.height / geometry.downsample));
    }
  });
});
