import type { Arena } from "../arena.js";
import type { CoreState } from "../core-state.js";
import type { LearningPlan, LearningState, SeparableProduct } from "./learning-state.js";

/** A core's learning loops in WebAssembly (sim/native/kernels); their twins are in traces.ts and learn-separable.ts. */
export interface LearningKernels {
  /** As `updateRows`, for x1 or x2. @param trace the state's own array */
  updateTraces(trace: Uint8Array, prefix: number): void;
  /** As `learnInTypeScript`. @param active bit n: product n of the plan is not 0 in this step */
  learnSeparable(planIndex: number, active: number, prefix: number): number;
}

/** What the module exports for learning. */
export interface LearningExports {
  learn_separable(learning: number, active: number, prefix: number): number;
  update_traces(
    rows: number, prefix: number, trace: number, arrived: number, logicalInput: number, decay: number, impulse: number, fraction: number,
  ): void;
}

/** Fields of `LearningArrays` (learning.h) in order, in words of 4 bytes: numbers first, then addresses. */
const NUMBERS = ["compartments", "rows", "inputs", "plan", "productCount"] as const;
const ADDRESSES = [
  "x1", "x2", "preSpike", "logicalInput", "logicalOutput", "columnStart", "denseRow", "row", "synapse", "format", "mantissa", "weight",
  "formats", "products", "spiked", "spikedInput",
] as const;
const FIELD_WORDS = NUMBERS.length + ADDRESSES.length;
/** Words of `SeparableProduct` (learning.h), and of one of its factors. */
const PRODUCT = {
  gated: 0, mantissa: 1, downShift: 2, upShift: 3, preBound: 4, factorCount: 5, factors: 6, post: 66, pre: 67, spikedPre: 68, words: 69,
} as const;
const PRODUCT_FACTOR_WORDS = 4;
const FORMAT_WORDS = 5;
const MAX_PRODUCTS = 16;
const PRE_CODE = ["x0", "x1", "x2"];
const CONSTANTS = ["decay1", "impulse1", "fraction1", "decay2", "impulse2", "fraction2"] as const;

/** Addresses of a core's learning arrays; the weights stand with the core's synapses. */
export interface LearningPlacement {
  readonly at: Readonly<Record<Exclude<(typeof ADDRESSES)[number], "products" | "weight"> | (typeof CONSTANTS)[number] | "arrived", number>>;
  /** [plan] fields, one struct a plan, and its products: their structs, scratch by row and values by compartment. */
  readonly plans: readonly {
    readonly fields: number; readonly products: number;
    readonly scratch: readonly { readonly pre: number; readonly spikedPre: number; readonly post: number }[];
  }[];
}

/** Takes room for a core's learning arrays. */
export function placeLearning(arena: Arena, core: CoreState, learning: LearningState): LearningPlacement {
  const { plastic, rowCount } = learning;
  const room = (array: ArrayBufferView) => arena.take(array.byteLength);
  const rowWords = () => arena.take(4 * rowCount);
  return {
    at: {
      x1: room(learning.x1), x2: room(learning.x2), arrived: room(learning.arrived), preSpike: room(learning.preSpikeStep),
      logicalInput: room(learning.logicalInput), logicalOutput: room(learning.image.logicalOutput),
      columnStart: room(plastic.columnStart), denseRow: room(plastic.denseRow), row: room(plastic.row), synapse: room(plastic.synapse),
      format: room(plastic.format), mantissa: room(plastic.mantissa), formats: arena.take(4 * FORMAT_WORDS * plastic.grids.length),
      spiked: rowWords(), spikedInput: rowWords(), decay1: rowWords(), impulse1: arena.take(rowCount), fraction1: arena.take(rowCount), decay2: rowWords(),
      impulse2: arena.take(rowCount), fraction2: arena.take(rowCount),
    },
    plans: learning.plans.map(({ separable }) => ({
      fields: arena.take(4 * FIELD_WORDS), products: arena.take(4 * PRODUCT.words * (separable ?? []).length),
      scratch: (separable ?? []).map(() => ({ pre: rowWords(), spikedPre: rowWords(), post: arena.take(4 * core.compartmentCount) })),
    })),
  };
}

