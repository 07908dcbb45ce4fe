import { assert, userError } from "../base/errors.js";
import { Rng, STREAM } from "../base/rng.js";
import type { ChipImage } from "../../hw/image.js";
import type { Chip } from "../../sim/chip.js";
import { loadChip } from "../../sim/load.js";
import type { OperationCounts, PresentationTrace } from "../../sim/trace.js";
import type { SpikeTensor } from "../events/types.js";
import { addOperations, noOperations } from "./replay-run.js";
import { type ChipLoader, taskChipSeed } from "./replay-task.js";
import type { TaughtClass, TaughtState } from "./taught-state.js";

/** One class to teach: the user's name for it, and one or more samples. */
export interface Lesson {
  readonly name: string;
  readonly samples: readonly SpikeTensor[];
}

export interface TeachOptions {
  /** Default: `loadChip`. */
  readonly load?: ChipLoader;
  /** Default: as the taught state ran, else typed. */
  readonly program?: "typed" | "x86";
  /** Decides the order in which the samples are shown, and the chip's seed on a first load. */
  readonly seed: number;
}

export interface TeachResult {
  readonly state: TaughtState;
  /** Outputs that had no class before this lesson. */
  readonly newOutputs: readonly number[];
  /** Mantissas of the plastic layer that this lesson changed. */
  readonly weightsChanged: number;
  /** [output] the same by output. */
  readonly changedByOutput: Int32Array;
  /** Operations of these presentations alone. */
  readonly counts: OperationCounts;
  readonly traces: readonly PresentationTrace[];
}

/** Runs the chip's own learning on the user's samples. A taught chip is powered up where it was left; then only the
 *  outputs of this lesson take part in learning, and all others keep every bit (design §6, step 5: an output that is
 *  not assigned gets the neutral 64). The samples are shown in an order drawn from the seed, `passes` times.
 *  @param taught  state of an earlier lesson, or null for a chip fresh from its image
 *  @throws UserError E-TEACH-001 (more classes than free outputs), E-TEACH-002 (the image has no learning layer),
 *    E-TEACH-008 (the other form of the program) */
export async function teach(
  image: ChipImage, taught: TaughtState | null, lessons: readonly Lesson[], options: TeachOptions,
): Promise<TeachResult> {
  if (!image.layers.some((layer) => layer.plastic)) {
    throw userError({
      code: "E-TEACH-002", at: `image "${image.name}"`, found: "it has no learning layer", hint: "compile a network with `soel`",
    });
  }
  const outputs = assignOutputs(image, taught?.classes ?? [], lessons);
  const assigned = maskOf(image, lessons.map((lesson) => outputs.get(lesson.name) ?? -1));
  const chipSeed = taught?.chipSeed ?? taskChipSeed(image.chipSeed, options.seed);
  const program = programFor(taught, options.program);
  const chip = await (options.load ?? loadChip)(image, { seed: chipSeed, program });
  try {
    if (taught) chip.restoreState(taught.chipState);
    const start = chip.plasticWeights();
    const traces = await present(chip, lessons, outputs, assigned, image.contract.passes, options.seed, chip.counts);
    const weights = chip.plasticWeights();
    const changedByOutput = changes(start, weights, image.contract.outputs);
    return {
      state: {
        classes: classesAfter(taught?.classes ?? [], lessons, outputs), chipSeed, program, weights, chipState: chip.saveState(),
      },
      newOutputs: [...outputs.values()].filter((o) => !taught?.classes.some((c) => c.output === o)),
      weightsChanged: changedByOutput.reduce((sum, n) => sum + n, 0), changedByOutput, ...traces,
    };
  } finally {
    await chip.dispose();
  }
}

function programFor(taught: TaughtState | null, wanted: "typed" | "x86" | undefined): "typed" | "x86" {
  if (taught && wanted && wanted !== taught.program) {
    throw userError({
      code: "E-TEACH-008", at: `program ${wanted}`, found: `the chip was taught with its ${taught.program} program, whose memory the other cannot take over`,
      limit: taught.program, hint: "leave --program out",
    });
  }
  return wanted ?? taught?.program ?? "typed";
}

