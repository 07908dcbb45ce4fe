import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compileNetwork } from "../../../compiler/pipeline.js";
import { assembleRules } from "../../../hw/assembler.js";
import { encodeImage } from "../../../hw/image-codec.js";
import { encodeMicrocode } from "../../../hw/microcode.js";
import type { ChipStepFigures } from "../../../sim/bench.js";
import type { InputFrames } from "../../../sim/chip.js";
import { Rng } from "../../base/rng.js";
import { smallImage } from "../../interop/cases/small-network.js";
import type { LayerSpec, NetworkSpec, QuantizedLayer } from "../../model/types.js";
import { framesOfSpikes } from "../cases/frames.js";
import { type ChipProblem, readChipProblem } from "./chip-problem.js";

/** What `bench chip-step` prints. */
export interface ChipStepReport extends Omit<ChipStepFigures, "trace"> {
  readonly case: "paper" | "plastic";
  /** Largest memory of the process that loads the image and runs it. */
  readonly rss_mib: number;
  /** With a problem of the peers: whether spikes of every layer and the output raster equal their reference's. */
  readonly equal?: boolean;
}

export interface ChipStepOptions {
  readonly repeats: number;
  readonly kernels?: "wasm" | "typescript";
  /** The peers' integers (`readChipProblem`) instead of a made-up case. */
  readonly problem?: string;
}

/** Time of a chip step: the network of the speed comparison (32c5-2a-64c5-2a-128c5-2a-5 at 3 % input, 100 steps), or a plastic
 *  1024×5 layer that learns in every step (12 % input, 300 steps). The peers' scripts draw the same distributions; with
 *  `problem` it is their very network and input. Runs in a process of its own.
 *  @throws UserError E-BENCH-001 where the problem's file is not one */
export async function benchmarkChipStep(which: "paper" | "plastic", options: ChipStepOptions): Promise<ChipStepReport> {
  const problem = options.problem === undefined ? null : readChipProblem(options.problem);
  const { name, file, frames, expected } = problem === null ? drawnCase(which) : givenCase(problem);
  const { trace, ...figures } = await runApart(file, frames, options);
  return {
    case: name, ...figures,
    ...(expected && { equal: sameSpikes(trace, expected) }),
  };
}