/** The state with its arrays in the kernels' memory. @param weight address of the core's effective weights */
export function moveLearning(
  arena: Arena, placement: LearningPlacement, learning: LearningState, weight: number, exports: LearningExports,
): LearningState {
  if (learning.plans.some((plan) => plan.products.length > MAX_PRODUCTS)) return learning;
  const { at } = placement;
  const { plastic } = learning;
  const moved: LearningState = {
    ...learning, x1: arena.moved(learning.x1, at.x1), x2: arena.moved(learning.x2, at.x2), arrived: arena.moved(learning.arrived, at.arrived),
    preSpikeStep: arena.moved(learning.preSpikeStep, at.preSpike), logicalInput: arena.moved(learning.logicalInput, at.logicalInput),
    plastic: {
      ...plastic, columnStart: arena.moved(plastic.columnStart, at.columnStart), denseRow: arena.moved(plastic.denseRow, at.denseRow),
      row: arena.moved(plastic.row, at.row), synapse: arena.moved(plastic.synapse, at.synapse),
      format: arena.moved(plastic.format, at.format), mantissa: arena.moved(plastic.mantissa, at.mantissa),
    },
    plans: learning.plans.map((plan, n) => movePlan(arena, placement, plan, n)),
  };
  arena.moved(learning.image.logicalOutput, at.logicalOutput);
  moveConstants(arena, placement, learning);
  learning.plans.forEach((_, n) => {
    writeFields(arena, placement, learning, n, weight);
  });
  return { ...moved, kernels: kernelsOf(placement, moved, exports) };
}

function movePlan(arena: Arena, placement: LearningPlacement, plan: LearningPlan, index: number): LearningPlan {
  if (plan.separable === null) return plan;
  const { products, scratch } = placement.plans[index];
  const table = arena.int32(products, PRODUCT.words * plan.separable.length);
  const separable = plan.separable.map((product, n) => {
    table.set(encodeProduct(product, scratch[n]), n * PRODUCT.words);
    return { ...product, postValue: arena.moved(product.postValue, scratch[n].post) };
  });
  return { ...plan, separable };
}

function encodeProduct(
  product: SeparableProduct, { pre, spikedPre, post }: LearningPlacement["plans"][number]["scratch"][number],
): Int32Array {
  const words = new Int32Array(PRODUCT.words);
  words[PRODUCT.gated] = product.dependency === "x0" ? 1 : 0;
  words[PRODUCT.mantissa] = product.mantissa;
  words[PRODUCT.downShift] = -Math.log2(product.downScale);
  words[PRODUCT.upShift] = Math.log2(product.upScale);
  words[PRODUCT.preBound] = Math.abs(product.mantissa) * product.pre.reduce((bound, { limit }) => bound * limit, 1);
  words[PRODUCT.factorCount] = product.pre.length;
  product.pre.forEach(({ variable, constant, limit, sign }, f) => {
    words.set([PRE_CODE.indexOf(variable), constant, limit, sign ? 1 : 0], PRODUCT.factors + f * PRODUCT_FACTOR_WORDS);
  });
  words[PRODUCT.post] = post;
  words[PRODUCT.pre] = pre;
  words[PRODUCT.spikedPre] = spikedPre;
  return words;
}

function moveConstants(arena: Arena, { at }: LearningPlacement, { x1Constants, x2Constants, plastic }: LearningState): void {
  arena.moved(x1Constants.decay, at.decay1);
  arena.moved(x1Constants.impulse, at.impulse1);
  arena.moved(x1Constants.impulseFraction, at.fraction1);
  if (x2Constants !== null) {
    arena.moved(x2Constants.decay, at.decay2);
    arena.moved(x2Constants.impulse, at.impulse2);
    arena.moved(x2Constants.impulseFraction, at.fraction2);
  }
  const formats = plastic.grids.flatMap(({ lsb, min, max }, k) => [lsb, min, max, plastic.wgtExp[k], plastic.plan[k]]);
  arena.moved(Int32Array.from(formats), at.formats);
}

function writeFields(arena: Arena, { at, plans }: LearningPlacement, learning: LearningState, index: number, weight: number): void {
  const numbers = {
    compartments: learning.plastic.denseRow.length, rows: learning.rowCount, inputs: learning.image.inputs, plan: index,
    productCount: plans[index].scratch.length,
  };
  const addresses = { ...at, products: plans[index].products, weight };
  arena.int32(plans[index].fields, FIELD_WORDS).set([...NUMBERS.map((name) => numbers[name]), ...ADDRESSES.map((name) => addresses[name])]);
}

function kernelsOf({ at, plans }: LearningPlacement, { rowCount, x1 }: LearningState, exports: LearningExports): LearningKernels {
  return {
    updateTraces(trace, prefix) {
      if (trace === x1) exports.update_traces(rowCount, prefix, at.x1, at.arrived, at.logicalInput, at.decay1, at.impulse1, at.fraction1);
      else exports.update_traces(rowCount, prefix, at.x2, at.arrived, at.logicalInput, at.decay2, at.impulse2, at.fraction2);
    },
    learnSeparable: (planIndex, active, prefix) => exports.learn_separable(plans[planIndex].fields, active, prefix),
  };
}
