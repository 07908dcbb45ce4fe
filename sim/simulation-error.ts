import { UserError, type UserErrorDetail } from "../src/base/errors.js";

/** Where the simulated chip stopped. `compartment` −1: the core as a whole; `step` is t, from 1 since the load. */
export interface SimulationPlace {
  readonly chip: number;
  readonly core: number;
  readonly compartment: number;
  readonly step: number;
}

/** The strict simulator met something that the chip leaves undefined or would silently wrap. */
export class SimulationError extends UserError {
  constructor(readonly place: SimulationPlace, detail: Omit<UserErrorDetail, "at">) {
    const { chip, core, compartment, step } = place;
    const where = compartment < 0 ? "" : `, compartment ${compartment}`;
    super([{ ...detail, at: `chip ${chip}, core ${core}${where}, step ${step}` }]);
  }
}

const OVERFLOW_HINT = "lower weights, weight exponents or biases; or run with onOverflow \"wrap\"";

/** An overflow of q (E-SIM-001), u (E-SIM-002) or u + bias (E-SIM-003). */
export function overflowError(place: SimulationPlace, quantity: OverflowQuantity, value: number): SimulationError {
  const bits = quantity === "q" ? 22 : 24;
  return new SimulationError(place, {
    code: { q: "E-SIM-001", u: "E-SIM-002", "u+bias": "E-SIM-003" }[quantity],
    found: `${quantity} = ${value}`, limit: `${-(2 ** (bits - 1))}…${2 ** (bits - 1) - 1}, ${bits} bits`, hint: OVERFLOW_HINT,
  });
}

/** What can wrap. */
export type OverflowQuantity = "q" | "u" | "u+bias";
