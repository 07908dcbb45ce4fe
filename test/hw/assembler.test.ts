import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleRules } from "../../hw/assembler.js";
import { decodeMicrocode, disassemble, encodeMicrocode } from "../../hw/microcode.js";
import { UserError } from "../../src/base/errors.js";
import { hasShared, readShared } from "../support/shared.js";

interface GoldenRule {
  target: "dw" | "dd" | "dt"; rule: string; ok: 0 | 1; error?: string; decimate_exponent: number | null;
  products: { dependency: string; s_mantissa: number; s_exp_plus7: number;
    factors: { var: string; const: number | null; sgn: number }[] }[];
}

/** Our code for what Lava's parser says. */
const CODE: readonly (readonly [RegExp, string])[] = [
  [/Mantissa magnitude/, "E-RULE-005"], [/Exponent of scaling/, "E-RULE-006"], [/No dependency/, "E-RULE-002"],
  [/different decimation/, "E-RULE-004"], [/dependency different from u/, "E-RULE-003"],
  [/sgn\(\.\.\)/, "E-RULE-007"], [/NoneType/, "E-RULE-001"],
];

describe.skipIf(!hasShared)("rules that Lava's parser was asked", () => {
  const rules = hasShared ? readShared<{ rules: GoldenRule[] }>("golden/rule_grammar_lava.json").rules : [];

  it.each(rules.filter((r) => r.ok === 1))("assembles $target = $rule into Lava's products", (golden) => {
    const { products, decimateExp } = assembleRules({ [golden.target]: golden.rule });
    expect(decimateExp).toBe(golden.decimate_exponent);
    expect(products).toEqual(golden.products.map((p) => ({
      target: golden.target[1], dependency: p.dependency, mantissa: p.s_mantissa, exponent: p.s_exp_plus7 - 7,
      factors: p.factors.map((f) => ({ variable: f.var, constant: f.const, sign: f.sgn === 1 })),
    })));
  });

  it.each(rules.filter((r) => r.ok === 0))("refuses $rule for Lava's reason", (golden) => {
    const expected = CODE.find(([pattern]) => pattern.test(golden.error!))![1];
    try {
      assembleRules({ [golden.target]: golden.rule });
      expect.unreachable(`accepted ${golden.rule}`);
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).code).toBe(expected);
    }
  });

  it.each(rules.filter((r) => r.ok === 1))("$rule survives encoding and disassembly", (golden) => {
    const rule = assembleRules({ [golden.target]: golden.rule });
    const words = encodeMicrocode(rule.products);
    expect(decodeMicrocode(words, 0, rule.products.length)).toEqual(rule.products);
    const line = disassemble(rule.products, rule.decimateExp);
    const again = assembleRules({ [golden.target]: line.slice(line.indexOf("=") + 1) });
    expect(encodeMicrocode(again.products)).toEqual(words);
  });
});

describe("the assembler", () => {
  const codeOf = (rule: string, options = {}) => {
    try {
      assembleRules({ dw: rule }, options);
      return "accepted";
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return error.code;
    }
  };

  it.each([
    ["u2*x1*(y1-200)", "E-RULE-008"], [`u2${"*x1".repeat(16)}`, "E-RULE-009"], ["u2*x1*", "E-RULE-001"], ["u2*(x1", "E-RULE-001"],
    ["u2*3^2", "E-RULE-001"], ["u2 x1", "E-RULE-001"], ["", "E-RULE-001"], ["u2*(x1+y1)", "E-RULE-001"],
  ])("refuses %s with %s", (rule, code) => expect(codeOf(rule)).toBe(code));

  it("knows rewards only where it is told to", () => {
    expect(codeOf("2^-2*u0*r1*t")).toBe("E-RULE-001");
    expect(assembleRules({ dw: "2^-2*u0*r1*t" }, { rewards: true }).products[0].factors.map((f) => f.variable)).toEqual(["r1", "t"]);
  });

  it("SOEL's rule reads as in the literature", () => {
    const { products, decimateExp } = assembleRules({ dw: "2^-4*u4*x1*(y1-64)" });
    expect(disassemble(products, decimateExp)).toBe("dw = 2^-4*u4*x1*(y1-64)");
  });

  it("takes or refuses any text, and never crashes", () => {
    const piece = fc.constantFrom("u2", "u9", "x0", "x1", "y0", "y1", "w", "t", "d", "sgn(", "(", ")", "*", "+", "-", "2^", "3", "64", " ", "r1", "^", "é");
    fc.assert(fc.property(fc.array(piece, { maxLength: 14 }).map((parts) => parts.join("")), (rule) => {
      codeOf(rule);
    }), { numRuns: 20_000, seed: 5 });
  });

  it("microcode that no rule makes is refused", () => {
    expect(() => decodeMicrocode(Uint32Array.of(0), 0, 1)).toThrow(/word 0/);
    expect(() => decodeMicrocode(encodeMicrocode(assembleRules({ dw: "u2*x1" }).products), 0, 2)).toThrow(/past word 1/);
  });
});
