import type { NetworkSpec } from "../model/types.js";
import type { InnerLoop } from "./engine.js";

/** The authors' burn-in, in steps. Source: design §5. */
const AUTHORS_BURN_IN = 70;

/** Inner loop of a `srm` network where the options name none: one gradient step of rate 1 on all layers, with
 *  the authors' burn-in where the network has more steps than that, else without one. */
export const defaultInner = (spec: NetworkSpec): InnerLoop => ({
  rule: "gradient",
  steps: 1,
  rate: 1,
  frozen: [],
  burnIn: spec.steps > AUTHORS_BURN_IN ? AUTHORS_BURN_IN : 0,
});
