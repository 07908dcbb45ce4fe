import type { NetworkSpec } from "../model/types.js";
import type { PresentationTrace } from "../../sim/trace.js";
import { type ContextEvents, contextOf } from "./context.js";

/** What a difference is in. `spike`: fired in one of the two only; `N`: output spikes of a presentation. */
export type ParityQuantity = "spike" | "u" | "v" | "y1" | "weight" | "N" | "decision";

/** One value that the two runs do not share. */
export interface ParityDifference {
  /** Index of the presentation in the run, from 0. */
  readonly presentation: number;
  /** r of the presentation, from 1; weights, N and decision stand at r = S. */
  readonly step: number;
  readonly layer: string;
  /** Neuron in [C, H, W] order; the output for u, v, y1, weight, N; −1 for the decision. */
  readonly neuron: number;
  /** Weights: logical input j. */
  readonly input?: number;
  readonly quantity: ParityQuantity;
  readonly a: number;
  readonly b: number;
  /** The events that led there, in both runs. */
  readonly context: ContextEvents | null;
}

/** How many values were held against each other. */
export interface ParityCounts {
  readonly presentations: number;
  /** Spikes of the first run; silent neurons and steps are compared with them. */
  readonly spikes: number;
  readonly weights: number;
  /** u and v of the last layer, two values a step and output. */
  readonly potentials: number;
  readonly y1: number;
  readonly outputSpikes: number;
  readonly decisions: number;
}

export interface ParityComparison {
  readonly compared: ParityCounts;
  readonly differences: number;
  /** Earliest in time; within a step in the order of design §6: hidden layers, u, v, output spikes, y1, weights. */
  readonly first: ParityDifference | null;
}

/** A comparison of nothing, to add others to. */
export const EMPTY_COMPARISON: ParityComparison = {
  compared: { presentations: 0, spikes: 0, weights: 0, potentials: 0, y1: 0, outputSpikes: 0, decisions: 0 },
  differences: 0,
  first: null,
};

/** Sum of two comparisons; `first` is that of `a` where it has one. */
export function addComparisons(a: ParityComparison, b: ParityComparison): ParityComparison {
  const keys = Object.keys(a.compared) as (keyof ParityCounts)[];
  const compared = Object.fromEntries(keys.map((k) => [k, a.compared[k] + b.compared[k]])) as unknown as ParityCounts;
  return { compared, differences: a.differences + b.differences, first: a.first ?? b.first };
}

/** Why two runs cannot be held against each other, or null where they can. */
export function incomparable(
  a: readonly PresentationTrace[], b: readonly PresentationTrace[],
): string | null {
  if (a.length !== b.length) return `${a.length} presentations against ${b.length}`;
  for (let p = 0; p < a.length; p++) {
    const at = `presentation ${p}`;
    if (a[p].spikes.length !== b[p].spikes.length) return `${at}: ${a[p].spikes.length} layers against ${b[p].spikes.length}`;
    for (const key of ["u", "v", "y1", "weights", "outputSpikes"] as const) {
      if (a[p][key].length !== b[p][key].length) return `${at}: ${a[p][key].length} values of ${key} against ${b[p][key].length}`;
    }
    if (a[p].learn !== b[p].learn || a[p].label !== b[p].label) {
      return `${at}: learning ${a[p].learn ? "on" : "off"}, label ${a[p].label} against ${b[p].learn ? "on" : "off"}, ${b[p].label}`;
    }
  }
  return null;
}

/** Holds two runs against each other: every spike of every layer, u, v and y1 of the last, every weight, every answer.
 *  @param a  e.g. what the engine predicts  @param b  e.g. what the simulator did
 *  @param spec  where given, context is narrowed to the sources that reach the neuron
 *  @throws Error where the two do not have the same shape (see `incomparable`) */
export function compareRecords(
  a: readonly PresentationTrace[], b: readonly PresentationTrace[], layerNames: readonly string[], spec?: NetworkSpec,
): ParityComparison {
  const reason = incomparable(a, b);
  if (reason) throw new Error(`parity: the runs do not have the same shape: ${reason}`);
  const found = new Findings(layerNames);
  for (const [p, recordA] of a.entries()) comparePresentation(recordA, b[p], p, found);
  const { first } = found;
  return {
    compared: found.compared, differences: found.differences,
    first: first && { ...first, context: contextOf(first, a[first.presentation], b[first.presentation], layerNames, spec) },
  };
}

