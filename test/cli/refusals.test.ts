import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { benchmarkMetaStep } from "../../src/cli/bench/meta-step.js";
import { readPeersProblem } from "../../src/cli/bench/peers-problem.js";
import { preparedSource } from "../../src/cli/config-source.js";
import { deriveFor } from "../../src/cli/derive-network.js";
import { doubleNmnistSource } from "../../src/cli/task-source.js";
import { kernelSpec } from "../../src/engines/native/loihi/kernel-spec.js";
import { PRESETS } from "../../src/model/presets.js";
import { resolveConfig } from "../../src/train/config.js";

const folder = mkdtempSync(join(tmpdir(), "refusals-"));
afterAll(() => rmSync(folder, { recursive: true }));
const layers = [{ kind: "conv", name: "c", channels: 2, kernel: 3 }, { kind: "dense", name: "o", outputs: 5 }] as const;

describe("refusals", () => {
  it("name the key whose size is not that of the recordings, and the right one [E-DATA-002]", async () => {
    const config = resolveConfig({ network: { input: { height: 8, width: 32 }, steps: 50, layers: [...layers] } });
    await expect(preparedSource(config)).rejects.toThrow(
      /^network\.input\.height 8: .*allowed: network\.input\.height 16\..*E-DATA-002/);
    const long = resolveConfig({ network: { input: { height: 16, width: 32 }, steps: 150, layers: [...layers] } });
    await expect(preparedSource(long)).rejects.toThrow(/^network\.steps 150, geometry\.timestepUs 1000: a sample of 150 ms.*--data.*E-DATA-002/);
  });

  it("say that simulated recordings stand beside protocol B alone, and must say that they are simulated [E-DATA-005]", async () => {
    await expect(doubleNmnistSource(undefined, "A", {}, { simulated: folder })).rejects.toThrow(/data\.simulated.*protocol A.*E-DATA-005/);
    await expect(doubleNmnistSource(undefined, "B", {}, { simulated: folder })).rejects.toThrow(/does not say that it is simulated.*E-DATA-005/);
  });

  it("say that a network's input is larger than the sensor [E-DATA-006]", () => {
    const config = resolveConfig({ data: { set: "folder" }, network: { input: { height: 200, width: 200 }, layers: [...layers] } });
    expect(() => deriveFor(config, { classes: 40, sensor: { width: 64, height: 64 }, spanUs: 1e5 })).toThrow(/network\.input: 200×200.*E-DATA-006/);
  });

  it("say what a peers' problem lacks [E-BENCH-001], and which one a network takes [E-BENCH-003]", async () => {
    const path = join(folder, "no.npz");
    writeFileSync(path, "no archive");
    expect(() => readPeersProblem(path, PRESETS["double-nmnist-srm"].network)).toThrow(/no\.npz: not an \.npz file.*E-BENCH-001/);
    await expect(benchmarkMetaStep({ network: "demo", mode: "second", problem: "other", repeats: 1, threads: 1 })).rejects.toThrow(/--problem: other.*"peers".*E-BENCH-003/);
  });

  // E-ENG-021 was the refusal of a form of SOEL, and went with the last one refused.
  it("say what the kernels' last layer may be [E-ENG-020], and how long a row of a map [E-ENG-021]", () => {
    const long = resolveConfig({ network: { input: { height: 4, width: 700 }, layers: [
      { kind: "conv", name: "wide", channels: 100, kernel: 3 }, { kind: "conv", name: "narrow", channels: 4, kernel: 3, stride: 3 },
      { kind: "dense", name: "output", outputs: 5 }] } });
    expect(() => kernelSpec(long.spec, 1)).toThrow(/layer "wide": 700 columns of 100 channels.*E-ENG-021/);
    const wide = { ...PRESETS.demo.network, layers: PRESETS.demo.network.layers.map((l) => (l.kind === "dense" ? { ...l, outputs: 5000 } : l)) };
    expect(() => kernelSpec(wide, 1)).toThrow(/layer "output": 5000 outputs.*E-ENG-020/);
  });
});
