import { Rng } from "../../src/base/rng.js";
import { REPORT_MESH } from "../../src/cli/report/core-fill.js";
import { certificateForPage } from "../../src/cli/report/build-report.js";
import { makeCertificate } from "../../src/parity/certificate.js";
import { compareRecords } from "../../src/parity/compare-records.js";
import type { RasterSample, ReportData } from "../../src/report/report-data.js";
import { handTrace } from "../parity/records.js";

const rng = new Rng(1, 0x20000);
const WINDOWS = [20, 40, 60, 80, 100];
const CLASSES = ["07", "13", "47", "62", "98"];
const OUTPUTS = CLASSES.length;

function spikes(neurons: number, share: number): { step: number[]; neuron: number[] } {
  const [step, neuron]: [number[], number[]] = [[], []];
  for (let r = 2; r <= 104; r++) {
    for (let n = 0; n < neurons; n++) {
      if (rng.uniform() < share) {
        step.push(r);
        neuron.push(n);
      }
    }
  }
  return { step, neuron };
}

const sample = (title: string): RasterSample => ({
  title, steps: 104, windowEnds: WINDOWS, outputSpikes: [3, 0, 17, 5, 1], target: 2, decision: 2,
  layers: [
    { name: "input", neurons: 1024, ...spikes(1024, 0.02) }, { name: "conv1", neurons: 2048, ...spikes(2048, 0.02) },
    { name: "conv2", neurons: 1024, ...spikes(1024, 0.03) }, { name: "conv3", neurons: 512, ...spikes(512, 0.04) },
    { name: "output", neurons: OUTPUTS, ...spikes(OUTPUTS, 0.12) },
  ],
});

/** A page's worth of invented but plausible values, to look at the layout. */
export const sampleReport: ReportData = {
  title: "Two-digit numbers, each learned from one look", data: "real", protocol: "B",
  source: "N-MNIST, Orchard et al. 2015, CC BY-SA 4.0", split: "meta-test", ways: 5, shots: 1,
  network: {
    name: "double-nmnist-small", parameters: 26517, weightBits: 8,
    layers: ["conv 5×5 stride 2 (16)", "conv 3×3 stride 2 (32)", "conv 3×3 stride 2 (64)", "dense 5"],
  },
  engine: "native", seconds: 187, tasks: { trained: 1500, tested: 40 },
  accuracy: { before: 19.4, after: 91.8, ci95: 1.3 }, floors: { chance: 20, frames: 61.2, features: 96.1, gradientStep: 90.2 },
  perTask: Array.from({ length: 40 }, () => 100 - 4 * Math.floor(6 * rng.uniform() ** 2)),
  learningCurve: {
    training: Array.from({ length: 1500 }, (_, task) => ({ task, accuracy: Math.min(100, 94 - 74 * Math.exp(-task / 260) + 9 * rng.normal()) })),
    validation: Array.from({ length: 8 }, (_, k) => ({ task: 190 * (k + 1), accuracy: 92 - 60 * Math.exp(-(k + 1) / 1.6) })),
  },
  example: {
    number: 0, classNames: CLASSES, windowEnds: WINDOWS, support: sample("Support: a recording of class 47"), query: sample("Query: another recording of class 47"),
    lessons: [2, 0, 4, 1, 3].map((label) => ({
      label, errors: WINDOWS.map((_, w) => CLASSES.map((_, i) => (i === label ? Math.max(0, 42 - 12 * w) : -3 * Math.floor(4 * rng.uniform())))),
      raised: CLASSES.map((_, i) => (i === label ? 310 : 0)), lowered: CLASSES.map((_, i) => (i === label ? 0 : 120)),
      sum: CLASSES.map((_, i) => (i === label ? 5200 : -Math.floor(1500 * rng.uniform()))),
    })),
    weightChange: CLASSES.map(() => Array.from({ length: 512 }, () => (rng.uniform() < 0.4 ? Math.round(40 * rng.normal()) : 0))),
  },
  board: "kapoho-bay",
  cores: [
    { chip: 0, core: 0, layers: ["conv1"], compartments: 1024, synapseWords: 3200, inputAxons: 1024, outputAxonSlots: 2100, plastic: false },
    { chip: 0, core: 1, layers: ["conv1"], compartments: 1024, synapseWords: 3200, inputAxons: 1024, outputAxonSlots: 2100, plastic: false },
    { chip: 0, core: 2, layers: ["conv2"], compartments: 1024, synapseWords: 9800, inputAxons: 2048, outputAxonSlots: 1500, plastic: false },
    { chip: 0, core: 3, layers: ["conv3", "output"], compartments: 517, synapseWords: 12900, inputAxons: 3100, outputAxonSlots: 640, plastic: true },
  ],
  limits: { compartments: 1024, synapseWords: 16384, inputAxons: 4096, outputAxonSlots: 4096 },
  mesh: REPORT_MESH,
  costs: [
    { model: "Davies 2018", energyPerSampleJ: 3.2e-5, energyPerClassJ: 4.1e-5, secondsPerSample: 1.1e-3, notes: ["pre-silicon simulation at 0.75 V"] },
    { model: "SANA-FE", energyPerSampleJ: 7.9e-5, energyPerClassJ: 9e-5, secondsPerSample: 1.9e-3, notes: ["no figure for synaptic updates"] },
  ],
  certificate: certificateForPage(makeCertificate({
    comparison: compareRecords([handTrace], [handTrace], ["hidden", "output"]), engine: "native", programs: ["typed"], data: "real",
    source: "double N-MNIST", protocol: "B", split: "meta-test", tasks: [0, 1, 2, 3], taskSeed: 1, chipSeed: 1,
    hashes: { "image.mlh": "9f".repeat(32), "checkpoint.mlh": "1c".repeat(32) }, resetPreTrace: true,
  })),
  commands: [
    { what: "hold trainer and chip against each other again", line: "npx metaloihi verify out/bundle" },
    { what: "teach the chip a class of your own", line: "npx metaloihi teach out/bundle --class wave=wave.bin -o out/taught" },
  ],
};
