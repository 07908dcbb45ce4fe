import { type CostModel, COST_TABLES, type CountedOperations, dynamicEnergy, STATIC_POWER_W, staticEnergy, stepSeconds } from "../../hw/energy.js";
import type { ChipImage } from "../../hw/image.js";
import { tilesUsed } from "../../hw/topology.js";
import type { CostRow } from "./report-data.js";

/** Operations of so many presentations, as the simulator counted them. */
export interface CountedPresentations {
  readonly counts: CountedOperations;
  readonly presentations: number;
}

const MODELS: readonly CostModel[] = ["d18", "sanafe"];

/** Energy and time of one sample asked and of one class learned, by both public cost models. Dynamic energy only: the
 *  static power of a chip is said beside it. Time takes the work of a step as spread evenly over the cores in use, so
 *  it is a lower bound.
 *  @param queries  presentations with learning off  @param lessons  with learning on  @param classes  learned in them */
export function costRows(
  image: ChipImage, queries: CountedPresentations, lessons: CountedPresentations, classes: number,
): CostRow[] {
  return MODELS.map((model) => {
    const asked = dynamicEnergy(queries.counts, model);
    const learned = dynamicEnergy(lessons.counts, model);
    const secondsPerSample = (stepTime(image, queries.counts, model) * queries.counts.steps) / queries.presentations;
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

/** Seconds of a mean step of a mean core, and the barrier of the tiles in use on the busiest chip. */
function stepTime(image: ChipImage, counts: CountedOperations, model: CostModel): number {
  const share = 1 / (counts.steps * image.cores.length);
  const perCore = Object.fromEntries(Object.entries(counts).map(([key, n]) => [key, n * share])) as unknown as CountedOperations;
  const chips = [...new Set(image.cores.map((c) => c.chip))];
  const tiles = chips.map((chip) => tilesUsed(image.cores.filter((c) => c.chip === chip).map((c) => c.core)));
  return stepSeconds(perCore, Math.max(...tiles), model);
}
