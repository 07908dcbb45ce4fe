import { compileNetwork } from "../../../compiler/pipeline.js";
import { assembleRules } from "../../../hw/assembler.js";
import { encodeImage } from "../../../hw/image-codec.js";
import { encodeMicrocode } from "../../../hw/microcode.js";
import { benchChipStep, type ChipStepFigures } from "../../../sim/bench.js";
import { Rng } from "../../base/rng.js";
import { smallImage } from "../../interop/cases/small-network.js";
import type { LayerSpec, NetworkSpec, QuantizedLayer } from "../../model/types.js";
import { framesOfSpikes } from "../cases/frames.js";

/** What `bench chip-step` prints. */
export interface ChipStepReport extends ChipStepFigures {
  readonly case: "paper" | "plastic";
  readonly rss_mib: number;
}

/** Time of a chip step: the network of the speed comparison (32c5-2a-64c5-2a-128c5-2a-5 at 3 % input, 100 steps), or a plastic
 *  1024×5 layer that learns in every step (12 % input, 300 steps). The peers' scripts draw the same distributions. */
export async function benchmarkChipStep(
  which: "paper" | "plastic", options: { readonly repeats: number; readonly kernels?: "wasm" | "typescript" },
): Promise<ChipStepReport> {
  const { file, steps, channels, density } = which === "paper" ? paperCase() : plasticCase();
  const rng = new Rng(3, STREAM);
  const spikes = Array.from({ length: steps * channels }, (_, k) => [Math.floor(k / channels), k % channels] as const)
    .filter(() => rng.uniform() < density);
  const figures = await benchChipStep(file, framesOfSpikes(spikes, steps), { ...options, cpuMs });
  return { case: which, ...figures, rss_mib: process.memoryUsage().rss / 2 ** 20 };
}

/** Processor milliseconds of this process, user and system. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Stream of the benchmark's draws; nothing else uses it. */
const STREAM = 0x1f000;

interface BenchCase {
  readonly file: Uint8Array;
  readonly steps: number;
  readonly channels: number;
  readonly density: number;
}

/** Thresholds at which each layer spikes as often as in the peers' network (75,767 spikes in 100 steps there, 74,061 here). */
const PAPER_VTH = { conv1: 1491, conv2: 8241, conv3: 12_360, output: 17_450 } as const;
const SRM = { alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: 1 };

function paperCase(): BenchCase {
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
  const spec: NetworkSpec = {
    name: "speed comparison", neuronModel: "loihi", steps: 100, layers, soel: null, readout: { kappa: 0.1, lambda: 1 },
    input: { polarities: 2, height: 32, width: 16, mode: "binary" },
  };
  const { image } = compileNetwork({
    spec, soel: null,
    layers: [quantized("conv1", 32 * 2 * 25, 32), quantized("conv2", 64 * 32 * 25, 64), quantized("conv3", 128 * 64 * 25, 128),
      quantized("output", 5 * 1024, 5)],
  }, {
    sensor: { width: 16, height: 32 }, crop: { x: 0, y: 0, width: 16, height: 32 }, downsample: 1, compose: 1, timestepUs: 1000,
  });
  return { file: encodeImage(image), steps: 100, channels: 1024, density: 0.03 };
}

const PLASTIC = { inputs: 1024, outputs: 5, steps: 300, vthMant: 600, impulse: 16, tau: 10 } as const;

/** A pair rule, `dw = 2^-4*x1*y0 - 2^-4*y1*x0`, as the peers' script has it. */
function plasticCase(): BenchCase {
  const rng = new Rng(2, STREAM);
  const outputs = Array.from({ length: PLASTIC.outputs }, (_, i) => i);
  const { image } = smallImage({
    name: "plastic layer", recurrent: null, weightBits: 8, signMode: 1, wgtExp: 0,
    neurons: outputs.map(() => ({ decayU: 1024, decayV: 256, vthMant: PLASTIC.vthMant, refractory: 1, biasMant: 0, biasExp: 0 })),
    inputs: Array.from({ length: PLASTIC.inputs }, () => ({
      target: outputs, mantissa: outputs.map(() => 2 * (rng.below(81) - 40)), delay: outputs.map(() => 0),
    })),
  }, { steps: PLASTIC.steps, presentationSteps: PLASTIC.steps, mode: "binary", chipSeed: 1 });
  const trace = { decay: Math.round(65_536 * Math.exp(-1 / PLASTIC.tau)), impulse: PLASTIC.impulse, impulseFraction: 0 };
  const { products } = assembleRules({ dw: "2^-4*x1*y0 - 2^-4*y1*x0" });
  const [core] = image.cores;
  const file = encodeImage({
    ...image,
    layers: [{ name: "output", kind: "dense", shape: [PLASTIC.outputs, 1, 1], plastic: true }],
    contract: { ...image.contract, outputs: PLASTIC.outputs },
    cores: [{
      ...core, synapseFormats: core.synapseFormats.map((format) => ({ ...format, learning: true })),
      inputAxons: core.inputAxons.map((axon, j) => ({ ...axon, preTraceConfig: 0, logicalInput: j })),
      learning: {
        plasticLayer: 0, inputs: PLASTIC.inputs, logicalOutput: Int32Array.from(outputs), preTrace: [trace], postTrace: [trace],
        stdpProfiles: [{ pointer: 0, numProducts: products.length, decimateExp: 0, requireY: false }],
        microcode: encodeMicrocode(products), productMantissaBits: 4, resetPreTrace: true,
      },
    }],
  });
  return { file, steps: PLASTIC.steps, channels: PLASTIC.inputs, density: 0.12 };
}
