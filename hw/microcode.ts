/** Microcode of the learning engine: sums of products S·Π(V + C). The encoding is ours (the chip's is not public): a header
 *  word a product, then one word a factor; names and bounds as in open code (loihi-facts §3.1–3.2). */

/** Variable of a synapse that a rule changes. */
export type RuleTarget = "w" | "d" | "t";
/** What gates a product: a pre spike, a post spike, or the end of every 2^k-th epoch. */
export type Dependency = "x0" | "y0" | "u";
export type FactorVariable = "x0" | "x1" | "x2" | "y0" | "y1" | "y2" | "y3" | "r0" | "r1" | "w" | "d" | "t";

/** (variable + constant), or its sign. */
export interface Factor {
  readonly variable: FactorVariable;
  /** 8 bits signed; null where the rule names none (adds nothing). */
  readonly constant: number | null;
  /** sgn(variable + constant): −1, 0 or 1. */
  readonly sign: boolean;
}

/** mantissa·2^exponent · dependency · Π factors, added to the target. */
export interface Product {
  readonly target: RuleTarget;
  readonly dependency: Dependency;
  /** −8…7 */
  readonly mantissa: number;
  /** −7…8 */
  readonly exponent: number;
  readonly factors: readonly Factor[];
}

/** All the products of one learning profile; k is shared by all of its u_k. */
export interface LearningRule {
  readonly products: readonly Product[];
  /** k of u_k, 0…9; null where no product has one. */
  readonly decimateExp: number | null;
}

const TARGETS: readonly RuleTarget[] = ["w", "d", "t"];
const DEPENDENCIES: readonly Dependency[] = ["x0", "y0", "u"];
const VARIABLES: readonly FactorVariable[] = ["x0", "x1", "x2", "y0", "y1", "y2", "y3", "r0", "r1", "w", "d", "t"];

const OPCODE = { product: 0x1, factor: 0x2 } as const;
/** Bit offsets within a word. */
const PRODUCT_FIELD = { target: 0, dependency: 2, mantissa: 4, exponent: 8, factors: 12, opcode: 28 } as const;
const FACTOR_FIELD = { variable: 0, sign: 4, hasConstant: 5, constant: 8, opcode: 28 } as const;
const EXPONENT_BIAS = 7;
/** Factors of a product that the header can count. */
export const MAX_FACTORS = 15;

/** Words of the products, in order. */
export function encodeMicrocode(products: readonly Product[]): Uint32Array {
  const words: number[] = [];
  for (const product of products) {
    words.push(
      ((TARGETS.indexOf(product.target) << PRODUCT_FIELD.target) |
        (DEPENDENCIES.indexOf(product.dependency) << PRODUCT_FIELD.dependency) |
        ((product.mantissa & 0xf) << PRODUCT_FIELD.mantissa) |
        ((product.exponent + EXPONENT_BIAS) << PRODUCT_FIELD.exponent) |
        (product.factors.length << PRODUCT_FIELD.factors) |
        (OPCODE.product << PRODUCT_FIELD.opcode)) >>> 0,
    );
    for (const factor of product.factors) {
      words.push(
        ((VARIABLES.indexOf(factor.variable) << FACTOR_FIELD.variable) |
          ((factor.sign ? 1 : 0) << FACTOR_FIELD.sign) |
          ((factor.constant === null ? 0 : 1) << FACTOR_FIELD.hasConstant) |
          (((factor.constant ?? 0) & 0xff) << FACTOR_FIELD.constant) |
          (OPCODE.factor << FACTOR_FIELD.opcode)) >>> 0,
      );
    }
  }
  return Uint32Array.from(words);
}

/** Reads `numProducts` products from word `pointer`; every word must be exactly one that `encodeMicrocode` makes.
 *  @throws RangeError with the word's address where it is not defined */
export function decodeMicrocode(words: Uint32Array, pointer: number, numProducts: number): Product[] {
  const products: Product[] = [];
  let at = pointer;
  for (let n = 0; n < numProducts; n++) {
    const start = at;
    const head = wordAt(words, at++);
    const factors: Factor[] = [];
    const factorCount = (head >>> PRODUCT_FIELD.factors) & 0xf;
    for (let f = 0; f < factorCount; f++) factors.push(decodeFactor(wordAt(words, at++), at - 1));
    const product: Product = {
      target: TARGETS[head & 3],
      dependency: DEPENDENCIES[(head >>> PRODUCT_FIELD.dependency) & 3],
      mantissa: (head << 24) >> 28,
      exponent: ((head >>> PRODUCT_FIELD.exponent) & 0xf) - EXPONENT_BIAS,
      factors,
    };
    if (product.target === undefined || product.dependency === undefined || encodeMicrocode([product])[0] !== head) {
      throw new RangeError(`word ${start} (${hex(head)}) is no product`);
    }
    products.push(product);
  }
  return products;
}

function decodeFactor(word: number, at: number): Factor {
  const variable = VARIABLES[word & 0xf];
  const hasConstant = ((word >>> FACTOR_FIELD.hasConstant) & 1) === 1;
  const constant = (word << 16) >> 24;
  const factor: Factor = {
    variable, sign: ((word >>> FACTOR_FIELD.sign) & 1) === 1, constant: hasConstant ? constant : null,
  };
  const product: Product = { target: "w", dependency: "u", mantissa: 1, exponent: 0, factors: [factor] };
  if (variable === undefined || encodeMicrocode([product])[1] !== word) {
    throw new RangeError(`word ${at} (${hex(word)}) is no factor`);
  }
  return factor;
}

function wordAt(words: Uint32Array, at: number): number {
  if (at >= words.length) throw new RangeError(`a product runs past word ${words.length - 1}, the last of the microcode`);
  return words[at];
}

const hex = (word: number) => `0x${word.toString(16).padStart(8, "0")}`;

/** The rules as text, one line a target that has products: `dw = 2^-4*u2*x1*(y1-64)`. Assembling it gives the same words
 *  where the mantissa is in the assembler's form (never −8).
 *  @param decimateExp k of every u */
export function disassemble(products: readonly Product[], decimateExp: number | null): string {
  return TARGETS.flatMap((target) => {
    const own = products.filter((product) => product.target === target);
    if (own.length === 0) return [];
    const text = own.map((product, n) => {
      const sign = product.mantissa < 0 ? "-" : n === 0 ? "" : "+";
      return `${n === 0 ? sign : ` ${sign} `}${productText(product, decimateExp)}`;
    });
    return [`d${target} = ${text.join("")}`];
  }).join("\n");
}

function productText(product: Product, decimateExp: number | null): string {
  const size = Math.abs(product.mantissa);
  const terms: string[] = [];
  if (size !== 1) terms.push(`${size}`);
  if (product.exponent !== 0) terms.push(`2^${product.exponent}`);
  terms.push(product.dependency === "u" ? `u${decimateExp ?? 0}` : product.dependency);
  for (const { variable, constant, sign } of product.factors) {
    const inner = constant === null ? variable : `${variable}${constant < 0 ? "-" : "+"}${Math.abs(constant)}`;
    terms.push(sign ? `sgn(${inner})` : constant === null ? inner : `(${inner})`);
  }
  return terms.join("*");
}
