import { CheckFailed, userError } from "../base/errors.js";
import { type Bundle, readBundle } from "./bundle.js";

/** Reads a bundle to work with it: a damaged one is the user's file and the user's mistake (exit code 2), where
 *  `verify`, whose job is to check, says that the check failed (exit code 1).
 *  @throws UserError E-BUNDLE-001 (none there), E-BUNDLE-003 (damaged: part and byte), E-IMAGE-… */
export function openBundle(path: string): Bundle {
  try {
    return readBundle(path);
  } catch (error) {
    if (!(error instanceof CheckFailed)) throw error;
    const first = error.message.split("\n")[0].replace(/ Try: .*$/, "").replace(/\.$/, "");
    throw userError({ code: "E-BUNDLE-003", at: path, found: first, hint: "take an undamaged copy, or compile again" });
  }
}
