import type { MeshPosition } from "../../hw/topology.js";
import type { Certificate } from "../parity/certificate.js";

/** Spikes of one layer in one presentation, for a raster. */
export interface RasterLayer {
  readonly name: string;
  /** Neurons (or input channels) the axis spans. */
  readonly neurons: number;
  /** [spike] r of the presentation, from 1, and neuron. */
  readonly step: ArrayLike<number>;
  readonly neuron: ArrayLike<number>;
}

/** One presentation as the report draws it. */
export interface RasterSample {
  /** e.g. "support, class 47". */
  readonly title: string;
  /** S. */
  readonly steps: number;
  /** Steps in which a window ends. */
  readonly windowEnds: readonly number[];
  /** Input, hidden layers, output. */
  readonly layers: readonly RasterLayer[];
  /** [output] spikes N of steps 1…S−1. */
  readonly outputSpikes: readonly number[];
  /** Output told to the chip, or of the true class. */
  readonly target: number;
  readonly decision: number;
}

/** Errors of one support presentation, and what learning made of them. */
export interface LessonRow {
  readonly label: number;
  /** [window][output] e = y1 − 64 as the embedded program wrote it. */
  readonly errors: readonly (readonly number[])[];
  /** [output] mantissas that rose, that fell, and the sum of the changes. */
  readonly raised: readonly number[];
  readonly lowered: readonly number[];
  readonly sum: readonly number[];
}

/** One task looked at closely. */
export interface ExampleTask {
  readonly number: number;
  readonly classNames: readonly string[];
  /** r at which the windows end. */
  readonly windowEnds: readonly number[];
  readonly lessons: readonly LessonRow[];
  readonly support: RasterSample;
  readonly query: RasterSample;
  /** [output][input] change of the mantissa over the whole support. */
  readonly weightChange: readonly ArrayLike<number>[];
}

/** Fill of one used core, counts beside the limits of the chip. */
export interface CoreFill {
  readonly chip: number;
  readonly core: number;
  readonly layers: readonly string[];
  readonly compartments: number;
  readonly synapseWords: number;
  readonly inputAxons: number;
  readonly outputAxonSlots: number;
  readonly plastic: boolean;
}

/** Energy and time by one public cost model; models are never mixed. */
export interface CostRow {
  /** e.g. "Davies 2018 (pre-silicon)". */
  readonly model: string;
  readonly energyPerSampleJ: number;
  readonly energyPerClassJ: number;
  readonly secondsPerSample: number;
  /** What the model leaves out, or is known not to say. */
  readonly notes: readonly string[];
}

/** The parity certificate, and in words which programs ran and where the first difference is. */
export interface ReportCertificate extends Certificate {
  readonly programText: string;
  readonly firstText: string | null;
}

/** Everything on the page, as plain values; `renderReport` reads nothing else. */
export interface ReportData {
  readonly title: string;
  readonly data: "real" | "simulated";
  readonly protocol: string;
  /** e.g. "N-MNIST, Orchard et al. 2015, CC BY-SA 4.0". */
  readonly source: string;
  readonly split: string;
  readonly ways: number;
  readonly shots: number;
  readonly network: { readonly name: string; readonly layers: readonly string[]; readonly parameters: number; readonly weightBits: number };
  readonly engine: string;
  readonly seconds?: number;
  readonly tasks: { readonly trained: number; readonly tested: number };
  /** Percent; ci95 is the half width over tasks. */
  readonly accuracy: { readonly before: number; readonly after: number; readonly ci95: number };
  /** Percent, on the same tasks. */
  readonly floors: { readonly chance: number; readonly frames: number; readonly features: number; readonly gradientStep: number };
  /** Percent after learning, by task. */
  readonly perTask: readonly number[];
  /** Smoothed or raw training accuracy, and meta-validation; percent. Empty where the checkpoint came ready-made. */
  readonly learningCurve: {
    readonly training: readonly { readonly task: number; readonly accuracy: number }[];
    readonly validation: readonly { readonly task: number; readonly accuracy: number }[];
  };
  readonly example: ExampleTask | null;
  readonly board: string;
  readonly cores: readonly CoreFill[];
  readonly limits: { readonly compartments: number; readonly synapseWords: number; readonly inputAxons: number; readonly outputAxonSlots: number };
  /** Where the cores of a chip stand: columns and rows of tiles, and [core] its tile and place in it. */
  readonly mesh: { readonly columns: number; readonly rows: number; readonly positions: readonly MeshPosition[] };
  readonly costs: readonly CostRow[];
  readonly certificate: ReportCertificate | null;
  /** Command lines that repeat what the page shows, or go on from here. */
  readonly commands: readonly { readonly line: string; readonly what: string }[];
}
