import type { QuantizedSoel, SoelSpec } from "../../model/types.js";
import { traceDecayOf } from "../../model/quantize.js";
import { CHIP_STREAM } from "../../base/rng.js";
import type { Product } from "./chip-arithmetic.js";

/** A learning rule in the form the plastic layer runs: traces, products, and how the program computes y1. */
export interface PlasticRule {
  readonly form: SoelSpec["form"];
  /** E0 and W in steps. */
  readonly epochSteps: number;
  readonly windowSteps: number;
  /** y1 that changes nothing. */
  readonly neutral: number;
  readonly traces: readonly { readonly decay: number; readonly impulse: number; readonly stream: number }[];
  readonly products: readonly Product[];
  readonly gamma: number;
  readonly hi: number;
  readonly lo: number;
  readonly theta: number;
  readonly resetPreTrace: boolean;
}

/** Constants of `authors-chip`. Source: design §6. */
export const AUTHORS = { target: 10, neutral: 20, impulse: 40, tauX1: 3, tauX2: 5, rateExp: -4 } as const;

/** The rule that a network's spec and integers ask for. `layer` is the plastic layer's number, for its
 *  streams. */
export function plasticRule(spec: SoelSpec, integers: QuantizedSoel, layer = 0): PlasticRule {
  const streamOf = (offset: number): number => CHIP_STREAM.perLayer * layer + offset;
  const common = {
    form: spec.form,
    epochSteps: 2 ** spec.epochExp,
    windowSteps: spec.windowSteps,
    resetPreTrace: spec.resetPreTrace,
  };
  if (spec.form === "authors-chip") {
    const { impulse, rateExp: exp } = AUTHORS;
    return {
      ...common,
      neutral: AUTHORS.neutral,
      gamma: 1,
      hi: AUTHORS.target,
      lo: 0,
      theta: 1,
      traces: [
        { decay: traceDecayOf(AUTHORS.tauX1), impulse, stream: streamOf(CHIP_STREAM.x1) },
        { decay: traceDecayOf(AUTHORS.tauX2), impulse, stream: streamOf(CHIP_STREAM.x3) },
      ],
      products: [
        { mant: 1, exp, trace: 1 },
        { mant: -1, exp, trace: 0 },
      ],
    };
  }
  return {
    ...common,
    neutral: 64,
    gamma: spec.gamma,
    hi: integers.hi,
    lo: integers.lo,
    theta: integers.theta,
    traces: [{ decay: integers.traceDecay, impulse: spec.impulse, stream: streamOf(CHIP_STREAM.x1) }],
    products: [{ mant: integers.rateMant, exp: integers.rateExp, trace: 0 }],
  };
}
