import type { CoreImage, CoreLearning, TraceConfig } from "../../hw/image.js";
import { CORE_LIMITS, PRODUCT_DOWN_SHIFT, RANGE, WEIGHT_BITS_BY_CODE, WIDTH } from "../../hw/limits.js";
import { decodeMicrocode, type Factor, type FactorVariable, type Product } from "../../hw/microcode.js";
import { mantissaGrid } from "../../hw/weights.js";
import type { DecodedSynapses } from "../decode-synapses.js";
import { SimulationError } from "../simulation-error.js";
import type {
  LearningPlan, LearningState, PlannedFactor, PlannedProduct, PlasticSynapses, SeparableProduct, TraceConstants,
} from "./learning-state.js";

/** Bits of an operand, for its factor's limit and the product's down-shift.  loihi-facts §3.1, §3.5. */
const OPERAND_BITS: Readonly<Record<FactorVariable, number>> = {
  x0: 1, y0: 1, r0: 1, x1: WIDTH.trace, x2: WIDTH.trace, y1: WIDTH.trace, y2: WIDTH.trace, y3: WIDTH.trace,
  r1: WIDTH.trace, w: WIDTH.weight, d: WIDTH.weight, t: WIDTH.tag,
};
/** A product must be exact in a double before its shift. */
const EXACT_BITS = 52;
const EXPONENT_BIAS = 7;

/** The learning engine of a core, at rest. @param seed of the chip's generator */
export function loadLearning(core: CoreImage, decoded: DecodedSynapses, seed: number): LearningState | null {
  const { learning } = core;
  if (learning === null) return null;
  const axonOfRow: number[] = [];
  const axonRow = Int32Array.from(core.inputAxons, (axon, n) => (axon.preTraceConfig < 0 ? -1 : axonOfRow.push(n) - 1));
  const rows = axonOfRow.length;
  const n = core.compartments.length;
  const plans = learning.stdpProfiles.map((_, index) => planOf(core, learning, index));
  const configs = axonOfRow.map((axon) => core.inputAxons[axon].preTraceConfig);
  const history = core.tepoch > 1 ? core.tepoch + 1 : 0;
  return {
    image: learning, seed, tepoch: core.tepoch, axonRow, rowCount: rows,
    logicalInput: Int32Array.from(axonOfRow, (axon) => core.inputAxons[axon].logicalInput),
    x1Constants: constantsOf(configs.map((config) => learning.preTrace[config])),
    x2Constants: learning.preTrace2?.length
      ? constantsOf(configs.map((config) => learning.preTrace2![config] ?? { decay: 0, impulse: 0, impulseFraction: 0 }))
      : null,
    x1: new Uint8Array(rows), x2: new Uint8Array(rows), arrived: new Uint8Array(rows), preSpikeStep: new Uint8Array(rows),
    y: [new Uint8Array(n), new Uint8Array(n), new Uint8Array(n)], postSpikeStep: new Uint8Array(n),
    reward: new Uint8Array(2),
    x1History: new Uint8Array(history * rows), x2History: new Uint8Array(history * rows),
    yHistory: [new Uint8Array(history * n), new Uint8Array(history * n), new Uint8Array(history * n)],
    plastic: plasticSynapses(core, decoded, axonOfRow), plans,
    kernels: null, usesPostSpikes: core.tepoch > 1 || learning.postTrace.length > 0 || plans.some(usesSpikes),
  };
}

/** Products that look at post spikes, or may look back within an epoch. */
const usesSpikes = (plan: LearningPlan): boolean =>
  plan.separable === null ||
  plan.products.some(({ dependency, factors }) => dependency === "y0" || factors.some(({ variable }) => variable === "y0"));

function constantsOf(configs: readonly TraceConfig[]): TraceConstants {
  return {
    decay: Int32Array.from(configs, (config) => config.decay),
    impulse: Uint8Array.from(configs, (config) => config.impulse),
    impulseFraction: Uint8Array.from(configs, (config) => config.impulseFraction),
  };
}

function planOf(core: CoreImage, learning: CoreLearning, index: number): LearningPlan {
  const profile = learning.stdpProfiles[index];
  const decoded = decodeMicrocode(learning.microcode, profile.pointer, profile.numProducts);
  const products = decoded.map((product) => planProduct(core, learning.productMantissaBits, product));
  const separable = products.map((product) => separableOf(product, core.compartments.length));
  const allSeparable = core.tepoch === 1 && separable.every((product) => product !== null);
  return {
    products, epochSteps: core.tepoch * 2 ** profile.decimateExp,
    separable: allSeparable ? separable as SeparableProduct[] : null,
  };
}