/** Runs the image in a fresh process. */
async function runApart(
  file: Uint8Array, frames: InputFrames, { repeats, kernels }: ChipStepOptions,
): Promise<ChipStepFigures & { readonly rss_mib: number }> {
  const folder = mkdtempSync(join(tmpdir(), "chip-step-"));
  try {
    writeFileSync(join(folder, "image.mlh"), file);
    const plain = Object.fromEntries(Object.entries(frames).map(([name, column]) => [name, Array.from(column as Uint32Array)]));
    writeFileSync(join(folder, "run.json"), JSON.stringify({ ...plain, repeats, kernels }));
    const own = fileURLToPath(import.meta.url);
    const { stdout } = await promisify(execFile)(
      process.execPath, [...process.execArgv, join(dirname(own), `chip-step-run${extname(own)}`), folder], { maxBuffer: 2 ** 26 },
    );
    return JSON.parse(stdout) as ChipStepFigures & { rss_mib: number };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The peers' reference counts a layer's spikes up to step T, and so do we: a layer's answer to frame f comes in the same step. */
function sameSpikes(trace: ChipStepFigures["trace"], { spikesPerLayer, output }: NonNullable<BenchCase["expected"]>): boolean {
  const outputs = trace.lastLayer.length === 0 ? [] : trace.lastLayer;
  const seen = new Set(outputs.map(([step, neuron]) => `${step} ${neuron}`));
  const ways = output.length / trace.steps;
  const wanted = output.flatMap((on, k) => (on ? [`${Math.floor(k / ways) + 1} ${k % ways}`] : []));
  return trace.spikesPerLayer.join() === spikesPerLayer.join() && wanted.length === seen.size && wanted.every((key) => seen.has(key));
}

/** Stream of the benchmark's draws; nothing else uses it. */
const STREAM = 0x1f000;

function drawnCase(which: "paper" | "plastic"): BenchCase {
  const { file, steps, channels, density } = which === "paper" ? paperCase() : plasticCase();
  const rng = new Rng(3, STREAM);
  const spikes = Array.from({ length: steps * channels }, (_, k) => [Math.floor(k / channels), k % channels] as const)
    .filter(() => rng.uniform() < density);
  return { name: which, file, frames: framesOfSpikes(spikes, steps) };
}

function givenCase(problem: ChipProblem): BenchCase {
  if (problem.kind === "plastic") {
    const { inputs, outputs, weights, steps, frames } = problem;
    return { name: "plastic", file: plasticImage(inputs, outputs, steps, (i, j) => weights[i * inputs + j]), frames };
  }
  const { layers, quantized, input, steps, frames, expected } = problem;
  return { name: "paper", file: networkImage(layers, quantized, input, steps), frames, expected };
}

interface BenchCase {
  readonly name: "paper" | "plastic";
  readonly file: Uint8Array;
  readonly frames: InputFrames;
  readonly expected?: { readonly spikesPerLayer: readonly number[]; readonly output: readonly number[] };
}

interface DrawnCase {
  readonly file: Uint8Array;
  readonly steps: number;
  readonly channels: number;
  readonly density: number;
}

/** Thresholds at which each layer spikes as often as in the peers' network (75,767 spikes in 100 steps there, 74,061 here). */
const PAPER_VTH = { conv1: 1491, conv2: 8241, conv3: 12_360, output: 17_450 } as const;
const SRM = { alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: 1 };

function paperCase(): DrawnCase {
  const rng = new Rng(1, STREAM);
  const mantissas = (count: number) => Int16Array.from({ length: count }, () =>
    2 * Math.max(-127, Math.min(127, Math.round(2 + 24 * rng.normal()))));
  const weighted = (name: keyof typeof PAPER_VTH) => ({
    name, weight: { bits: 8, signMode: "mixed", wgtExp: 0 }, srm: SRM,
    loihi: { decayU: 1024, decayV: 256, vthMant: PAPER_VTH[name], refractory: 1, biasExp: 0 },
  } as const);
  const conv = (name: "conv1" | "conv2" | "conv3", outChannels: number) => ({
    ...weighted(name), kind: "conv", outChannels, kernel: [5, 5], stride: [1, 1], padding: [2, 2], groups: 1,
  } as const);
  const pool = (name: string) => ({ name, kind: "pool" } as const);
  const layers: LayerSpec[] = [
    conv("conv1", 32), pool("pool1"), conv("conv2", 64), pool("pool2"), conv("conv3", 128), pool("pool3"),
    { ...weighted("output"), kind: "dense", outputs: 5 },
  ];
  const quantized = (name: string, count: number, outputs: number): QuantizedLayer =>
    ({ name, mantissa: mantissas(count), biasMant: new Int16Array(outputs), biasExp: 0 });
  const file = networkImage(layers, [
    quantized("conv1", 32 * 2 * 25, 32), quantized("conv2", 64 * 32 * 25, 64), quantized("conv3", 128 * 64 * 25, 128),
    quantized("output", 5 * 1024, 5),
  ], { height: 32, width: 16 }, 100);
  return { file, steps: 100, channels: 1024, density: 0.03 };
}

function networkImage(
  layers: readonly LayerSpec[], quantized: readonly QuantizedLayer[], { height, width }: { height: number; width: number }, steps: number,
): Uint8Array {
  const spec: NetworkSpec = {
    name: "speed comparison", neuronModel: "loihi", steps, layers, soel: null, readout: { kappa: 0.1, lambda: 1 },
    input: { polarities: 2, height, width, mode: "binary" },
  };
  const { image } = compileNetwork({ spec, soel: null, layers: quantized }, {
    sensor: { width, height }, crop: { x: 0, y: 0, width, height }, downsample: 1, compose: 1, timestepUs: 1000,
  });
  return encodeImage(image);
}

const PLASTIC = { inputs: 1024, outputs: 5, steps: 300, vthMant: 600, impulse: 16, tau: 10 } as const;

function plasticCase(): DrawnCase {
  const rng = new Rng(2, STREAM);
  const { inputs, outputs, steps } = PLASTIC;
  const weights = Int16Array.from({ length: inputs * outputs }, () => 2 * (rng.below(81) - 40));
  return { file: plasticImage(inputs, outputs, steps, (i, j) => weights[j * outputs + i]), steps, channels: inputs, density: 0.12 };
}

/** A layer under a pair rule, `dw = 2^-4*x1*y0 - 2^-4*y1*x0`, as the peers' script has it. */
function plasticImage(inputs: number, outputCount: number, steps: number, weight: (i: number, j: number) => number): Uint8Array {
  const outputs = Array.from({ length: outputCount }, (_, i) => i);
  const { image } = smallImage({
    name: "plastic layer", recurrent: null, weightBits: 8, signMode: 1, wgtExp: 0,
    neurons: outputs.map(() => ({ decayU: 1024, decayV: 256, vthMant: PLASTIC.vthMant, refractory: 1, biasMant: 0, biasExp: 0 })),
    inputs: Array.from({ length: inputs }, (_, j) => ({
      target: outputs, mantissa: outputs.map((i) => weight(i, j)), delay: outputs.map(() => 0),
    })),
  }, { steps, presentationSteps: steps, mode: "binary", chipSeed: 1 });
  const trace = { decay: Math.round(65_536 * Math.exp(-1 / PLASTIC.tau)), impulse: PLASTIC.impulse, impulseFraction: 0 };
  const { products } = assembleRules({ dw: "2^-4*x1*y0 - 2^-4*y1*x0" });
  const [core] = image.cores;
  return encodeImage({
    ...image,
    layers: [{ name: "output", kind: "dense", shape: [outputCount, 1, 1], plastic: true }],
    contract: { ...image.contract, outputs: outputCount },
    cores: [{
      ...core, synapseFormats: core.synapseFormats.map((format) => ({ ...format, learning: true })),
      inputAxons: core.inputAxons.map((axon, j) => ({ ...axon, preTraceConfig: 0, logicalInput: j })),
      learning: {
        plasticLayer: 0, inputs, logicalOutput: Int32Array.from(outputs), preTrace: [trace], postTrace: [trace],
        stdpProfiles: [{ pointer: 0, numProducts: products.length, decimateExp: 0, requireY: false }],
        microcode: encodeMicrocode(products), productMantissaBits: 4, resetPreTrace: true,
      },
    }],
  });
}
