import { z } from "zod";
import { RANGE, TRACE_MAX } from "../../../hw/limits.js";
import { userError } from "../../base/errors.js";
import type { SoelChipCase } from "./soel-chip.js";

const int = (low: number, high: number) => z.number().int().min(low).max(high);
const bits = z.string().regex(/^[01]*$/);

/** Format `soel-chip-1` (golden/README.md); fields it does not name are kept. */
const SCHEMA = z.looseObject({
  name: z.string(), J: int(1, 2048), K: int(1, 1024), T: int(1, 65_535), S: int(1, 65_535), bits: int(1, 8), wgtExp: int(-8, 7),
  vthMant: int(...RANGE.vthMant), decayU: int(...RANGE.effectiveDecay), decayV: int(...RANGE.effectiveDecay),
  refractory: int(...RANGE.refractory), bias: z.array(z.number().int()), seed: int(0, 2 ** 32 - 1), plasticIndex: int(0, 4095),
  dx: int(0, 65_536), imp: int(0, TRACE_MAX), tepoch: int(...RANGE.tepoch), k: int(...RANGE.epochExp), W: int(1, 65_535),
  gamma: int(1, 7), theta: int(1, 65_535), hi: z.number().int(), lo: z.number().int(), m: int(...RANGE.rateMant),
  s: int(...RANGE.rateExp), assigned: bits, w0: z.array(z.number().int()),
  presentations: z.array(z.looseObject({ learn: z.union([z.literal(0), z.literal(1)]), label: z.number().int(), frames: bits })),
});

/** Checks a parsed JSON case. @throws UserError E-CASE-001 that names the field */
export function parseSoelChipCase(json: unknown): SoelChipCase {
  const caseError = (found: string, limit?: string) =>
    userError({ code: "E-CASE-001", at: "case", found, limit, hint: "see the format soel-chip-1" });
  const parsed = SCHEMA.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw caseError(`field ${issue.path.join(".") || "(whole case)"}: ${issue.message}`);
  }
  const given = parsed.data;
  const lengths = [
    ["bias", given.bias.length, given.K], ["w0", given.w0.length, given.J * given.K], ["assigned", given.assigned.length, given.K],
    ...given.presentations.map((p, n) => [`presentations.${n}.frames`, p.frames.length, given.T * given.J] as const),
  ] as const;
  for (const [name, found, limit] of lengths) if (found !== limit) throw caseError(`${name} of length ${found}`, `${limit}`);
  return given;
}
