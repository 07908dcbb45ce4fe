import { userError, type UserError } from "../src/base/errors.js";
import { RANGE } from "./limits.js";
import {
  type Dependency, type Factor, type FactorVariable, type LearningRule, MAX_FACTORS, type Product, type RuleTarget,
} from "./microcode.js";

/** Rules of one profile as text, right sides: `{ dw: "2^-4*u2*x1*(y1-64)" }`. */
export interface RuleText {
  readonly dw?: string;
  readonly dd?: string;
  readonly dt?: string;
}

/** `rewards`: allow r0 and r1, which Lava's parser does not know (loihi-facts §3.1); off by default, as there. */
export interface AssemblerOptions {
  readonly rewards?: boolean;
}

/** Assembles rules into products, in the order dw, dd, dt.
 *  @throws UserError E-RULE-001 (syntax), 002 (no dependency), 003 (u beside x0 or y0), 004 (different k), 005 (mantissa),
 *  006 (exponent), 007 (sgn of something else than w, d, t), 008 (constant beyond 8 bits), 009 (too many factors)
 *  Source: Lava's grammar, loihi-facts §3.2. */
export function assembleRules(rules: RuleText, options: AssemblerOptions = {}): LearningRule {
  const products: Product[] = [];
  let decimateExp: number | null = null;
  for (const target of ["w", "d", "t"] as const) {
    const text = rules[`d${target}`];
    if (text === undefined) continue;
    const parser = new RuleParser(`rule d${target} = ${text}`, text, target, options.rewards ?? false);
    for (const { product, k } of parser.rule()) {
      if (k !== null && decimateExp !== null && k !== decimateExp) {
        throw parser.error("E-RULE-004", `both u${decimateExp} and u${k}`, "one k for all u of a learning rule");
      }
      decimateExp = k ?? decimateExp;
      products.push(product);
    }
  }
  return { products, decimateExp };
}

/** Assembles one line `dw = …` (or dd, dt). @throws as `assembleRules` */
export function assembleLine(line: string, options: AssemblerOptions = {}): LearningRule {
  const match = /^\s*d([wdt])\s*=(.*)$/s.exec(line);
  if (match === null) {
    throw userError({ code: "E-RULE-001", at: `rule ${line}`, found: "no target", limit: "dw = …, dd = … or dt = …" });
  }
  return assembleRules({ [`d${match[1]}`]: match[2] }, options);
}

const TOKEN = /\s*(sgn|[xy]0|x[12]|y[123]|r[01]|u\d|w|d|t|\d+|[-+*^()])/y;
const VARIABLE = /^([xy]0|x[12]|y[123]|r[01]|w|d|t)$/;
/** A rule longer than this is no rule; it bounds the work on damaged input. */
const RULE_LENGTH_LIMIT = 2000;

/** Parts of a product while it is read. */
interface Draft {
  mantissa: number;
  exponent: number;
  dependency: Dependency | null;
  k: number | null;
  readonly factors: Factor[];
}

class RuleParser {
  private readonly tokens: string[] = [];
  private at = 0;

  constructor(
    private readonly where: string,
    text: string,
    private readonly target: RuleTarget,
    private readonly rewards: boolean,
  ) {
    if (text.length > RULE_LENGTH_LIMIT) throw this.error("E-RULE-001", `${text.length} characters`, `${RULE_LENGTH_LIMIT}`);
    TOKEN.lastIndex = 0;
    const trimmed = text.trimEnd();
    while (TOKEN.lastIndex < trimmed.length) {
      const from = TOKEN.lastIndex;
      const match = TOKEN.exec(trimmed);
      if (match === null) throw this.error("E-RULE-001", `"${trimmed.slice(from, from + 12).trim()}" is not understood`);
      this.tokens.push(match[1]);
    }
  }

  error(code: string, found: string, limit?: string): UserError {
    return userError({
      code, at: this.where, found, limit, hint: "write it like dw = 2^-4*u2*x1*(y1-64) (loihi-facts §3.2)",
    });
  }

  private peek = (): string | undefined => this.tokens[this.at];

  private accept(token: string): boolean {
    if (this.tokens[this.at] !== token) return false;
    this.at++;
    return true;
  }

  private expect(token: string): void {
    if (!this.accept(token)) throw this.error("E-RULE-001", `${this.found()} where "${token}" belongs`);
  }

  private found = (): string => (this.peek() === undefined ? "the end" : `"${this.peek()}"`);

  /** ['-' | '+'] */
  private sign(): number {
    if (this.accept("-")) return -1;
    this.accept("+");
    return 1;
  }

  /** ['-'] product { ('+'|'-') product } */
  rule(): { product: Product; k: number | null }[] {
    const out: { product: Product; k: number | null }[] = [];
    let sign = this.sign();
    for (;;) {
      out.push(this.product(sign));
      if (this.accept("+")) sign = 1;
      else if (this.accept("-")) sign = -1;
      else break;
    }
    if (this.peek() !== undefined) throw this.error("E-RULE-001", `${this.found()} after a product`);
    return out;
  }

  private product(sign: number): { product: Product; k: number | null } {
    const draft: Draft = { mantissa: sign, exponent: 0, dependency: null, k: null, factors: [] };
    do this.term(draft);
    while (this.accept("*"));
    return { product: this.finish(draft), k: draft.k };
  }

