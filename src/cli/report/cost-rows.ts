import { barrierSeconds, type CostModel, COST_TABLES, type CountedOperations, dynamicEnergy, STATIC_POWER_W, staticEnergy } from "../../../hw/energy.js";
import type { ChipImage } from "../../../hw/image.js";
import { tilesUsed } from "../../../hw/topology.js";
import type { CostRow } from "../../report/report-data.js";

/** Operations of so many presentations, as the simulator counted them. */
export interface CountedPresentations {
  readonly counts: CountedOperations & {
    /** Seconds of the busiest core of each step, summed over steps, without barriers. */
    readonly busiestSecondsD18: number;
    readonly busiestSecondsSanafe: number;
  };
  readonly presentations: number;
}

const MODELS: readonly CostModel[] = ["d18", "sanafe"];

/** Energy and time of one sample asked and of one class learned, by both public cost models. Dynamic energy only: the
 *  static power of a chip is said beside it. A step takes what its busiest core takes, as counted in that step, and the barrier.
 *  @param queries  presentations with learning off  @param lessons  with learning on  @param classes  learned in them */
export function costRows(
  image: ChipImage, queries: CountedPresentations, lessons: CountedPresentations, classes: number,
): CostRow[] {
  return MODELS.map((model) => {
    const asked = dynamicEnergy(queries.counts, model);
    const learned = dynamicEnergy(lessons.counts, model);
    const busiest = model === "d18" ? queries.counts.busiestSecondsD18 : queries.counts.busiestSecondsSanafe;
    const secondsPerSample = (busiest + queries.counts.steps * barrierSeconds(tilesOf(image), model)) / queries.presentations;
    const standing = staticEnergy(image.chips, secondsPerSample);
    return {
      model: COST_TABLES[model].name, energyPerSampleJ: asked.dynamicJ / queries.presentations,
      energyPerClassJ: learned.dynamicJ / classes, secondsPerSample,
      notes: [
        COST_TABLES[model].source,
        `not in the sum, as the source does not say: ${asked.unknown.join(", ")}; static power of ${STATIC_POWER_W} W a chip ` +
        `would add ${(1e6 * standing).toPrecision(3)} µJ a sample at this speed`,
      ],
    };
  });
}

/** Tiles in use on the chip that uses most. */
function tilesOf(image: ChipImage): number {
  const chips = [...new Set(image.cores.map((c) => c.chip))];
  return Math.max(...chips.map((chip) => tilesUsed(image.cores.filter((c) => c.chip === chip).map((c) => c.core))));
}
