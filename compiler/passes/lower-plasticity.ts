/** Turns the constants of SOEL into the learning engine's: traces, rule in microcode, epoch.
 *  Needs: verified integers. Promises: the words say `rule`. Loses: nothing. Source: design §6. */
import type { TraceConfig } from "../../hw/image.js";
import { PRODUCT_DOWN_SHIFT, Y1_NEUTRAL } from "../../hw/limits.js";
import { disassemble, encodeMicrocode, type Product } from "../../hw/microcode.js";
import { traceDecayOf } from "../../src/model/quantize.js";
import type { QuantizedSoel, SoelSpec } from "../../src/model/types.js";
import type { LoweredNetwork, MappableNetwork, Plasticity } from "../ir.js";

/** The authors' public simulator of the chip: target spikes of a window, neutral y1, rate, traces. Their rule has these and no
 *  others. Source: design §6, `authors-chip`. */
const AUTHORS = {
  target: 10,
  neutral: 20,
  mantissa: 1,
  exponent: -4,
  impulse: 40,
  tauX1: 3,
  tauX2: 5,
} as const;
const traceOf = (decay: number, impulse: number): TraceConfig => ({ decay, impulse, impulseFraction: 0 });

export function lowerPlasticity(network: MappableNetwork): LoweredNetwork {
  const { spec, model } = network;
  if (!spec.soel || !model.soel) return { ...network, plasticity: null };
  const layer = network.layers.length - 1;
  const [c, h, w] = network.layers[layer].projections[0].sourceShape;
  return { ...network, plasticity: { layer, inputs: c * h * w, ...learningOf(spec.soel, model.soel) } };
}

function learningOf(soel: SoelSpec, integers: QuantizedSoel): Omit<Plasticity, "layer" | "inputs"> {
  const products = soel.form === "chip" ? chipRule(integers) : authorsRule();
  const traces =
    soel.form === "chip"
      ? { preTrace: [traceOf(integers.traceDecay, soel.impulse)], preTrace2: [] }
      : {
          preTrace: [traceOf(traceDecayOf(AUTHORS.tauX1), AUTHORS.impulse)],
          preTrace2: [traceOf(traceDecayOf(AUTHORS.tauX2), AUTHORS.impulse)],
        };
  return {
    plasticLayer: 0,
    rule: disassemble(products, soel.epochExp),
    tepoch: 1,
    ...traces,
    stdpProfiles: [{ pointer: 0, numProducts: products.length, decimateExp: soel.epochExp, requireY: false }],
    microcode: encodeMicrocode(products),
    productMantissaBits: PRODUCT_DOWN_SHIFT.mantissaBits,
    resetPreTrace: soel.resetPreTrace,
    program: {
      windowSteps: soel.windowSteps,
      ...(soel.form === "chip"
        ? { gamma: soel.gamma, theta: integers.theta, hi: integers.hi, lo: integers.lo }
        : { gamma: 1, theta: 1, hi: AUTHORS.target, lo: 0 }),
    },
  };
}

/** dw = m·2^s · u_k · x1 · (y1 − 64) */
const chipRule = (integers: QuantizedSoel): Product[] => [
  {
    target: "w",
    dependency: "u",
    mantissa: integers.rateMant,
    exponent: integers.rateExp,
    factors: [
      { variable: "x1", constant: null, sign: false },
      { variable: "y1", constant: -Y1_NEUTRAL, sign: false },
    ],
  },
];

/** dw = 2^-4·u_k·(y1 − 20)·x2 − 2^-4·u_k·(y1 − 20)·x1 */
const authorsRule = (): Product[] =>
  (
    [
      ["x2", 1],
      ["x1", -1],
    ] as const
  ).map(([trace, sign]) => ({
    target: "w",
    dependency: "u",
    mantissa: sign * AUTHORS.mantissa,
    exponent: AUTHORS.exponent,
    factors: [
      { variable: "y1", constant: -AUTHORS.neutral, sign: false },
      { variable: trace, constant: null, sign: false },
    ],
  }));
