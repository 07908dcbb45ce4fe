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
