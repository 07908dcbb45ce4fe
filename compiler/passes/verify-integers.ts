/** From the model's layers to layers and projections, refusing whatever the chip cannot hold.
 *  Needs: a quantized network. Promises: every integer is one the chip has, every layer has an output. Loses: nothing:
 *  no weight is rounded again. */
import { CORE_LIMITS, DECAY_ONE, RANGE, WEIGHT_BITS_BY_CODE } from "../../hw/limits.js";
import type { Diagnostics } from "../../src/base/errors.js";
import { gridStep, mantissaRange } from "../../src/model/quantize.js";
import { epochSteps, networkShapes, sizeOf } from "../../src/model/shapes.js";
import type {
  ConvLayer,
  DenseLayer,
  LayerSpec,
  QuantizedLayer,
  QuantizedNetwork,
  Shape3,
  WeightPrecision,
} from "../../src/model/types.js";
import type { MapLayer, MappableNetwork, Projection } from "../ir.js";

/** An OR pool's compartment: fires one step after any input fires. Source: design §4. */
const OR_POOL = {
  mantissa: 64,
  bits: 2,
  signMode: "excitatory",
  wgtExp: 0,
  decay: DECAY_ONE,
  vthMant: 63,
  refractory: 1,
} as const;

/** Inputs a plastic layer can have: each takes two entries of the synapse map. */
export const PLASTIC_INPUT_LIMIT = CORE_LIMITS.inputAxons / 2;

export function verifyIntegers(model: QuantizedNetwork, diagnostics: Diagnostics): MappableNetwork {
  const { spec } = model;
  if (spec.neuronModel !== "loihi") {
    diagnostics.error("E-VERIFY-001", {
      at: `network "${spec.name}"`,
      found: `neuron model "${spec.neuronModel}"`,
      limit: '"loihi"',
      hint: 'train with "model": "loihi" in the network (the preset without "-srm")',
    });
    diagnostics.throwIfErrors();
  }
  const shapes = networkShapes(spec);
  checkGeometry(model, shapes, diagnostics);
  diagnostics.throwIfErrors();
  let weighted = 0;
  const layers = spec.layers.map((layer, index): MapLayer => {
    const source = { source: index - 1, sourceShape: shapes[index] };
    if (layer.kind === "pool") return poolLayer(layer.name, shapes[index + 1], source);
    const integers = model.layers[weighted++];
    const plastic = spec.soel !== null && index === spec.layers.length - 1;
    checkLayer(layer, integers, plastic, diagnostics);
    return weightedLayer(layer, integers, shapes[index + 1], source, plastic);
  });
  checkPlasticity(model, shapes, diagnostics);
  diagnostics.throwIfErrors();
  return { spec, model, inputShape: shapes[0], layers };
}

type Source = Pick<Projection, "source" | "sourceShape">;

function poolLayer(name: string, shape: Shape3, source: Source): MapLayer {
  const projection: Projection = {
    ...source,
    kernel: [2, 2],
    stride: [2, 2],
    padding: [0, 0],
    groups: shape[0],
    bits: OR_POOL.bits,
    signMode: OR_POOL.signMode,
    wgtExp: OR_POOL.wgtExp,
    mantissa: null,
    uniformMantissa: OR_POOL.mantissa,
    axons: "population",
    learning: false,
    delay: 0,
  };
  return {
    name,
    kind: "pool",
    shape,
    decayU: OR_POOL.decay,
    decayV: OR_POOL.decay,
    vthMant: OR_POOL.vthMant,
    refractory: OR_POOL.refractory,
    biasMant: new Int16Array(shape[0]),
    biasExp: 0,
    projections: [projection],
  };
}

function weightedLayer(
  layer: ConvLayer | DenseLayer,
  integers: QuantizedLayer,
  shape: Shape3,
  source: Source,
  plastic: boolean,
): MapLayer {
  const [, height, width] = source.sourceShape;
  const { bits, signMode, wgtExp } = layer.weight;
  const conv = layer.kind === "conv";
  const projection: Projection = {
    ...source,
    kernel: conv ? layer.kernel : [height, width],
    stride: conv ? layer.stride : [1, 1],
    padding: conv ? layer.padding : [0, 0],
    groups: conv ? layer.groups : 1,
    bits: bits === 7 ? 8 : bits,
    signMode,
    wgtExp,
    mantissa: integers.mantissa,
    uniformMantissa: 0,
    axons: plastic ? "discrete" : "population",
    learning: plastic,
    delay: 0,
  };
  const { decayU, decayV, vthMant, refractory } = layer.loihi;
  return {
    name: layer.name,
    kind: layer.kind,
    shape,
    decayU,
    decayV,
    vthMant,
    refractory,
    biasMant: integers.biasMant,
    biasExp: integers.biasExp,
    projections: [projection],
  };
}

