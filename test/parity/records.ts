import type { PresentationTrace } from "../../sim/trace.js";

/** Copies a trace deeply enough to change any number of it. */
export function copyTrace(trace: PresentationTrace): {
  -readonly [K in keyof PresentationTrace]: PresentationTrace[K];
} & { spikes: { step: Uint16Array; neuron: Uint32Array }[] } {
  return {
    ...trace,
    spikes: trace.spikes.map((s) => ({ step: s.step.slice(), neuron: s.neuron.slice() })),
    u: trace.u.slice(), v: trace.v.slice(), y1: trace.y1.slice(), weights: trace.weights.slice(),
    outputSpikes: trace.outputSpikes.slice(),
  };
}

/** A presentation of 8 steps (epoch 4) on a hidden layer of 6 neurons and 2 outputs, made by hand. */
export const handTrace: PresentationTrace = {
  learn: true,
  label: 1,
  spikes: [
    { step: Uint16Array.of(2, 2, 3, 6), neuron: Uint32Array.of(0, 4, 5, 1) },
    { step: Uint16Array.of(4, 7), neuron: Uint32Array.of(1, 0) },
  ],
  u: Int32Array.from({ length: 16 }, (_, k) => 10 * k),
  v: Int32Array.from({ length: 16 }, (_, k) => -k),
  y1: Uint8Array.of(64, 64, 64, 70),
  weights: Int16Array.from({ length: 12 }, (_, k) => 2 * k - 6),
  outputSpikes: Int32Array.of(1, 1),
  decision: 1,
};
