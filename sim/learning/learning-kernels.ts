import type { Arena } from "../arena.js";
import type { CoreState } from "../core-state.js";
import type { LearningPlan, LearningState, SeparableProduct } from "./learning-state.js";

/** A core's learning loops in WebAssembly (sim/native/kernels); their twins are in traces.ts and learn-separable.ts. */
export interface LearningKernels {
  /** As `updateRows`, for x1 or x2. @param trace the state's own array */
  updateTraces(trace: Uint8Array, prefix: number): void;
  /** As `learnInTypeScript`. @param posts [product][compartment], null: not in this step */
  learnSeparable(planIndex: number, posts: readonly (Int32Array | null)[], prefix: number): number;
}

/** What the module exports for learning. */
export interface LearningExports {
  learn_separable(learning: number): number;
  update_traces(
    rows: number, prefix: number, trace: number, arrived: number, logicalInput: number, decay: number, impulse: number, fraction: number,
  ): void;
}

/** Sizes and fields of the structs of learning.h, in words of 4 bytes. */
const FIELD = {
  rows: 0, inputs: 1, plan: 2, productCount: 3, prefix: 4, x1: 5, x2: 6, preSpike: 7, logicalInput: 8, logicalOutput: 9, rowStart: 10,
  synapse: 11, compartment: 12, format: 13, mantissa: 14, weight: 15, formats: 16, products: 17, words: 18,
} as const;
const PRODUCT = { gated: 0, mantissa: 1, downShift: 2, upShift: 3, factorCount: 4, factors: 5, post: 65, words: 66 } as const;
const PRODUCT_FACTOR_WORDS = 4;
const FORMAT_WORDS = 5;
const MAX_PRODUCTS = 16;
const PRE_CODE = ["x0", "x1", "x2"];

/** Addresses of a core's learning arrays. */
export interface LearningPlacement {
  readonly at: Readonly<Record<
    "fields" | "x1" | "x2" | "arrived" | "preSpike" | "logicalInput" | "logicalOutput" | "rowStart" | "synapse" | "compartment" |
    "format" | "mantissa" | "formats" | "products" | "post" | "decay1" | "impulse1" | "fraction1" | "decay2" | "impulse2" | "fraction2",
    number
  >>;
  readonly compartments: number;
}

/** Takes room for a core's learning arrays. */
export function placeLearning(arena: Arena, core: CoreState, learning: LearningState): LearningPlacement {
  const { plastic, rowCount } = learning;
  const room = (array: ArrayBufferView) => arena.take(array.byteLength);
  const products = Math.max(0, ...learning.plans.map((plan) => plan.products.length));
  return {
    compartments: core.compartmentCount,
    at: {
      fields: arena.take(4 * FIELD.words), x1: room(learning.x1), x2: room(learning.x2), arrived: room(learning.arrived),
      preSpike: room(learning.preSpikeStep), logicalInput: room(learning.logicalInput),
      logicalOutput: room(learning.image.logicalOutput), rowStart: room(plastic.rowStart), synapse: room(plastic.synapse),
      compartment: room(plastic.compartment), format: room(plastic.format), mantissa: room(plastic.mantissa),
      formats: arena.take(4 * FORMAT_WORDS * plastic.grids.length), products: arena.take(4 * PRODUCT.words * products),
      post: arena.take(4 * products * core.compartmentCount), decay1: arena.take(4 * rowCount), impulse1: arena.take(rowCount),
      fraction1: arena.take(rowCount), decay2: arena.take(4 * rowCount), impulse2: arena.take(rowCount), fraction2: arena.take(rowCount),
    },
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
      ...plastic, rowStart: arena.moved(plastic.rowStart, at.rowStart), synapse: arena.moved(plastic.synapse, at.synapse),
      compartment: arena.moved(plastic.compartment, at.compartment), format: arena.moved(plastic.format, at.format),
      mantissa: arena.moved(plastic.mantissa, at.mantissa),
    },
  };
  arena.moved(learning.image.logicalOutput, at.logicalOutput);
  moveConstants(arena, placement, learning);
  const fields = writeFields(arena, placement, learning, weight);
  return { ...moved, kernels: kernelsOf(arena, placement, moved, fields, exports) };
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

function writeFields(arena: Arena, { at }: LearningPlacement, learning: LearningState, weight: number): Int32Array {
  const fields = arena.int32(at.fields, FIELD.words);
  fields[FIELD.rows] = learning.rowCount;
  fields[FIELD.inputs] = learning.image.inputs;
  fields[FIELD.weight] = weight;
  for (const name of [
    "x1", "x2", "preSpike", "logicalInput", "logicalOutput", "rowStart", "synapse", "compartment", "format", "mantissa", "formats", "products",
  ] as const) fields[FIELD[name]] = at[name];
  return fields;
}

function kernelsOf(
  arena: Arena, { at, compartments }: LearningPlacement, learning: LearningState, fields: Int32Array, exports: LearningExports,
): LearningKernels {
  const { rowCount, plans, x1 } = learning;
  const products = Math.max(0, ...plans.map((plan) => plan.products.length));
  const table = arena.int32(at.products, PRODUCT.words * products);
  const post = arena.int32(at.post, compartments * products);
  const encoded = plans.map(encodePlan);
  return {
    updateTraces(trace, prefix) {
      if (trace === x1) exports.update_traces(rowCount, prefix, at.x1, at.arrived, at.logicalInput, at.decay1, at.impulse1, at.fraction1);
      else exports.update_traces(rowCount, prefix, at.x2, at.arrived, at.logicalInput, at.decay2, at.impulse2, at.fraction2);
    },
    learnSeparable(planIndex, posts, prefix) {
      let count = 0;
      for (let n = 0; n < posts.length; n++) {
        const values = posts[n];
        if (values === null) continue;
        table.set(encoded[planIndex][n], count * PRODUCT.words);
        table[count * PRODUCT.words + PRODUCT.post] = at.post + 4 * count * compartments;
        post.set(values, count * compartments);
        count++;
      }
      fields[FIELD.plan] = planIndex;
      fields[FIELD.productCount] = count;
      fields[FIELD.prefix] = prefix;
      return exports.learn_separable(at.fields);
    },
  };
}

const encodePlan = (plan: LearningPlan): readonly Int32Array[] => (plan.separable ?? []).map(encodeProduct);

function encodeProduct(product: SeparableProduct): Int32Array {
  const words = new Int32Array(PRODUCT.words);
  words[PRODUCT.gated] = product.dependency === "x0" ? 1 : 0;
  words[PRODUCT.mantissa] = product.mantissa;
  words[PRODUCT.downShift] = -Math.log2(product.downScale);
  words[PRODUCT.upShift] = Math.log2(product.upScale);
  words[PRODUCT.factorCount] = product.pre.length;
  product.pre.forEach(({ variable, constant, limit, sign }, f) => {
    words.set([PRE_CODE.indexOf(variable), constant, limit, sign ? 1 : 0], PRODUCT.factors + f * PRODUCT_FACTOR_WORDS);
  });
  return words;
}
