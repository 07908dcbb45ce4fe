import { describe, expect, it } from "vitest";
import type { ChipImage } from "../../../hw/image.js";
import { coreFills } from "../../../src/cli/report/core-fill.js";

describe("coreFills", () => {
  it("counts words, double entries of learning axons, and a population's slots once a destination", () => {
    const axon = (population: number, kind: string, to: number, chip = 0) => ({ compartment: 0, kind, chip, core: 1, axon: to, atom: 0, population });
    const [fill] = coreFills({
      layers: [{ name: "c" }, { name: "d" }], symbols: [{ chip: 0, core: 3, layer: 1 }, { chip: 0, core: 3, layer: 1 }, { chip: 0, core: 4, layer: 0 }],
      cores: [{
        chip: 0, core: 3, learning: {}, synapseFormats: [], compartmentProfiles: [], vthProfiles: [], compartments: new Uint32Array(7), synapseMemory: new Uint8Array(40),
        inputAxons: [{ preTraceConfig: -1 }, { preTraceConfig: 0 }, { preTraceConfig: 2 }],
        outputAxons: [axon(0, "pop32", 5), axon(0, "pop32", 5), axon(0, "pop32", 6), axon(-1, "discrete", 7), axon(-1, "discrete", 7, 1), axon(1, "pop16", 5, 1)],
      }],
    } as unknown as ChipImage);
    // 2 + 2 for the population's two destinations, 1 discrete, 1 + 1 to another chip, 1 + 1 pop16 to another chip.
    expect(fill).toEqual({ chip: 0, core: 3, layers: ["d"], plastic: true, compartments: 7, synapseWords: 5, inputAxons: 5, outputAxonSlots: 9 });
  });
});
