import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { estimate } from "../../compiler/estimate.js";
import { compileNetwork } from "../../compiler/pipeline.js";
import { writeBundle } from "../../src/cli/bundle.js";
import { inspect } from "../../src/cli/commands/inspect.js";
import { compiledParts } from "../../src/cli/compiled-parts.js";
import type { QuantizedNetwork } from "../../src/model/types.js";
import { conv, dense, geometry, netB, network, pool, prunedNetwork, quantized } from "../compiler/networks.js";
import { recount } from "./recount.mjs";

const folder = mkdtempSync(join(tmpdir(), "metaloihi-recount-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What `inspect --json` prints of a network's bundle. */
function inspected(name: string, model: QuantizedNetwork) {
  const path = join(folder, name);
  writeBundle(path, compiledParts(compileNetwork(model, geometry), estimate(model.spec), new Uint8Array(10)));
  return JSON.parse(JSON.stringify(inspect({ file: path }).json));
}

/** 64 × 250 × 10 neurons: more than one chip's cores hold. */
const twoChips = network("two-chips", [1, 64, 250], [conv("c1", 10, 1), pool("p1"), pool("p2"), pool("p3"), dense("out", 3)], { soel: null });

describe("the resources that inspect prints", () => {
  const small = inspected("net-b", quantized(netB));

  it.each<[string, () => QuantizedNetwork]>([
    ["lists of every format", prunedNetwork],
    ["two chips", () => quantized(twoChips)],
  ])("are what its own tables add up to: %s", (name, model) => {
    const json = inspected(name.replaceAll(/\W/g, "-"), model());
    if (name === "two chips") expect(json.chips).toBe(2);
    expect(recount(json)).toEqual([]);
  });

  it("would be found out if a count were wrong", () => {
    expect(recount(small)).toEqual([]);
    const wrong = (change: (core: typeof small) => void): string[] => {
      const json = structuredClone(small);
      change(json);
      return recount(json);
    };
    const first = (change: (core: (typeof small)["cores"][number]) => void) => wrong((json) => change(json.cores[0]));
    expect(first((c) => c.compartments--)).toMatchObject([expect.stringContaining("compartments")]);
    expect(first((c) => c.inputAxons++)).toMatchObject([expect.stringContaining("input axons")]);
    expect(first((c) => c.synapseWords--)).toMatchObject([expect.stringContaining("synapse words")]);
    expect(first((c) => c.outputAxons.perPopulation++)).toMatchObject([expect.stringContaining("slots a population")]);
    expect(first((c) => c.outputAxons.perCompartment--)).toMatchObject([expect.stringContaining("slots a compartment")]);
    expect(first((c) => c.formatUse[0].bits++)).toMatchObject([expect.stringContaining("bits of format 1")]);
    expect(first((c) => c.formats++)).toMatchObject([expect.stringContaining("formats")]);
    expect(first((c) => { c.blocks[0].longestBits += 64; }).length).toBeGreaterThan(0);
    expect(wrong((json) => { json.layers[0].shape = [1, 1, 1]; })).toMatchObject([expect.stringContaining("layer conv1")]);
    expect(wrong((json) => { json.traffic.messages--; })).toMatchObject([expect.stringContaining("messages")]);
  });
});

describe("inspect's text", () => {
  const path = join(folder, "net-b");
  const { text } = inspect({ file: path });

  it("shows the floorplan of compartments, words and traffic, and what placement saves over the order of the layers", () => {
    for (const what of ["compartments of each core", "synapse words", "messages sent and received"]) expect(text).toContain(`floorplan of chip 0 (${what}`);
    // 4 rows of 8 tiles of 4 cores: 128 places.
    const rows = text.split("\n").filter((line) => /^ {2}([\d.]{4} ?){8}$/.test(line));
    expect(rows.length).toBe(3 * 4);
    expect(rows.slice(0, 4).join("").replaceAll(/[^\d.]/g, "").length).toBe(128);
    expect(text).toMatch(/cores in the order of their layers: [\d.]+ hops/);
  });

  it("shows what each pass made and how long it took, energy by either table, the symbols and the C", () => {
    for (const pass of ["verify", "lower-plasticity", "partition", "place", "route", "allocate", "emit", "expand"])
      expect(text).toMatch(new RegExp(`^ {2}${pass} \\d+ ms$`, "m"));
    expect(text).toContain("5 cores on 1 chips");
    expect(text).toMatch(/d18: [\d.e-]+ J a sample, [\d.e-]+ J a class learned, [\d.e-]+ s a sample, static [\d.e-]+ J; not known: barrier energy/);
    expect(text).toMatch(/sanafe: .*not known: synaptic update \(learning\)/);
    expect(text).toContain("dw = 2^-4*u2*x1*(y1-64)");
    expect(text).toMatch(/out: 0:\d+ 0, 5/);
    expect(text).toContain("#include");
  });

  it("places cores with no more hops than their order would", () => {
    const { traffic } = inspect({ file: path }).json as { traffic: { meshJ: number; naive: { meshJ: number } } };
    expect(traffic.meshJ).toBeLessThanOrEqual(traffic.naive.meshJ);
  });
});