function checkGeometry(model: QuantizedNetwork, shapes: readonly Shape3[], diagnostics: Diagnostics): void {
  const { spec } = model;
  spec.layers.forEach((layer, index) => {
    const at = `layer "${layer.name}"`;
    const [input, output] = [shapes[index], shapes[index + 1]];
    if (layer.kind === "conv" && (input[0] % layer.groups !== 0 || layer.outChannels % layer.groups !== 0)) {
      diagnostics.error("E-VERIFY-002", {
        at,
        found: `${layer.groups} groups over ${input[0]} input and ${layer.outChannels} output channels`,
        limit: "a divisor of both",
        hint: `groups: ${divisorUpTo(input[0], layer.outChannels, layer.groups)}`,
      });
    }
    if (output.some((size) => size < 1)) {
      diagnostics.error("E-VERIFY-003", {
        at,
        found: `an output of ${output.join("×")} from an input of ${input.join("×")} [C, H, W]`,
        limit: "at least 1 of each",
        hint: geometryRemedy(layer, input),
      });
    }
  });
  const last = spec.layers[spec.layers.length - 1];
  if (last.kind !== "dense") {
    diagnostics.error("E-VERIFY-013", {
      at: `layer "${last.name}"`,
      found: `a ${last.kind} layer at the end of the network`,
      limit: "a dense layer",
      hint: "end with a dense layer of one output a class",
    });
  }
  const weighted = spec.layers.filter((layer) => layer.kind !== "pool").length;
  if (model.layers.length !== weighted) {
    diagnostics.error("E-VERIFY-004", {
      at: `network "${spec.name}"`,
      found: `integers of ${model.layers.length} layers`,
      limit: `${weighted} weighted layers`,
      hint: "quantize the network again from its checkpoint",
    });
  }
}

/** What makes a layer's output at least 1 wide and high; an input that is itself too small is an earlier layer's fault. */
function geometryRemedy(layer: LayerSpec, [, height, width]: Shape3): string {
  if (layer.kind !== "conv" || height < 1 || width < 1) return `remove "${layer.name}"`;
  const fits = [height, width].map((size, axis) => Math.min(layer.kernel[axis], size + 2 * layer.padding[axis]));
  return `kernel: [${fits.join(", ")}]`;
}

function divisorUpTo(a: number, b: number, start: number): number {
  let d = Math.min(start, a, b);
  while (d > 1 && (a % d !== 0 || b % d !== 0)) d--;
  return Math.max(1, d);
}

function checkLayer(
  layer: ConvLayer | DenseLayer,
  integers: QuantizedLayer,
  plastic: boolean,
  diagnostics: Diagnostics,
): void {
  const at = `layer "${layer.name}"`;
  checkPrecision(at, layer.weight, plastic, diagnostics);
  const { min, max } = mantissaRange(layer.weight);
  const step = gridStep(layer.weight);
  const bad = integers.mantissa.findIndex((m) => m < min || m > max || m % step !== 0);
  if (bad >= 0) {
    diagnostics.error("E-VERIFY-005", {
      at: `${at}, weight ${bad}`,
      found: `mantissa ${integers.mantissa[bad]}`,
      limit: `multiples of ${step} in ${min}…${max} (${layer.weight.bits} bits, ${layer.weight.signMode})`,
      hint: "quantize the network again; the compiler never rounds",
    });
  }
  const badBias = integers.biasMant.findIndex((b) => b < RANGE.biasMant[0] || b > RANGE.biasMant[1]);
  if (badBias >= 0) {
    diagnostics.error("E-VERIFY-006", {
      at: `${at}, bias ${badBias}`,
      found: `mantissa ${integers.biasMant[badBias]}`,
      limit: `${RANGE.biasMant.join("…")} (13 bits)`,
      hint: `biasExp: ${biasExpFor(integers)}, and quantize again`,
    });
  }
  const inRange = (name: string, value: number, [low, high]: readonly [number, number], why: string): void => {
    if (Number.isInteger(value) && value >= low && value <= high) return;
    diagnostics.error("E-VERIFY-007", {
      at: `${at}, ${name}`,
      found: `${value}`,
      limit: `integers ${low}…${high}`,
      hint: `${name}: ${Math.max(low, Math.min(high, Math.round(value) || low))} (${why})`,
    });
  };
  inRange("decayU", layer.loihi.decayU, RANGE.effectiveDecay, "it is 4096/τ of the current");
  inRange("decayV", layer.loihi.decayV, RANGE.effectiveDecay, "it is 4096/τ of the voltage");
  inRange("vthMant", layer.loihi.vthMant, RANGE.vthMant, "and the weights lower alike");
  inRange("refractory", layer.loihi.refractory, RANGE.refractory, "1 blocks no step");
  inRange("biasExp", integers.biasExp, RANGE.biasExp, "the smallest that holds the largest bias");
}

