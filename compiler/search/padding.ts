/** What the padding compartments of a box could get in one step, from the weights: where that could wrap their current the
 *  search takes masks instead. Source of the bound: every source that reaches one spikes as often as it can. */
import { WIDTH } from "../../hw/limits.js";
import { effectiveWeight } from "../../hw/weights.js";
import { arrange, axisReach } from "../geometry.js";
import { INPUT, type Box, type Layout, type MapLayer, type Projection } from "../ir.js";

/** Largest sum of effective weights of one sign that cannot wrap q.  hw/limits.ts */
export const SAFE_INPUT = 2 ** (WIDTH.q - 1) - 1;

/** [tap, output] sums of a kernel's effective weights over the source channels, by sign. */
interface TapSums {
  readonly projection: Projection;
  readonly positive: Float64Array;
  readonly negative: Float64Array;
  /** Spikes of one source in one step, at most. */
  readonly spikes: number;
}

/** Padding loads of a layer's boxes. */
export class PaddingLoads {
  private sums: readonly TapSums[] | undefined;

  /** @param inputSpikes  most spikes that an input pixel sends in a step */
  constructor(
    private readonly layer: MapLayer,
    private readonly inputSpikes: number,
  ) {}

  /** Made when a layout with padding first comes up. */
  private tapSums(): readonly TapSums[] {
    this.sums ??= this.layer.projections.map((projection) => ({
      projection,
      ...tapSums(projection, this.layer.shape[0]),
      spikes: projection.source === INPUT ? this.inputSpikes : 1,
    }));
    return this.sums;
  }

  /** Most that any padding compartment could get in a step, in either direction, whatever channels the box has. */
  worst(box: Box, layout: Layout): number {
    const a = arrange(box, layout);
    const outputs = this.layer.shape[0];
    const [height, width] = [box.y1 - box.y0, box.x1 - box.x0];
    const loads = new Map<number, { positive: Float64Array; negative: Float64Array }>();
    const byY = layout.inner === "y";
    const [padY, padX] = byY ? [layout.padInner, layout.padOuter] : [layout.padOuter, layout.padInner];
    for (const { projection, positive, negative, spikes } of this.tapSums()) {
      const columns = axisReach(projection, 1, box.x0, box.x1, padX);
      for (const y of axisReach(projection, 0, box.y0, box.y1, padY)) {
        for (const x of columns) {
          for (let i = 0; i < y.count; i++) {
            for (let j = 0; j < x.count; j++) {
              const [row, column] = [y.first + i, x.first + j];
              if (row >= 0 && row < height && column >= 0 && column < width) continue;
              const position = a.origin + row * a.stepY + column * a.stepX;
              let load = loads.get(position);
              if (!load) loads.set(position, (load = emptyLoad(outputs)));
              const tap = (y.tap - i * projection.stride[0]) * projection.kernel[1] + x.tap - j * projection.stride[1];
              for (let o = 0; o < outputs; o++) {
                load.positive[o] += spikes * positive[tap * outputs + o];
                load.negative[o] += spikes * negative[tap * outputs + o];
              }
            }
          }
        }
      }
    }
    let worst = 0;
    for (const { positive, negative } of loads.values())
      for (let o = 0; o < outputs; o++) worst = Math.max(worst, positive[o], negative[o]);
    return worst;
  }
}

const emptyLoad = (outputs: number): { positive: Float64Array; negative: Float64Array } => ({
  positive: new Float64Array(outputs),
  negative: new Float64Array(outputs),
});

function tapSums({ mantissa, kernel, wgtExp, uniformMantissa, sourceShape, groups }: Projection, outputs: number) {
  const taps = kernel[0] * kernel[1];
  const perGroupIn = sourceShape[0] / groups;
  const { positive, negative } = emptyLoad(taps * outputs);
  for (let o = 0, k = 0; o < outputs; o++) {
    for (let c = 0; c < perGroupIn; c++) {
      for (let tap = 0; tap < taps; tap++, k++) {
        const weight = effectiveWeight(mantissa === null ? uniformMantissa : mantissa[k], wgtExp);
        if (weight > 0) positive[tap * outputs + o] += weight;
        else negative[tap * outputs + o] -= weight;
      }
    }
  }
  return { positive, negative };
}
