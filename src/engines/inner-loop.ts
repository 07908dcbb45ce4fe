import type { NetworkSpec } from "../model/types.js";
import type { InnerLoop, OuterGradient } from "./engine.js";

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

/** Names of the layers that the inner loop changes: not the frozen ones, and the last one alone with `anil` or
 *  the paper's SOEL. The rate of any other layer has no effect, and so no gradient. Source: design §5. */
export function adaptedLayers(
  spec: NetworkSpec,
  { rule, frozen }: Pick<InnerLoop, "rule" | "frozen">,
  outer: OuterGradient,
): ReadonlySet<string> {
  const last = spec.layers[spec.layers.length - 1].name;
  const lastOnly = outer === "anil" || rule === "soel-paper";
  return new Set(
    spec.layers
      .filter(({ kind, name }) => kind !== "pool" && !frozen.includes(name) && (!lastOnly || name === last))
      .map(({ name }) => name),
  );
}
