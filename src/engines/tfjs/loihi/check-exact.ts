import { userError } from "../../../base/errors.js";
import type { SpikeTensor } from "../../../events/types.js";
import type { NetworkSpec } from "../../../model/types.js";
import type { WeightedLayer } from "./parameters.js";

/** Integers that float32 holds: |x| ≤ 2^24. */
const EXACT = 2 ** 24;

/** Makes sure that every sum of weights is exact in float32, whatever the order of its terms: largest mantissa × spikes
 *  that can meet in one neuron and step ≤ 2^24. Only input counts can break it: a hidden neuron fires once a step, and no
 *  layer has 65,536 inputs.
 *  @throws UserError E-ENG-040 */
export function checkExact(
  spec: NetworkSpec,
  layers: readonly (WeightedLayer | null)[],
  samples: readonly SpikeTensor[],
): void {
  const first = layers[0];
  if (spec.input.mode !== "counts" || !first) return;
  const largest = first.mantissa.reduce((most, m) => Math.max(most, Math.abs(m)), 0);
  samples.forEach(({ rowStart, count }, index) => {
    for (let f = 0; f + 1 < rowStart.length; f++) {
      let events = 0;
      for (let k = rowStart[f]; k < rowStart[f + 1]; k++) events += count[k];
      if (events * largest <= EXACT) continue;
      throw userError({
        code: "E-ENG-040",
        at: `sample ${index} of the task, step ${f}`,
        found: `${events} events in one step`,
        limit: `${Math.floor(EXACT / largest)} with this layer's weights, as the tfjs engine computes in float32`,
        hint: "take --engine native, or shorter steps",
      });
    }
  });
}
