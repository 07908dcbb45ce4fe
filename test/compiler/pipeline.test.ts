import { describe, expect, it } from "vitest";
import { compileNetwork } from "../../compiler/pipeline.js";
import { decodeImage, encodeImage } from "../../hw/image-codec.js";
import { geometry, netB, network, conv, dense, pool, paper, prunedNetwork, quantized } from "./networks.js";

const golden = (pass: string, name: string): string => `../golden/${pass}/${name}.expect`;

describe("compileNetwork", () => {
  const pruned = prunedNetwork();
  const small = quantized(network("small", [2, 7, 6], [conv("c1", 4, 3, 1, 1), pool("p1"), dense("out", 3)]));

  it.each([
    ["net-b", quantized(netB)],
    ["small", small],
    ["pruned", pruned],
  ])("prints each stage of %s as reviewed", async (name, model) => {
    for (const { name: pass, printed } of compileNetwork(model, geometry).passes) {
      await expect(printed).toMatchFileSnapshot(golden(pass, name));
    }
  });

  it("prints the paper's partition, placement and proof of quiet padding as reviewed", async () => {
    const { passes } = compileNetwork(quantized(paper(16, 32)), geometry);
    for (const pass of ["partition", "place", "expand"]) {
      await expect(passes.find((p) => p.name === pass)!.printed).toMatchFileSnapshot(golden(pass, "paper"));
    }
  }, 60_000);

  it("gives equal bytes for equal input", () => {
    const [a, b] = [compileNetwork(small, geometry).image, compileNetwork(small, geometry).image];
    expect(encodeImage(a)).toEqual(encodeImage(b));
  });

  it("makes an image that the codec gives back as it was", () => {
    const { image } = compileNetwork(quantized(netB), geometry);
    expect(decodeImage(encodeImage(image), "net-b")).toEqual(image);
  });

  it("numbers outputs and plastic inputs in [C, H, W] order", () => {
    const { image } = compileNetwork(small, geometry);
    const plastic = image.cores.find((core) => core.learning !== null)!;
    expect(plastic.inputAxons.map((axon) => axon.logicalInput).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 36 }, (_, j) => j),
    );
    expect([...plastic.learning!.logicalOutput]).toEqual([0, 1, 2]);
    expect(image.embedded.outputs.map((o) => o.compartment)).toEqual([0, 1, 2]);
    expect(image.contract.presentationSteps).toBe(104);
  });

  it("holds the plastic rule of the model in its microcode's text", () => {
    const lowered = compileNetwork(small, geometry).passes.find((p) => p.name === "lower-plasticity")!;
    expect(lowered.printed).toContain("dw = 2^-4*u2*x1*(y1-64)");
  });
});
