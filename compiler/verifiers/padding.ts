/** Proof that padding compartments stay quiet: no current of theirs wraps and none of them spikes, whatever the input. */
import { unpackCompartment } from "../../hw/compartment-word.js";
import type { CoreImage } from "../../hw/image.js";
import { DECAY_ONE, V_LIMIT, VTH_EXP, WIDTH } from "../../hw/limits.js";

/** Sums of the effective weights that reach a compartment in one step if every source spikes as often as it can. */
export interface PaddingLoad {
  readonly core: CoreImage;
  readonly compartment: number;
  readonly positive: number;
  readonly negative: number;
}

/** Bounds of a padding compartment's state over a presentation; `fault` says which limit they break. */
export interface PaddingProof {
  readonly q: number;
  readonly u: number;
  readonly v: number;
  readonly fault?: string;
}

const Q_MAX = 2 ** (WIDTH.q - 1) - 1;
const U_MAX = 2 ** (WIDTH.u - 1) - 1;

/** Bound of |x| where each step leaves rtz(x·(4096−δ)/4096) of it and adds at most `input`: a geometric sum, and never more
 *  than all steps together.  Source: design §4 */
const settled = (input: number, decay: number, steps: number): number =>
  Math.min(input * steps, decay > 0 ? Math.ceil((input * DECAY_ONE) / decay) : Infinity);

/** Bounds |q|, |u| and |v| of a padding compartment over the steps of a presentation, at whose end all state is cleared. */
export function provePadding({ core, compartment, positive, negative }: PaddingLoad, steps: number): PaddingProof {
  const { biasMant, biasExp, profile, vthProfile } = unpackCompartment(core.compartments[compartment]);
  const { decayU, decayV } = core.compartmentProfiles[profile];
  const threshold = core.vthProfiles[vthProfile] * 2 ** VTH_EXP;
  const q = Math.max(positive, negative);
  const u = settled(q, decayU + core.dsOffset, steps) + Math.abs(biasMant) * 2 ** biasExp;
  const v = settled(u, decayV + core.dmOffset, steps);
  const fault =
    q > Q_MAX
      ? `an input of ${q} in a step could wrap q, ${Q_MAX} at most`
      : u > U_MAX
        ? `a current of ${u} could wrap, ${U_MAX} at most`
        : v > Math.min(threshold, V_LIMIT)
          ? `a voltage of ${v} could spike, above ${threshold}`
          : undefined;
  return { q, u, v, ...(fault === undefined ? {} : { fault }) };
}