/** Smallest exponent that holds the largest bias; the largest there is where none does. */
function biasExpFor({ biasMant, biasExp }: QuantizedLayer): number {
  const most = biasMant.reduce((max, b) => Math.max(max, Math.abs(b)), 0);
  const more = Math.ceil(Math.log2(most / RANGE.biasMant[1]));
  return Math.min(RANGE.biasExp[1], biasExp + Math.max(0, more));
}

function checkPrecision(
  at: string,
  precision: WeightPrecision,
  plastic: boolean,
  diagnostics: Diagnostics,
): void {
  const { bits, signMode, wgtExp } = precision;
  const stored: readonly number[] = WEIGHT_BITS_BY_CODE.slice(1);
  if (!stored.includes(bits) && bits !== 7) {
    diagnostics.error("E-VERIFY-008", { at, found: `weights of ${bits} bits`, limit: "1…8 bits", hint: "8 bits" });
  } else if (bits === 1 && signMode === "mixed") {
    diagnostics.error("E-VERIFY-009", {
      at,
      found: "1-bit weights of mixed sign, which are {−256, 0}: no positive weight",
      limit: "1 bit excitatory or inhibitory, or 2…8 bits mixed (design §4)",
      hint: 'signMode "excitatory", or 2 bits',
    });
  } else if (plastic && bits === 7) {
    diagnostics.error("E-VERIFY-010", {
      at,
      found: "plastic weights of 7 bits",
      limit: "2…6 or 8 bits: the chip has no 7-bit format",
      hint: "6 or 8 bits",
    });
  } else if (plastic && (bits === 1 || signMode !== "mixed")) {
    diagnostics.error("E-VERIFY-011", {
      at,
      found: `plastic weights of ${bits} bits, ${signMode}`,
      limit: "mixed sign, 2…6 or 8 bits (design §6)",
      hint: 'signMode "mixed" and 8 bits',
    });
  }
  const lowest = -((signMode === "mixed" ? 9 : 8) - bits);
  if (!Number.isInteger(wgtExp) || wgtExp < Math.max(lowest, RANGE.wgtExp[0]) || wgtExp > RANGE.wgtExp[1]) {
    diagnostics.error("E-VERIFY-012", {
      at,
      found: `weight exponent ${wgtExp}`,
      limit: `${Math.max(lowest, RANGE.wgtExp[0])}…${RANGE.wgtExp[1]}: below, mantissas of ${bits} bits lose bits`,
      hint: `wgtExp: ${Math.max(lowest, Math.min(RANGE.wgtExp[1], Math.round(wgtExp) || 0))}, and quantize again`,
    });
  }
}

/** Constants of SOEL within what learning engine and program hold. Source: design §6. */
function checkPlasticity(model: QuantizedNetwork, shapes: readonly Shape3[], diagnostics: Diagnostics): void {
  const { spec, soel } = model;
  if (!spec.soel) return;
  const last = spec.layers[spec.layers.length - 1];
  const at = `layer "${last.name}"`;
  if (soel === null) {
    diagnostics.error("E-VERIFY-017", {
      at,
      found: "a plastic layer without the integers of its rule",
      limit: "hi, lo, theta, rate and decay as integers",
      hint: "quantize the network again from its checkpoint",
    });
    return;
  }
  const inputs = sizeOf(shapes[shapes.length - 2]);
  if (inputs > PLASTIC_INPUT_LIMIT) {
    diagnostics.error("E-VERIFY-014", {
      at,
      found: `${inputs} plastic inputs`,
      limit: `${PLASTIC_INPUT_LIMIT}: each takes two of a core's ${CORE_LIMITS.inputAxons} input axons (hw/limits.ts)`,
      hint: `pool once more before "${last.name}", or set soel to null (a static output layer)`,
    });
  }
  const inRange = (name: string, value: number, low: number, high: number): void => {
    if (Number.isInteger(value) && value >= low && value <= high) return;
    diagnostics.error("E-VERIFY-015", {
      at: `soel.${name}`,
      found: `${value}`,
      limit: `integers ${low}…${high}`,
      hint: `${Math.max(low, Math.min(high, Math.round(value) || low))}`,
    });
  };
  const epoch = epochSteps(spec);
  inRange("epochExp", spec.soel.epochExp, ...RANGE.epochExp);
  inRange("gamma", spec.soel.gamma, 1, 7);
  inRange("impulse", spec.soel.impulse, 0, 127);
  inRange("theta", soel.theta, 1, 2 ** 15 - 1);
  inRange("rateMant", soel.rateMant, ...RANGE.rateMant);
  inRange("rateExp", soel.rateExp, ...RANGE.rateExp);
  if (spec.soel.windowSteps < 1 || spec.soel.windowSteps % epoch !== 0) {
    diagnostics.error("E-VERIFY-016", {
      at: "soel.windowSteps",
      found: `${spec.soel.windowSteps}`,
      limit: `a multiple of the epoch, ${epoch} steps`,
      hint: `${Math.max(epoch, Math.round(spec.soel.windowSteps / epoch) * epoch)}`,
    });
  }
}
