import { describe, expect, it } from "vitest";
import type { ChipImage, CoreImage, InputAxon } from "../../hw/image.js";
import { packLists, unpackList } from "../../hw/synapse-words.js";
import { loadMachine } from "../../sim/load.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { recurrentImage } from "../support/small-images.js";

const frames = framesOfSpikes(Array.from({ length: 60 }, (_, k) => [(k * 7) % 30, (k * 3) % 5] as const), 30);

async function run(image: ChipImage) {
  const machine = await loadMachine(image, { seed: 1 });
  const trace = await machine.present(frames, { learn: false, label: -1 });
  return { spikes: trace.spikes, counts: { ...machine.counts } };
}

/** The image with its second core on another chip. */
function onTwoChips(image: ChipImage): ChipImage {
  const moved = (core: number) => (core === 1 ? 1 : 0);
  return {
    ...image, chips: 2,
    cores: image.cores.map((core) => ({
      ...core, chip: moved(core.core), outputAxons: core.outputAxons.map((axon) => ({ ...axon, chip: moved(axon.core) })),
    })),
    symbols: image.symbols.map((range) => ({ ...range, chip: moved(range.core) })),
    contract: { ...image.contract, chip: image.contract.core.map(moved) },
  };
}

/** The image with the inputs of core 0 behind one population axon, an atom each. */
function withPopulation(image: ChipImage, kind: "pop16" | "pop32"): ChipImage {
  const [core] = image.cores;
  const inputs = [...new Set(image.contract.axon.filter((_, k) => image.contract.core[k] === 0))].sort((a, b) => a - b);
  const lists = inputs.map((axon) => unpackList(core.synapseFormats, core.synapseMemory, core.inputAxons[axon].synapsePtr, core.inputAxons[axon].synapseLen));
  const { words, synapseLen } = packLists(core.synapseFormats, lists);
  const population: InputAxon = {
    kind, synapsePtr: core.synapseMemory.length / 8, synapseLen, atoms: inputs.length, cxBase: 0, preTraceConfig: -1, logicalInput: -1,
  };
  const memory = new Uint8Array(core.synapseMemory.length + words.length);
  memory.set(core.synapseMemory);
  memory.set(words, core.synapseMemory.length);
  const changed: CoreImage = { ...core, synapseMemory: memory, inputAxons: [...core.inputAxons, population] };
  const { contract } = image;
  return {
    ...image, cores: [changed, ...image.cores.slice(1)],
    contract: {
      ...contract,
      atom: contract.axon.map((axon, k) => (contract.core[k] === 0 ? inputs.indexOf(axon) : contract.atom[k])),
      axon: contract.axon.map((axon, k) => (contract.core[k] === 0 ? core.inputAxons.length : axon)),
    },
  };
}

describe("axons", () => {
  it("two axons on one list, 2 compartments apart, drive the compartments that their cxBase says", async () => {
    const image = recurrentImage();
    const { compartments, ...rest } = image.cores[0];
    const core = { ...rest, compartments: Uint32Array.of(...compartments, compartments[0], compartments[0]) };
    const quiet = core.inputAxons.map((axon) => ({ ...axon, synapseLen: 0 }));
    const shifted = (cxBase: number): ChipImage => ({
      ...image, cores: [{ ...core, inputAxons: [{ ...core.inputAxons[0], cxBase }, ...quiet.slice(1)] }, ...image.cores.slice(1)],
    });
    const reached = async (cxBase: number) => {
      const machine = await loadMachine(shifted(cxBase), { seed: 1 });
      const rows: number[][] = [];
      machine.probe = ({ cores }, r) => {
        if (r === 2) rows.push(Array.from(cores[0].u));
      };
      await machine.present(framesOfSpikes([[0, 0]], 30), { learn: false, label: -1 });
      return rows[0].flatMap((u, c) => (u !== 0 ? [[c - cxBase, u]] : []));
    };
    expect(await reached(0)).toEqual([[0, 40 * 2 * 64], [3, -24 * 2 * 64]]);
    expect(await reached(2)).toEqual(await reached(0));
  });

  it("a core on another chip spikes the same; only the way there is longer", async () => {
    const image = recurrentImage();
    expect(image.cores.length).toBe(2);
    const [here, there] = [await run(image), await run(onTwoChips(image))];
    expect(there.spikes).toEqual(here.spikes);
    expect(here.spikes[0].step.length).toBeGreaterThan(30);
    expect(here.counts.offChipMessages).toBe(0);
    expect(there.counts.offChipMessages).toBeGreaterThan(10);
    expect({ ...there.counts, offChipMessages: 0, hopsEastWest: 0 }).toEqual({ ...here.counts, offChipMessages: 0, hopsEastWest: 0 });
  });

  it.each(["pop16", "pop32"] as const)("a %s axon with an atom an input equals the inputs' own discrete axons", async (kind) => {
    const image = recurrentImage();
    const [discrete, population] = [await run(image), await run(withPopulation(image, kind))];
    expect(population.spikes).toEqual(discrete.spikes);
    expect(population.counts.synapticOperations).toBe(discrete.counts.synapticOperations);
    expect(population.counts.populationOperations).toBeGreaterThan(10);
  });
});
