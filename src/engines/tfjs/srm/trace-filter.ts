import type { SrmNeuron } from "../../../model/types.js";
import type { Tensor, Tf } from "../ops/custom-op.js";

/** The two trace filters of `srm` over n steps as matrices, since they are linear:
 *  P[t] = α·P[t−1] + (1−α)·Q[t−1], Q[t] = β·Q[t−1] + (1−β)·gain·S[t]. Source: design §4. */
export interface TraceFilter {
  /** P of every step [n, m] from inputs [n, m] and the states before, [1, m] each or null for rest. */
  traces(x: Tensor, before: TraceState | null): Tensor;
  /** P and Q after the last step. */
  end(x: Tensor, before: TraceState | null): TraceState;
}

/** P and Q of every input. [1, m] */
export interface TraceState {
  readonly p: Tensor;
  readonly q: Tensor;
}

/** The recursion itself on one input: P and Q after each of n steps. */
function respond(neuron: SrmNeuron, n: number, p: number, q: number, inputs: readonly number[]) {
  const { alpha, beta, gain } = neuron;
  return Array.from({ length: n }, (_, t) => {
    p = alpha * p + (1 - alpha) * q;
    q = beta * q + (1 - beta) * gain * (inputs[t] ?? 0);
    return { p, q };
  });
}

/** Makes the filter of a layer for n steps; its matrices are computed in float64, then rounded. */
export function traceFilter(tf: Tf, neuron: SrmNeuron, n: number): TraceFilter {
  const impulse = respond(neuron, n, 0, 0, [1]);
  const ofP = respond(neuron, n, 1, 0, []);
  const ofQ = respond(neuron, n, 0, 1, []);
  const column = (values: readonly number[]): Tensor => tf.tensor2d([...values], [n, 1]);
  const kernel = (): Tensor =>
    tf.tensor2d(
      Float32Array.from({ length: n * n }, (_, k) => {
        const age = Math.floor(k / n) - (k % n);
        return age < 0 ? 0 : impulse[age].p;
      }),
      [n, n],
    );
  const last = n - 1;
  const endRow = (part: "p" | "q"): Tensor => tf.tensor2d(impulse.map((_, s) => impulse[last - s][part]), [1, n]);
  return {
    traces: (x, before) => {
      const p = tf.matMul(kernel(), x);
      if (!before) return p;
      const fromP = tf.matMul(column(ofP.map((r) => r.p)), before.p);
      return tf.add(p, tf.add(fromP, tf.matMul(column(ofQ.map((r) => r.p)), before.q)));
    },
    end: (x, before) => {
      const after = (part: "p" | "q"): Tensor => {
        const own = tf.matMul(endRow(part), x);
        if (!before) return own;
        return tf.add(own, tf.add(tf.mul(before.p, ofP[last][part]), tf.mul(before.q, ofQ[last][part])));
      };
      return { p: after("p"), q: after("q") };
    },
  };
}
