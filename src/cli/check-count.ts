import { userError } from "../base/errors.js";

/** Holds a count from the command line against its range. @throws UserError E-CLI-001 where it is no integer of 1…limit */
export function checkCount(option: string, value: number | undefined, limit = 1_000_000): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= limit)) return;
  throw userError({ code: "E-CLI-001", at: option, found: String(value), limit: `an integer from 1 to ${limit}`, hint: `${option} 10` });
}
