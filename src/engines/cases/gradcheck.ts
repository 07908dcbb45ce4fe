import type { NetworkSpec } from "../../model/types.js";
import type { Engine, PresentationRecord } from "../engine.js";
import { checkParameters, parseCase } from "./check-case.js";
import { mamlSoelCase } from "./maml-soel-case.js";
import type { CaseSteps, MamlSoelFile } from "./maml-soel-case.js";
import { mamlTorchCase } from "./maml-torch-case.js";
import type { MamlTorchFile } from "./maml-torch-case.js";

/** How an engine's results on a case differ from the file's. */
export interface GradientReport {
  readonly format: string;
  readonly engine: Engine["name"];
  /** What the engine computes with, where that is a choice. */
  readonly runsOn?: string;
  /** Query loss that the engine found, and its relative difference. */
  readonly loss: number;
  readonly lossDifference: number;
  readonly integers: {
    readonly compared: number;
    readonly differences: number;
    readonly first: string | null;
  };
  /** Largest difference of a tensor relative to its largest entry. */
  readonly tensors: Readonly<Record<string, number>>;
  /** What each of those, and the loss, may be at most. */
  readonly bound: number;
  readonly verdict: "agrees" | "differs";
}

/** Bound of the relative differences. float64: the 1e-9. float32: each gradient passes S·L steps of
 *  the longest chain with about four operations each way, every one of which rounds by 2^−24: 8·S·L·2^−24,
 *  per pass through the network. A wrong rule moves a gradient by 4e-4 or more (golden/README.md), well above
 *  it. */
const boundOf = (engine: Engine, steps: number, passes: number): number =>
  engine.name === "reference" ? 1e-9 : 2 ** -24 * 8 * steps * engine.spec.layers.length * passes;

/** Runs a case on an engine and compares.
 *  @param text of the file; @param name by which the user knows it
 *  @throws UserError E-CASE-001, E-CASE-002 */
export async function gradcheck(
  text: string,
  name: string,
  makeEngine: (spec: NetworkSpec) => Promise<Engine>,
): Promise<GradientReport> {
  const parsed = parseCase(text, name);
  return parsed.format === "maml-soel-1"
    ? checkSoel(parsed.file, name, makeEngine)
    : checkTorch(parsed.file, name, makeEngine);
}

/** Largest difference relative to the largest entry; absolute where all entries are 0. */
function difference(found: ArrayLike<number> | undefined, expected: readonly number[]): number {
  if (!found || found.length !== expected.length) return Infinity;
  let [worst, scale] = [0, 0];
  expected.forEach((x, k) => {
    worst = Math.max(worst, Number.isFinite(found[k]) ? Math.abs(found[k] - x) : Infinity);
    scale = Math.max(scale, Math.abs(x));
  });
  return scale > 0 ? worst / scale : worst;
}

/** Counts integers that differ; remembers the first by name. */
class Integers {
  compared = 0;
  differences = 0;
  first: string | null = null;

  add(what: string, found: ArrayLike<number>, expected: readonly number[] | undefined): void {
    if (!expected) return;
    this.compared += expected.length;
    const different = expected.flatMap((x, k) => (found[k] === x ? [] : [k]));
    const count = different.length + Math.abs(found.length - expected.length);
    this.differences += count;
    if (count > 0) this.first ??= `${what}, entry ${different[0] ?? expected.length}`;
  }

  report(): GradientReport["integers"] {
    return { compared: this.compared, differences: this.differences, first: this.first };
  }
}

const bits = (text: string | undefined): number[] | undefined =>
  text === undefined ? undefined : [...text].map(Number);

/** Spikes of one layer of a record as [S, n] zeros and ones. */
function dense(
  { step, neuron }: PresentationRecord["spikes"][number],
  length: number,
  steps: number,
): Uint8Array {
  const out = new Uint8Array(length);
  step.forEach((r, k) => {
    out[((r - 1) * length) / steps + neuron[k]] = 1;
  });
  return out;
}

function compareSteps(
  integers: Integers,
  what: string,
  record: PresentationRecord,
  steps: CaseSteps,
  S: number,
): void {
  const last = record.spikes[record.spikes.length - 1];
  integers.add(`${what} u`, record.u, steps.u);
  integers.add(`${what} v`, record.v, steps.v);
  const spikes = bits(steps.spikes);
  if (spikes) integers.add(`${what} spikes`, dense(last, spikes.length, S), spikes);
  integers.add(`${what} y1`, record.y1, steps.y1);
  integers.add(`${what} weights`, record.weights, steps.w);
}

