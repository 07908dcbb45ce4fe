import { join } from "node:path";
import { CheckFailed, userError } from "../base/errors.js";
import { BUNDLE_PART, type Bundle, checkBundle, readBundle } from "./bundle.js";

/** Reads a bundle to work with it: a damaged one is the user's file and the user's mistake (exit code 2), where
 *  `verify`, whose job is to check, says that the check failed (exit code 1).
 *  @throws UserError E-BUNDLE-001 (none there), E-BUNDLE-003 (damaged: part and byte), E-IMAGE-… */
export function openBundle(path: string): Bundle {
  try {
    return readBundle(path);
  } catch (error) {
    if (!(error instanceof CheckFailed)) throw error;
    const [{ part, byte, found }] = checkBundle(path);
    throw userError({
      code: "E-BUNDLE-003", at: join(path, part), found: `damaged${byte === undefined ? "" : ` at byte ${byte}`}: ${found}`,
      hint: "take an undamaged copy, or compile again",
    });
  }
}

/** Hashes that a certificate stands for: what ran. Reports, timings and certificates of earlier checks are no part of it,
 *  so equal bundles get equal certificates on any machine. */
export const certifiedHashes = ({ hashes }: Bundle): Readonly<Record<string, string>> => Object.fromEntries(
  [BUNDLE_PART.image, BUNDLE_PART.checkpoint, BUNDLE_PART.source, BUNDLE_PART.elf].flatMap((part) => (part in hashes ? [[part, hashes[part]]] : [])));