/** A product ready to run: its down-shift is max(0, Σ bits + mantissaBits − 15), its up-shift s + 7.  Design §6. */
function planProduct(core: CoreImage, mantissaBits: number, product: Product): PlannedProduct {
  const factors = product.factors.map(planFactor);
  const bits = factors.reduce((sum, factor) => sum + factor.bits, 0) + mantissaBits;
  if (bits > EXACT_BITS) {
    throw new SimulationError({ chip: core.chip, core: core.core, compartment: -1, step: 0 }, {
      code: "E-SIM-007", found: `a learning product of ${bits} bits`, limit: `${EXACT_BITS}`, hint: "use fewer factors",
    });
  }
  return {
    target: product.target, dependency: product.dependency, mantissa: product.mantissa, factors,
    downScale: 2 ** -Math.max(0, bits - PRODUCT_DOWN_SHIFT.resultBits), upScale: 2 ** (product.exponent + EXPONENT_BIAS),
  };
}

function planFactor({ variable, constant, sign }: Factor): PlannedFactor {
  const bits = sign ? 1 : OPERAND_BITS[variable];
  return { variable, constant: constant ?? 0, sign, bits, limit: 2 ** bits };
}

/** Factors of a separable product: with the 4 bits of its mantissa it stays within 32 bits. */
const INT32_BITS = 26;
const PRE_VARIABLES: readonly FactorVariable[] = ["x0", "x1", "x2"];
const SYNAPSE_VARIABLES: readonly FactorVariable[] = ["w", "d", "t"];

function separableOf(product: PlannedProduct, compartments: number): SeparableProduct | null {
  const { target, factors, dependency, mantissa, downScale, upScale } = product;
  if (target !== "w" || factors.some(({ variable }) => SYNAPSE_VARIABLES.includes(variable))) return null;
  const isPre = ({ variable }: PlannedFactor) => PRE_VARIABLES.includes(variable);
  if (factors.reduce((sum, { bits }) => sum + bits, 0) > INT32_BITS) return null;
  return {
    dependency, mantissa, downScale, upScale, pre: factors.filter(isPre), post: factors.filter((factor) => !isPre(factor)),
    postValue: new Int32Array(compartments),
  };
}

function plasticSynapses(core: CoreImage, decoded: DecodedSynapses, axonOfRow: readonly number[]): PlasticSynapses {
  const { table } = decoded;
  const columns: { readonly row: number; readonly synapse: number }[][] = Array.from(core.compartments, () => []);
  const owner = new Map<number, number>();
  axonOfRow.forEach((axon, row) => {
    const list = table.axonList[axon];
    for (let k = table.listStart[list]; k < table.listStart[list + 1]; k++) {
      if (!core.synapseFormats[decoded.format[k]].learning) continue;
      if (owner.has(k)) throw sharedList(core, axon, owner.get(k)!);
      owner.set(k, axon);
      columns[table.axonBase[axon] + table.target[k]].push({ row, synapse: k });
    }
  });
  const columnStart = new Int32Array(columns.length + 1);
  columns.forEach((column, c) => {
    columnStart[c + 1] = columnStart[c] + column.length;
  });
  const isDense = (column: (typeof columns)[number]) => column.length > 0 && column.every(({ row, synapse }, n) =>
    row === column[0].row + n && decoded.format[synapse] === decoded.format[column[0].synapse]);
  const synapse = columns.flatMap((column) => column.map(({ synapse: k }) => k));
  const delays = core.synapseFormats.some((format) => format.dlyBits > 0);
  return {
    columnStart, denseRow: Int32Array.from(columns, (column) => (isDense(column) ? column[0].row : -1)),
    synapse: Int32Array.from(synapse), row: Int32Array.from(columns.flatMap((column) => column.map(({ row }) => row))),
    format: Uint8Array.from(synapse, (k) => decoded.format[k]), mantissa: Int16Array.from(synapse, (k) => decoded.mantissa[k]),
    tag: Int16Array.from(synapse, (k) => decoded.tag[k]),
    grids: core.synapseFormats.map((f) => mantissaGrid(WEIGHT_BITS_BY_CODE[f.wgtBitsCode], f.fanoutType)),
    wgtExp: Int8Array.from(core.synapseFormats, (f) => f.wgtExp), plan: Uint8Array.from(core.synapseFormats, (f) => f.stdpProfile),
    delayMax: Uint8Array.from(core.synapseFormats, (f) => (delays ? Math.min(RANGE.delay[1], 2 ** f.dlyBits - 1) : 0)),
    tagMax: Int16Array.from(core.synapseFormats, (f) => (f.tagBits === 0 ? -1 : 2 ** (f.tagBits - 1) - 1)),
  };
}

const sharedList = (core: CoreImage, axon: number, other: number): SimulationError =>
  new SimulationError({ chip: core.chip, core: core.core, compartment: -1, step: 0 }, {
    code: "E-SIM-008", found: `learning axons ${other} and ${axon} share a synapse list`,
    limit: `a list of its own for each of the core's learning axons (at most ${CORE_LIMITS.inputAxons / 2})`,
    hint: "give each learning axon its own list",
  });