async function checkSoel(
  file: MamlSoelFile,
  name: string,
  makeEngine: (spec: NetworkSpec) => Promise<Engine>,
): Promise<GradientReport> {
  const integers = new Integers();
  const tensors: Record<string, number> = {};
  const losses: { found: number; difference: number }[] = [];
  let bound = 0;
  let used: Pick<Engine, "name" | "runsOn"> = { name: "reference" };
  for (const variant of file.variant ? [false, true] : [false]) {
    const { spec, masters, quantized, task, chipSeed, expected } = mamlSoelCase(file, variant);
    checkParameters(spec, masters, name);
    const prefix = variant ? "variant." : "";
    const engine = await makeEngine(spec);
    used = engine;
    bound = boundOf(engine, file.S, 1);
    engine.setParameters(masters, quantized);
    for (const layer of quantized.layers) {
      integers.add(`${layer.name} mantissas`, layer.mantissa, file.mantissas[`${layer.name}.weight`]);
      integers.add(
        `${layer.name} biases`,
        Array.from(layer.biasMant, (m) => m * 2 ** layer.biasExp),
        file.mantissas[`${layer.name}.bias`],
      );
    }
    const { presentations } = await engine.record(task, { outer: "maml", chipSeed, learn: true });
    const n = task.support.length;
    for (const [k, steps] of expected.supportSteps.entries()) {
      compareSteps(integers, `${prefix}support ${k}`, presentations[k], steps, file.S);
    }
    for (const [k, steps] of (expected.querySteps ?? []).entries()) {
      compareSteps(integers, `${prefix}query ${k}`, presentations[n + k], steps, file.S);
    }
    for (const [index, { name: layer }] of spec.layers.entries()) {
      for (const [k, raster] of (expected.raster?.[layer] ?? []).entries()) {
        const found = dense(presentations[k].spikes[index], raster.length, file.S);
        integers.add(`${layer} spikes of sample ${k}`, found, bits(raster));
      }
    }
    const queries = presentations.slice(n);
    integers.add(
      `${prefix}N`,
      queries.flatMap(({ outputSpikes }) => [...outputSpikes]),
      expected.N,
    );
    integers.add(
      `${prefix}decisions`,
      queries.map(({ decision }) => decision),
      expected.decisions,
    );
    const { loss, gradients } = await engine.metaStep(task, { outer: "maml", chipSeed });
    losses.push({ found: loss, difference: Math.abs(loss - expected.loss) / Math.abs(expected.loss) });
    for (const [tensor, values] of Object.entries(expected.gradients)) {
      tensors[prefix + tensor] = difference(gradients[tensor], values);
    }
    engine.dispose();
  }
  return reportOf(
    "maml-soel-1",
    used,
    losses[0].found,
    Math.max(...losses.map((l) => l.difference)),
    integers,
    tensors,
    bound,
  );
}

async function checkTorch(
  file: MamlTorchFile,
  name: string,
  makeEngine: (spec: NetworkSpec) => Promise<Engine>,
): Promise<GradientReport> {
  const { spec, masters, task, inner } = mamlTorchCase(file);
  checkParameters(spec, masters, name);
  const engine = await makeEngine(spec);
  engine.setParameters(masters, { spec, layers: [], soel: null });
  const options = { inner, chipSeed: 0 };
  const second = await engine.metaStep(task, { ...options, outer: "maml" });
  const first = await engine.metaStep(task, { ...options, outer: "fomaml" });
  const evaluated = await engine.evaluate(task, { ...options, outer: "maml", learn: true });
  const tensors: Record<string, number> = {};
  for (const [tensor, values] of Object.entries(file.secondOrderGradient))
    tensors[tensor] = difference(second.gradients[tensor], values);
  for (const [tensor, values] of Object.entries(file.firstOrderGradient)) {
    tensors[`firstOrder.${tensor}`] = difference(first.gradients[tensor], values);
  }
  tensors.queryReadout = difference(evaluated.logits, file.queryReadout);
  const integers = new Integers();
  integers.add("predictions", evaluated.decisions, file.evaluation.predictions);
  const lossDifference = Math.max(
    ...[second.loss, evaluated.loss].map(
      (loss) => Math.abs(loss - file.queryLoss) / Math.abs(file.queryLoss),
    ),
  );
  const bound = boundOf(engine, file.spec.steps, 2);
  engine.dispose();
  return reportOf("maml_torch_small", engine, second.loss, lossDifference, integers, tensors, bound);
}

function reportOf(
  format: string,
  { name, runsOn }: Pick<Engine, "name" | "runsOn">,
  loss: number,
  lossDifference: number,
  integers: Integers,
  tensors: Readonly<Record<string, number>>,
  bound: number,
): GradientReport {
  const agrees =
    integers.differences === 0 && lossDifference <= bound && Object.values(tensors).every((d) => d <= bound);
  return {
    format,
    engine: name,
    ...(runsOn ? { runsOn } : {}),
    loss,
    lossDifference,
    integers: integers.report(),
    tensors,
    bound,
    verdict: agrees ? "agrees" : "differs",
  };
}
