import type { ChipImage } from "../../../hw/image.js";
import type { OperationCounts } from "../../../sim/trace.js";
import type { Checkpoint } from "../../model/checkpoint.js";
import { parameterShapes } from "../../model/shapes.js";
import type { LayerSpec, NetworkSpec } from "../../model/types.js";
import { type Certificate, describePrograms, formatDifference } from "../../parity/certificate.js";
import type { ReplayResult } from "../../replay/replay-run.js";
import { coreFills, REPORT_LIMITS, REPORT_MESH } from "./core-fill.js";
import { costRows } from "./cost-rows.js";
import type { ExampleTask, ReportData } from "../../report/report-data.js";

/** What a replay, its training and its parity check leave for the report. */
export interface ReportInput {
  readonly title: string;
  readonly image: ChipImage;
  readonly checkpoint: Checkpoint;
  readonly result: ReplayResult;
  /** Operations of presentations without learning, and how many there were. */
  readonly queryCounts: OperationCounts;
  readonly floors: ReportData["floors"];
  readonly example: ExampleTask | null;
  readonly certificate: Certificate | null;
  readonly engine: string;
  /** e.g. "N-MNIST (Orchard et al. 2015, CC BY-SA 4.0)". */
  readonly source: string;
  readonly split: string;
  readonly ways: number;
  readonly shots: number;
  readonly seconds?: number;
  /** [task] percent, where the caller watched training; else the rows of the checkpoint's history. */
  readonly training?: readonly { readonly task: number; readonly accuracy: number }[];
  readonly commands: ReportData["commands"];
}

/** Plain values of the page from what a run leaves behind. */
export function buildReport(input: ReportInput): ReportData {
  const { image, checkpoint, result } = input;
  const classes = result.perTask.length * input.ways;
  // `data` is what was tested on; training may have had simulated recordings beside the real ones (design §8).
  const mixed = checkpoint.config.includes('"simulated":');
  return {
    title: input.title, data: checkpoint.data, protocol: checkpoint.protocol, source: mixed ? `${input.source}, trained on simulated recordings too` : input.source, split: input.split,
    ways: input.ways, shots: input.shots, network: describeNetwork(checkpoint.spec), engine: input.engine, seconds: input.seconds,
    tasks: { trained: checkpoint.step, tested: result.perTask.length },
    accuracy: result.accuracy, floors: input.floors, perTask: result.perTask.map((t) => t.after),
    learningCurve: {
      training: input.training ?? checkpoint.history.map((row) => ({ task: row.tasks, accuracy: 100 * row.accuracy })),
      validation: checkpoint.history.map((row) => ({ task: row.tasks, accuracy: 100 * row.validation })),
    },
    example: input.example, board: image.board, cores: coreFills(image), limits: REPORT_LIMITS, mesh: REPORT_MESH,
    costs: costRows(image, { counts: input.queryCounts, presentations: result.presentations.query },
      { counts: result.learningCounts, presentations: result.presentations.support }, classes),
    certificate: input.certificate && certificateForPage(input.certificate), commands: input.commands,
  };
}

/** The certificate with its programs and its first difference in words. */
export const certificateForPage = (certificate: Certificate): NonNullable<ReportData["certificate"]> => ({
  ...certificate, programText: describePrograms(certificate.programs),
  firstText: certificate.comparison.first ? formatDifference(certificate.comparison.first) : null,
});

function describeNetwork(spec: NetworkSpec): ReportData["network"] {
  const scalars = new Set(["hi", "lo", "theta", "rho"]);
  const parameters = parameterShapes(spec).filter(({ name }) => !scalars.has(name))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const bits = spec.layers.flatMap((layer) => (layer.kind === "pool" ? [] : [layer.weight.bits]));
  return { name: spec.name, layers: spec.layers.map(describeLayer), parameters, weightBits: Math.max(...bits) };
}

function describeLayer(layer: LayerSpec): string {
  if (layer.kind === "pool") return "pool 2×2";
  if (layer.kind === "dense") return `dense ${layer.outputs}`;
  const stride = layer.stride[0] === 1 && layer.stride[1] === 1 ? "" : ` stride ${layer.stride[0]}`;
  return `conv ${layer.kernel[0]}×${layer.kernel[1]}${stride} (${layer.outChannels})`;
}