/** Counts differences and keeps the earliest one. */
class Findings {
  differences = 0;
  first: ParityDifference | null = null;
  readonly compared = { ...EMPTY_COMPARISON.compared };
  private rank = Number.POSITIVE_INFINITY;

  constructor(readonly layerNames: readonly string[]) {}

  /** @param order  place within the step; smaller is earlier */
  add(order: number, difference: Omit<ParityDifference, "context">): void {
    this.differences++;
    const rank = (difference.presentation * STEP_LIMIT + difference.step) * ORDER_LIMIT + order;
    if (rank >= this.rank) return;
    this.rank = rank;
    this.first = { ...difference, context: null };
  }
}

/** Above any step of a presentation, and any layer's place in a step. */
const STEP_LIMIT = 2 ** 17;
const ORDER_LIMIT = 2 ** 8;

function comparePresentation(a: PresentationTrace, b: PresentationTrace, p: number, found: Findings): void {
  const last = a.spikes.length - 1;
  const outputs = a.outputSpikes.length;
  const steps = a.u.length / outputs;
  const layer = found.layerNames[last];
  for (const [index, spikes] of a.spikes.entries()) {
    compareSpikes(spikes, b.spikes[index], index === last ? last + 3 : index, p, index, found);
  }
  for (const [quantity, order] of [["u", last + 1], ["v", last + 2]] as const) {
    forEachDifference(a[quantity], b[quantity], (k) => found.add(order, {
      presentation: p, step: Math.floor(k / outputs) + 1, layer, neuron: k % outputs, quantity, a: a[quantity][k], b: b[quantity][k],
    }));
  }
  const epochs = a.y1.length / outputs;
  forEachDifference(a.y1, b.y1, (k) => found.add(last + 4, {
    presentation: p, step: (Math.floor(k / outputs) + 1) * (steps / epochs), layer, neuron: k % outputs, quantity: "y1",
    a: a.y1[k], b: b.y1[k],
  }));
  const inputs = a.weights.length / outputs;
  forEachDifference(a.weights, b.weights, (k) => found.add(last + 5, {
    presentation: p, step: steps, layer, neuron: Math.floor(k / inputs), input: k % inputs, quantity: "weight",
    a: a.weights[k], b: b.weights[k],
  }));
  forEachDifference(a.outputSpikes, b.outputSpikes, (k) => found.add(last + 6, {
    presentation: p, step: steps, layer, neuron: k, quantity: "N", a: a.outputSpikes[k], b: b.outputSpikes[k],
  }));
  if (a.decision !== b.decision) {
    found.add(last + 7, { presentation: p, step: steps, layer, neuron: -1, quantity: "decision", a: a.decision, b: b.decision });
  }
  const { compared } = found;
  compared.presentations++;
  compared.decisions++;
  compared.potentials += a.u.length + a.v.length;
  compared.y1 += a.y1.length;
  compared.weights += a.weights.length;
  compared.outputSpikes += outputs;
}

type Spikes = PresentationTrace["spikes"][number];

/** Walks two sorted lists of (step, neuron) side by side; what stands in one only is a difference. */
function compareSpikes(a: Spikes, b: Spikes, order: number, p: number, layer: number, found: Findings): void {
  const differs = (spikes: Spikes, k: number, inA: number) => found.add(order, {
    presentation: p, step: spikes.step[k], layer: found.layerNames[layer], neuron: spikes.neuron[k], quantity: "spike",
    a: inA, b: 1 - inA,
  });
  let [i, j] = [0, 0];
  while (i < a.step.length || j < b.step.length) {
    const side = i === a.step.length ? 1 : j === b.step.length ? -1
      : a.step[i] - b.step[j] || a.neuron[i] - b.neuron[j];
    if (side < 0) differs(a, i, 1);
    if (side > 0) differs(b, j, 0);
    if (side <= 0) i++;
    if (side >= 0) j++;
  }
  found.compared.spikes += a.step.length;
}

function forEachDifference(a: ArrayLike<number>, b: ArrayLike<number>, act: (k: number) => void): void {
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) act(k);
}