/** Name → output: known names keep theirs, new ones take the lowest free. */
function assignOutputs(
  image: ChipImage, known: readonly TaughtClass[], lessons: readonly Lesson[],
): ReadonlyMap<string, number> {
  const outputs = new Map<string, number>();
  const taken = new Set(known.map((c) => c.output));
  const all = Array.from({ length: image.contract.outputs }, (_, output) => output);
  const free = all.filter((output) => !taken.has(output));
  const fresh = lessons.filter((lesson) => !known.some((c) => c.name === lesson.name));
  if (fresh.length > free.length) {
    throw userError({
      code: "E-TEACH-001", at: `class "${fresh[free.length].name}"`,
      found: `${fresh.length} new ${fresh.length === 1 ? "class" : "classes"}, and ${free.length} of ${all.length} outputs free`,
      limit: `${all.length} classes on this chip image`,
      hint: "teach fewer classes, or start again from the bundle that was not taught",
    });
  }
  for (const { name } of lessons) {
    outputs.set(name, known.find((c) => c.name === name)?.output ?? free[fresh.findIndex((f) => f.name === name)]);
  }
  return outputs;
}

const maskOf = (image: ChipImage, outputs: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: image.contract.outputs }, (_, output) => (outputs.includes(output) ? 1 : 0));

async function present(
  chip: Chip, lessons: readonly Lesson[], outputs: ReadonlyMap<string, number>, assigned: Uint8Array, passes: number,
  seed: number, startCounts: Readonly<OperationCounts>,
): Promise<{ traces: readonly PresentationTrace[]; counts: OperationCounts }> {
  const countsBefore = { ...startCounts };
  const shown = lessons.flatMap(({ name, samples }) => samples.map((frames) => ({ label: outputs.get(name) ?? -1, frames })));
  const traces: PresentationTrace[] = [];
  for (let pass = 0; pass < passes; pass++) {
    for (const { label, frames } of new Rng(seed, STREAM.supportOrder, pass).shuffled(shown)) {
      assert(label >= 0, "replay bug: a lesson without an output");
      traces.push(await chip.present(frames, { learn: true, label, assigned }));
    }
  }
  const counts = noOperations();
  addOperations(counts, chip.counts);
  for (const key of Object.keys(counts) as (keyof OperationCounts)[]) counts[key] -= countsBefore[key];
  return { traces, counts };
}

function changes(before: Int16Array, after: Int16Array, outputs: number): Int32Array {
  const inputs = after.length / outputs;
  const changed = new Int32Array(outputs);
  after.forEach((w, k) => { if (w !== before[k]) changed[Math.floor(k / inputs)]++; });
  return changed;
}

function classesAfter(
  known: readonly TaughtClass[], lessons: readonly Lesson[], outputs: ReadonlyMap<string, number>,
): TaughtClass[] {
  const learned = lessons.map(({ name, samples }) => {
    const earlier = known.find((c) => c.name === name)?.samples ?? 0;
    return { name, output: outputs.get(name) ?? -1, samples: earlier + samples.length };
  });
  const kept = known.filter((c) => !outputs.has(c.name));
  return [...kept, ...learned].sort((a, b) => a.output - b.output);
}

/** What a taught chip says to one sample. */
export interface Classification {
  readonly name: string;
  readonly output: number;
  /** [output] spikes N_i. */
  readonly spikes: Int32Array;
  readonly trace: PresentationTrace;
}

/** Asks a taught chip about samples, learning off. The chip is powered up from its saved state for each of them, so an
 *  answer does not depend on what was asked before.
 *  @throws Error where the simulator stops */
export async function classify(
  image: ChipImage, taught: TaughtState, samples: readonly SpikeTensor[],
  options: { readonly load?: ChipLoader } = {},
): Promise<readonly Classification[]> {
  const assigned = maskOf(image, taught.classes.map((c) => c.output));
  const chip = await (options.load ?? loadChip)(image, { seed: taught.chipSeed, program: taught.program });
  try {
    const answers: Classification[] = [];
    for (const sample of samples) {
      chip.restoreState(taught.chipState);
      const trace = await chip.present(sample, { learn: false, label: -1, assigned });
      const known = taught.classes.find((c) => c.output === trace.decision);
      assert(known, "program bug: it decided for an output without a class");
      answers.push({ name: known.name, output: trace.decision, spikes: trace.outputSpikes, trace });
    }
    return answers;
  } finally {
    await chip.dispose();
  }
}
