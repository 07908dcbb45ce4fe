import { networkShapes } from "../model/shapes.js";
import type { NetworkSpec } from "../model/types.js";
import type { PresentationTrace } from "../../sim/trace.js";
import type { ParityDifference } from "./compare-records.js";

/** The events that led to a difference: what the source layer sent, and arrived in its step. */
export interface ContextEvents {
  /** Layer that the events come from. */
  readonly source: string;
  /** r in which they were fired; for a weight, all steps of the presentation. */
  readonly steps: string;
  /** Neurons that fired (for a weight: steps in which its input fired), at most `CONTEXT_LIMIT`. */
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** Events left out of the two lists. */
  readonly omitted: number;
  readonly of: "neurons" | "steps";
}

/** Events a list shows at most. */
export const CONTEXT_LIMIT = 16;

type Place = Omit<ParityDifference, "context">;

/** Events of the layer before that reach the differing neuron; null for the first layer, whose source is the input.
 *  A y1, N or decision follows from output spikes: the context is the output's own. */
export function contextOf(
  place: Place, a: PresentationTrace, b: PresentationTrace, layerNames: readonly string[], spec?: NetworkSpec,
): ContextEvents | null {
  const layer = layerNames.indexOf(place.layer);
  if (place.quantity === "y1" || place.quantity === "N" || place.quantity === "decision") {
    const ofOutput = (t: PresentationTrace) => stepsOf(t, layer, place.neuron, place.step);
    return listed(layerNames[layer], `1–${place.step - 1}`, "steps", ofOutput(a), ofOutput(b));
  }
  if (layer <= 0) return null;
  if (place.quantity === "weight") {
    const ofInput = (t: PresentationTrace) => stepsOf(t, layer - 1, place.input ?? -1, place.step);
    return listed(layerNames[layer - 1], `1–${place.step - 1}`, "steps", ofInput(a), ofInput(b));
  }
  const reaches = spec ? sourcesOf(spec, layer, place.neuron) : () => true;
  const fired = (t: PresentationTrace) => neuronsAt(t, layer - 1, place.step - 1).filter(reaches);
  return listed(layerNames[layer - 1], `${place.step - 1}`, "neurons", fired(a), fired(b));
}

function listed(
  source: string, steps: string, of: ContextEvents["of"], a: readonly number[], b: readonly number[],
): ContextEvents {
  const omitted = Math.max(0, a.length - CONTEXT_LIMIT) + Math.max(0, b.length - CONTEXT_LIMIT);
  return { source, steps, of, a: a.slice(0, CONTEXT_LIMIT), b: b.slice(0, CONTEXT_LIMIT), omitted };
}

function neuronsAt(trace: PresentationTrace, layer: number, step: number): number[] {
  const { step: steps, neuron } = trace.spikes[layer];
  const out: number[] = [];
  for (let k = 0; k < steps.length && steps[k] <= step; k++) if (steps[k] === step) out.push(neuron[k]);
  return out;
}

function stepsOf(trace: PresentationTrace, layer: number, wanted: number, before: number): number[] {
  const { step, neuron } = trace.spikes[layer];
  const out: number[] = [];
  for (let k = 0; k < step.length && step[k] < before; k++) if (neuron[k] === wanted) out.push(step[k]);
  return out;
}

/** True for the neurons of the layer before that have a synapse onto `neuron`. */
export function sourcesOf(spec: NetworkSpec, layerIndex: number, neuron: number): (source: number) => boolean {
  const layer = spec.layers[layerIndex];
  if (layer.kind === "dense") return () => true;
  const shapes = networkShapes(spec);
  const [inChannels, inHeight, inWidth] = shapes[layerIndex];
  const [outChannels, height, width] = shapes[layerIndex + 1];
  const channel = Math.floor(neuron / (height * width));
  const y = Math.floor(neuron / width) % height;
  const x = neuron % width;
  const pool = layer.kind === "pool";
  const [kernel, stride, padding] = pool ? [[2, 2], [2, 2], [0, 0]] : [layer.kernel, layer.stride, layer.padding];
  const groups = pool ? inChannels : layer.groups;
  const group = Math.floor(channel / (outChannels / groups));
  const within = (at: number, axis: 0 | 1, out: number) => {
    const k = at - (out * stride[axis] - padding[axis]);
    return k >= 0 && k < kernel[axis];
  };
  return (source) =>
    Math.floor(Math.floor(source / (inHeight * inWidth)) / (inChannels / groups)) === group &&
    within(Math.floor(source / inWidth) % inHeight, 0, y) && within(source % inWidth, 1, x);
}
