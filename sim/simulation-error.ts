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

const PADDING_HINT = "compiler bug: a padding compartment must stay within its widths whatever arrives; compile with masks instead";

/** An overflow of q (E-SIM-001), u (E-SIM-002) or u + bias (E-SIM-003). @param padding the compartment is padding of a map */
export function overflowError(place: SimulationPlace, quantity: OverflowQuantity, value: number, padding: boolean): SimulationError {
  const bits = quantity === "q" ? 22 : 24;
  return new SimulationError(place, {
    code: { q: "E-SIM-001", u: "E-SIM-002", "u+bias": "E-SIM-003" }[quantity],
    found: `${quantity} = ${value}${padding ? " in a padding compartment" : ""}`, limit: `${-(2 ** (bits - 1))}…${2 ** (bits - 1) - 1}, ${bits} bits`, hint: padding ? PADDING_HINT : OVERFLOW_HINT,
  });
}

/** A padding compartment fired (E-SIM-011): the trainer's network has no such neuron. */
export const paddingSpikeError = (place: SimulationPlace): SimulationError =>
  new SimulationError(place, { code: "E-SIM-011", found: "a padding compartment fired", limit: "no spike beyond a map's border", hint: PADDING_HINT });

/** What can wrap. */
export type OverflowQuantity = "q" | "u" | "u+bias";
