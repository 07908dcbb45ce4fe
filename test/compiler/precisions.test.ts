import { describe, expect, it } from "vitest";
import { compareWithModel } from "../../compiler/compare.js";
import { compileNetwork } from "../../compiler/pipeline.js";
import { WEIGHT_BITS_BY_CODE } from "../../hw/limits.js";
import { UserError } from "../../src/base/errors.js";
import type { WeightPrecision } from "../../src/model/types.js";
import { conv, dense, geometry, network, quantized } from "./networks.js";

const MODES = ["mixed", "excitatory", "inhibitory"] as const;
const every = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((bits) => MODES.map((signMode): [number, (typeof MODES)[number]] => [bits, signMode]));
const FANOUT = { mixed: 1, excitatory: 2, inhibitory: 3 } as const;

/** The compiled image and its model, or the code of the refusal. */
function outcome(first: WeightPrecision, last: WeightPrecision) {
  const model = quantized(network("precision", [2, 6, 7], [conv("c1", 6, 3, 1, 1, { weight: first }), dense("out", 3, { weight: last })]));
  try {
    return { model, image: compileNetwork(model, geometry).image };
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
}

const plain: WeightPrecision = { bits: 8, signMode: "mixed", wgtExp: 0 };

describe("weights of every precision and sign", () => {
  it.each(every)("%i bits, %s, in a static layer", (bits, signMode) => {
    const result = outcome({ bits, signMode, wgtExp: 0 }, plain);
    if (bits === 1 && signMode === "mixed") {
      // {−256, 0} has no positive weight: design §4.
      expect(result).toBe("E-VERIFY-009");
      return;
    }
    if (typeof result === "string") expect.unreachable(result);
    else {
      expect(compareWithModel(result.image, result.model).differences).toBe(0);
      const [format] = result.image.cores.find((core) => core.learning === null)!.synapseFormats;
      // The chip has no 7-bit format: those are stored in 8.
      expect(WEIGHT_BITS_BY_CODE[format.wgtBitsCode]).toBe(bits === 7 ? 8 : bits);
      expect(format.fanoutType).toBe(FANOUT[signMode]);
    }
  });

  it.each(every)("%i bits, %s, in the plastic layer", (bits, signMode) => {
    const result = outcome(plain, { bits, signMode, wgtExp: 0 });
    // Design §6: mixed sign, 2–6 or 8 bits.
    const refusal =
      bits === 1 && signMode === "mixed" ? "E-VERIFY-009"
      : bits === 7 ? "E-VERIFY-010"
      : bits === 1 || signMode !== "mixed" ? "E-VERIFY-011"
      : undefined;
    if (typeof result === "string") expect(result).toBe(refusal);
    else {
      expect(refusal).toBeUndefined();
      expect(compareWithModel(result.image, result.model).differences).toBe(0);
    }
  });
});
