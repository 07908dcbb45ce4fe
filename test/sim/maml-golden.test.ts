import { describe, expect, it } from "vitest";
import { compileNetwork } from "../../compiler/pipeline.js";
import { decodeImage, encodeImage } from "../../hw/image-codec.js";
import { loadMachine } from "../../sim/load.js";
import type { LayerSpec, NetworkSpec, QuantizedNetwork } from "../../src/model/types.js";
import { framesOfBits } from "../../src/cli/cases/frames.js";
import { hasShared, readShared } from "../support/shared.js";

interface GoldenLayer { name: string; kind: "conv" | "pool" | "dense"; out: number; k: [number, number]; pad: [number, number]; stride: [number, number];
  groups: number; bits: number; wgtExp: number; vthMant: number; biasExp: number; decayU: number; decayV: number; refractory: number }
interface Steps { u: number[]; v: number[]; y1?: number[]; w?: number[] }
interface Golden { input: [number, number, number]; T: number; S: number; seed: number; layers: GoldenLayer[];
  soel: Record<"k" | "W" | "gamma" | "tau" | "dx" | "imp" | "hi" | "lo" | "theta" | "m" | "s", number>;
  support: { labels: number[]; frames: string[] }; query: { labels: number[]; frames: string[] };
  mantissas: Record<string, number[]>; raster: Record<string, string[]>; supportSteps: Steps[]; querySteps: Steps[]; N: number[]; decisions: number[] }

const SRM = { alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: 1 };

function networkOf(golden: Golden): QuantizedNetwork {
  const layers = golden.layers.map((l): LayerSpec => {
    if (l.kind === "pool") return { kind: "pool", name: l.name };
    const common = {
      name: l.name, weight: { bits: l.bits, signMode: "mixed" as const, wgtExp: l.wgtExp }, srm: SRM,
      loihi: { decayU: l.decayU, decayV: l.decayV, vthMant: l.vthMant, refractory: l.refractory, biasExp: l.biasExp },
    };
    return l.kind === "dense" ? { kind: "dense", outputs: l.out, ...common }
      : { kind: "conv", outChannels: l.out, kernel: l.k, stride: l.stride, padding: l.pad, groups: l.groups, ...common };
  });
  const [polarities, height, width] = golden.input;
  const { k, W, gamma, tau, dx, imp, hi, lo, theta, m, s } = golden.soel;
  const spec: NetworkSpec = {
    name: "golden", neuronModel: "loihi", input: { polarities, height, width, mode: "binary" }, steps: golden.T, layers,
    readout: { kappa: 0.5, lambda: 1 },
    soel: {
      form: "chip", windowSteps: W, epochExp: k, gamma, tau, impulse: imp, theta, lo, hi, rateMant: m, rateExp: s, passes: 1,
      resetPreTrace: true, learned: [],
    },
  };
  return {
    spec, soel: { hi, lo, theta, rateMant: m, rateExp: s, traceDecay: dx },
    layers: golden.layers.filter((l) => l.kind !== "pool").map((l) => ({
      name: l.name, mantissa: Int16Array.from(golden.mantissas[`${l.name}.weight`]), biasExp: l.biasExp,
      biasMant: Int16Array.from(golden.mantissas[`${l.name}.bias`], (bias) => bias / 2 ** l.biasExp),
    })),
  };
}

describe.skipIf(!hasShared)("a whole small network under SOEL, compiled and run from its image", () => {
  it("spikes, learns and decides as the float64 program, layer by layer and step by step", async () => {
    const golden = readShared<Golden>("golden/maml_loihi_soel_small.json");
    const [, height, width] = golden.input;
    const { image } = compileNetwork(networkOf(golden), {
      sensor: { width, height }, crop: { x: 0, y: 0, width, height }, downsample: 1, compose: 1, timestepUs: 1000,
    });
    const machine = await loadMachine(decodeImage(encodeImage(image), "golden"), { seed: golden.seed });
    const samples = [...golden.support.frames, ...golden.query.frames];
    const channels = golden.input.reduce((a, b) => a * b);
    const perSample = golden.T;
    for (let n = 0; n < samples.length / perSample; n++) {
      const learn = n < golden.support.labels.length;
      const bits = samples.slice(n * perSample, (n + 1) * perSample).join("");
      const trace = await machine.present(framesOfBits(bits, channels), { learn, label: learn ? golden.support.labels[n] : -1 });
      const expected = learn ? golden.supportSteps[n] : golden.querySteps[n - golden.support.labels.length];
      expect([Array.from(trace.u), Array.from(trace.v)], `u and v, sample ${n}`).toEqual([expected.u, expected.v]);
      golden.layers.slice(0, -1).forEach(({ name }, layer) => {
        const raster = new Uint8Array(golden.raster[name][n].length);
        const { step, neuron } = trace.spikes[layer];
        step.forEach((r, k) => {
          raster[(r - 1) * (raster.length / golden.S) + neuron[k]] = 1;
        });
        expect(raster.join(""), `${name}, sample ${n}`).toBe(golden.raster[name][n]);
      });
      if (learn) expect([Array.from(trace.y1), Array.from(trace.weights)], `sample ${n}`).toEqual([expected.y1, expected.w]);
      else {
        const q = n - golden.support.labels.length;
        expect([Array.from(trace.outputSpikes), trace.decision], `sample ${n}`).toEqual([golden.N.slice(3 * q, 3 * q + 3), golden.decisions[q]]);
      }
    }
  });
});
