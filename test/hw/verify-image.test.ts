import { describe, expect, it } from "vitest";
import type { ChipImage, CoreImage, InputAxon } from "../../hw/image.js";
import { verifyImage } from "../../hw/verify-image.js";
import { Diagnostics } from "../../src/base/errors.js";
import { plasticImage, recurrentImage } from "../support/small-images.js";

const errorsOf = (image: ChipImage): string[] => {
  const diagnostics = new Diagnostics();
  verifyImage(image, diagnostics);
  return diagnostics.errors.map((error) => error.code);
};

const withCore = (image: ChipImage, change: (core: CoreImage) => Partial<CoreImage>): ChipImage =>
  ({ ...image, cores: [{ ...image.cores[0], ...change(image.cores[0]) }, ...image.cores.slice(1)] });
const withAxon = (image: ChipImage, change: Partial<InputAxon>): ChipImage =>
  withCore(image, ({ inputAxons: [first, ...rest] }) => ({ inputAxons: [{ ...first, ...change }, ...rest] }));
const repeat = <T>(item: T, count: number): T[] => Array.from({ length: count }, () => item);

describe("the image verifier", () => {
  it("accepts images within all limits", () => {
    expect([errorsOf(plasticImage()), errorsOf(recurrentImage())]).toEqual([[], []]);
  });

  it.each<[string, string, (image: ChipImage) => ChipImage]>([
    ["1025 compartments", "E-IMAGE-002", (image) => withCore(image, (core) => ({ compartments: new Uint32Array(1025).fill(core.compartments[0]) }))],
    ["16385 synapse words", "E-IMAGE-002", (image) => withCore(image, () => ({ synapseMemory: new Uint8Array(8 * 16_385) }))],
    ["4097 input-axon entries", "E-IMAGE-002", (image) => withCore(image, (core) => ({ inputAxons: repeat({ ...core.inputAxons[0], preTraceConfig: -1 }, 4097) }))],
    ["2049 learning axons", "E-IMAGE-002", (image) => withCore(image, (core) => ({ inputAxons: repeat(core.inputAxons[0], 2049) }))],
    ["4097 output slots", "E-IMAGE-002", (image) => withCore(image, () => ({
      outputAxons: repeat({ compartment: 0, kind: "discrete" as const, chip: 0, core: 0, axon: 0, atom: 0, population: -1 }, 4097)
        .map((axon, n) => ({ ...axon, axon: n })),
    }))],
    ["33 profiles", "E-IMAGE-002", (image) => withCore(image, (core) => ({ compartmentProfiles: repeat(core.compartmentProfiles[0], 33) }))],
    ["9 thresholds", "E-IMAGE-002", (image) => withCore(image, () => ({ vthProfiles: repeat(3, 9) }))],
    ["16 synapse formats", "E-IMAGE-002", (image) => withCore(image, (core) => ({ synapseFormats: repeat(core.synapseFormats[0], 16) }))],
    ["a board without that many chips", "E-IMAGE-002", (image) => ({ ...image, chips: 3 })],
    ["129 words of microcode", "E-IMAGE-002", (image) => withCore(image, (core) => ({ learning: { ...core.learning!, microcode: new Uint32Array(129) } }))],
    ["4 pre-trace configurations", "E-IMAGE-002", (image) => withCore(image, (core) => ({ learning: { ...core.learning!, preTrace: repeat(core.learning!.preTrace[0], 4) } }))],
    ["too many delay slots", "E-IMAGE-002", (image) => withCore(image, (core) => ({ compartments: new Uint32Array(129).fill(core.compartments[0]), delayBits: 6 }))],
    ["core 128", "E-IMAGE-003", (image) => withCore(image, () => ({ core: 128 }))],
    ["refractory 0", "E-IMAGE-003", (image) => withCore(image, () => ({ compartmentProfiles: [{ decayU: 0, decayV: 0, refractDelay: 0 }] }))],
    ["a decay of 13 bits", "E-IMAGE-003", (image) => withCore(image, () => ({ compartmentProfiles: [{ decayU: 4096, decayV: 0, refractDelay: 1 }] }))],
    ["a threshold of 18 bits", "E-IMAGE-003", (image) => withCore(image, () => ({ vthProfiles: [2 ** 17] }))],
    ["tepoch 64", "E-IMAGE-003", (image) => withCore(image, () => ({ tepoch: 64 }))],
    ["257 words an axon", "E-IMAGE-003", (image) => withAxon(image, { synapseLen: 257 })],
    ["two atoms of a discrete axon", "E-IMAGE-003", (image) => withAxon(image, { atoms: 2 })],
    ["cxBase 256", "E-IMAGE-003", (image) => withAxon(image, { cxBase: 256 })],
    ["a pop16 axon off its step of 4", "E-IMAGE-003", (image) => withAxon(image, { kind: "pop16", cxBase: 2 })],
    ["an impulse of 8 bits", "E-IMAGE-003", (image) => withCore(image, (core) => ({ learning: { ...core.learning!, preTrace: [{ decay: 1, impulse: 128, impulseFraction: 0 }] } }))],
    ["an entry of format 15", "E-IMAGE-004", (image) => withCore(image, (core) => ({ synapseMemory: core.synapseMemory.map((byte) => byte | 15) }))],
    ["a list beyond the memory", "E-IMAGE-005", (image) => withAxon(image, { synapsePtr: 16_000 })],
    ["a target beyond the compartments", "E-IMAGE-005", (image) => withAxon(image, { cxBase: 200 })],
    ["a profile that is not there", "E-IMAGE-005", (image) => withCore(image, (core) => ({ compartments: core.compartments.map((word) => word | (31 << 19)) }))],
    ["a logical input twice", "E-IMAGE-005", (image) => withAxon(image, { logicalInput: 1 })],
    ["a learning axon without trace", "E-IMAGE-005", (image) => withAxon(image, { preTraceConfig: -1 })],
    ["microcode that is none", "E-IMAGE-006", (image) => withCore(image, (core) => ({ learning: { ...core.learning!, microcode: Uint32Array.of(7) } }))],
    ["a pixel's axon that is not mapped", "E-IMAGE-007", (image) => ({ ...image, contract: { ...image.contract, axon: image.contract.axon.map(() => 500) } })],
    ["row starts of another length", "E-IMAGE-007", (image) => ({ ...image, contract: { ...image.contract, rowStart: Uint32Array.of(0) } })],
    ["an output that is not there", "E-IMAGE-008", (image) => ({ ...image, embedded: { ...image.embedded, outputs: image.embedded.outputs.map((o) => ({ ...o, core: 77 })) } })],
    ["a threshold of 0", "E-IMAGE-008", (image) => ({ ...image, embedded: { ...image.embedded, constants: { ...image.embedded.constants, theta: 0 } } })],
    ["a window that is no multiple of the epoch", "E-IMAGE-008", (image) => ({ ...image, embedded: { ...image.embedded, constants: { ...image.embedded.constants, windowSteps: 5 } } })],
    ["a symbol of a neuron that is not there", "E-IMAGE-009", (image) => ({ ...image, symbols: [{ ...image.symbols[0], neurons: Int32Array.of(3) }] })],
  ])("finds %s (%s)", (_, code, change) => {
    expect(errorsOf(change(plasticImage()))).toContain(code);
  });

  it("finds a spike that goes to an axon that is not mapped", () => {
    const image = recurrentImage();
    const [core] = image.cores;
    const outputAxons = core.outputAxons.map((axon, n) => (n === 0 ? { ...axon, axon: 4000 } : axon));
    expect(errorsOf({ ...image, cores: [{ ...core, outputAxons }, ...image.cores.slice(1)] })).toEqual(["E-IMAGE-005"]);
  });

  it("warns where slots counted by compartment would not fit", () => {
    const diagnostics = new Diagnostics();
    const image = withCore(plasticImage(), () => ({
      outputAxons: repeat({ compartment: 0, kind: "pop32" as const, chip: 0, core: 0, axon: 0, atom: 0, population: 1 }, 2049),
    }));
    verifyImage(image, diagnostics);
    expect(diagnostics.warnings.map((warning) => warning.code)).toEqual(["W-IMAGE-001"]);
  });
});