  private term(draft: Draft): void {
    const token = this.peek();
    if (token === "(") this.parenthesis(draft);
    else if (token === "sgn") this.signTerm(draft);
    else if (token !== undefined && /^\d+$/.test(token)) this.literal(draft);
    else if (token !== undefined && /^u\d$/.test(token)) this.epochDependency(draft);
    else if (token !== undefined && VARIABLE.test(token)) {
      this.at++;
      this.variable(draft, token as FactorVariable);
    } else throw this.error("E-RULE-001", `${this.found()} where a factor belongs`);
  }

  private variable(draft: Draft, name: FactorVariable): void {
    if ((name === "r0" || name === "r1") && !this.rewards) {
      throw this.error("E-RULE-001", `${name}`, "no rewards unless the assembler is told so");
    }
    if ((name === "x0" || name === "y0") && draft.dependency === null) draft.dependency = name;
    else draft.factors.push({ variable: name, constant: null, sign: false });
  }

  private epochDependency(draft: Draft): void {
    const k = Number(this.tokens[this.at++].slice(1));
    if (draft.dependency !== null) {
      throw this.error("E-RULE-003", `u${k} beside ${draft.dependency}`, "u first, spikes as its factors");
    }
    draft.dependency = "u";
    draft.k = k;
  }

  /** int | 2^[±]int */
  private literal(draft: Draft): void {
    const value = Number(this.tokens[this.at++]);
    if (!this.accept("^")) {
      draft.mantissa *= value;
      return;
    }
    if (value !== 2) throw this.error("E-RULE-001", `a power of ${value}`, "powers of 2");
    const sign = this.sign();
    draft.exponent += sign * this.integer();
  }

  private integer(): number {
    const token = this.peek();
    if (token === undefined || !/^\d+$/.test(token)) throw this.error("E-RULE-001", `${this.found()} where a number belongs`);
    this.at++;
    return Number(token);
  }

  /** [±] atom { ± atom } of integers and at most one variable. */
  private sum(): { variable: FactorVariable | null; variableSign: number; constant: number; hasConstant: boolean } {
    let variable: FactorVariable | null = null;
    let variableSign = 1;
    let constant = 0;
    let hasConstant = false;
    let sign = this.sign();
    for (;;) {
      const token = this.peek();
      if (token !== undefined && VARIABLE.test(token)) {
        if (variable !== null) throw this.error("E-RULE-001", `${variable} and ${token} in one factor`, "one variable");
        this.at++;
        variable = token as FactorVariable;
        variableSign = sign;
      } else {
        constant += sign * this.integer();
        hasConstant = true;
      }
      if (this.accept("+")) sign = 1;
      else if (this.accept("-")) sign = -1;
      else return { variable, variableSign, constant, hasConstant };
    }
  }

  private parenthesis(draft: Draft): void {
    this.expect("(");
    const { variable, variableSign, constant, hasConstant } = this.sum();
    this.expect(")");
    if (variable === null) {
      draft.mantissa *= constant;
    } else {
      // (−y1 + 5) = −(y1 − 5): the sign goes to the mantissa, as in Lava.
      draft.mantissa *= variableSign;
      if (hasConstant) draft.factors.push(this.factor(variable, variableSign * constant, false));
      else this.variable(draft, variable);
    }
  }

  private signTerm(draft: Draft): void {
    this.expect("sgn");
    this.expect("(");
    const { variable, variableSign, constant, hasConstant } = this.sum();
    this.expect(")");
    if (variable !== "w" && variable !== "d" && variable !== "t") {
      throw this.error("E-RULE-007", `sgn of ${variable ?? "a number"}`, "sgn of w, d or t");
    }
    draft.mantissa *= variableSign;
    draft.factors.push(this.factor(variable, hasConstant ? variableSign * constant : null, true));
  }

  private factor(variable: FactorVariable, constant: number | null, sign: boolean): Factor {
    if (constant !== null && (constant < -128 || constant > 127)) {
      throw this.error("E-RULE-008", `the constant ${constant}`, "−128…127");
    }
    if ((variable === "r0" || variable === "r1") && !this.rewards) {
      throw this.error("E-RULE-001", variable, "no rewards unless the assembler is told so");
    }
    return { variable, constant: constant === null ? null : constant + 0, sign };
  }

  private finish(draft: Draft): Product {
    let { mantissa, exponent } = draft;
    if (draft.dependency === null) throw this.error("E-RULE-002", "a product without dependency", "x0, y0 or u0…u9 in each product");
    while (Math.abs(mantissa) > RANGE.rateMant[1] && mantissa % 2 === 0) {
      mantissa /= 2;
      exponent++;
    }
    if (mantissa < RANGE.rateMant[0] || mantissa > RANGE.rateMant[1]) {
      throw this.error("E-RULE-005", `the scale ${draft.mantissa}`, "m·2^e with m in −8…7");
    }
    if (exponent < RANGE.rateExp[0] || exponent > RANGE.rateExp[1]) {
      throw this.error("E-RULE-006", `the exponent ${exponent}`, `${RANGE.rateExp[0]}…${RANGE.rateExp[1]}`);
    }
    if (draft.factors.length > MAX_FACTORS) throw this.error("E-RULE-009", `${draft.factors.length} factors`, `${MAX_FACTORS}`);
    return { target: this.target, dependency: draft.dependency, mantissa: mantissa + 0, exponent, factors: draft.factors };
  }
}
