/** Where a source pixel's synapses go: one axis at a time, as convolutions are separable in space. */
import type { Box, Layout, MapLayer, Projection } from "./ir.js";

/** Targets of one source coordinate on one axis. */
export interface AxisReach {
  readonly source: number;
  /** Kernel tap of the first target; falls by the stride from target to target. */
  readonly tap: number;
  /** First target, relative to the box; negative where it is a padding position. */
  readonly first: number;
  readonly count: number;
}

/** Reach of every source coordinate that has a real target in [low, high) of one axis (0: y, 1: x).
 *  With `pad` the targets go on up to that many positions beyond the box. */
export function axisReach(
  projection: Projection,
  axis: 0 | 1,
  low: number,
  high: number,
  pad: number,
): AxisReach[] {
  const size = projection.sourceShape[axis + 1];
  const [kernel, stride, padding] = [
    projection.kernel[axis],
    projection.stride[axis],
    projection.padding[axis],
  ];
  const out: AxisReach[] = [];
  const from = Math.max(0, low * stride - padding);
  const to = Math.min(size - 1, (high - 1) * stride - padding + kernel - 1);
  for (let source = from; source <= to; source++) {
    const lowest = Math.ceil((source + padding - kernel + 1) / stride);
    const highest = Math.floor((source + padding) / stride);
    if (Math.max(lowest, low) > Math.min(highest, high - 1)) continue;
    const first = Math.max(lowest, low - pad);
    const last = Math.min(highest, high - 1 + pad);
    out.push({ source, tap: source + padding - first * stride, first: first - low, count: last - first + 1 });
  }
  return out;
}

/** Most targets beyond a border that a source can have on an axis. */
export const fullPad = (projection: Projection, axis: 0 | 1): number =>
  projection.mantissa === null ? 0 : Math.ceil(projection.kernel[axis] / projection.stride[axis]) - 1;

/** Border mask of a reach: sources with the same one share their weights. Uniform weights need no tap. */
export const maskOf = (projection: Projection, reach: AxisReach): number =>
  (projection.mantissa === null ? 0 : reach.tap) * 4096 + reach.count;

/** Positions of a piece as its layout arranges them. */
export interface Arrangement {
  readonly channels: number;
  readonly group: number;
  /** Positions from one row to the next, and of one channel group. */
  readonly pitch: number;
  readonly positions: number;
  /** Position of box-relative (y, x); padding positions have negative or large coordinates. */
  readonly stepY: number;
  readonly stepX: number;
  readonly origin: number;
}

export function arrange(box: Box, layout: Layout): Arrangement {
  const [height, width] = [box.y1 - box.y0, box.x1 - box.x0];
  const [inner, outer] = layout.inner === "x" ? [width, height] : [height, width];
  const pitch = inner + layout.padInner;
  const positions = layout.padInner + (outer + 2 * layout.padOuter) * pitch;
  return {
    channels: box.c1 - box.c0,
    group: layout.group,
    pitch,
    positions,
    stepY: layout.inner === "x" ? pitch : 1,
    stepX: layout.inner === "x" ? 1 : pitch,
    origin: layout.padOuter * pitch + layout.padInner,
  };
}

/** Compartments a piece takes, padding included. */
export const compartmentsOf = (a: Arrangement): number => a.channels * a.positions;

/** Address in the piece of box-relative channel and position. */
export const addressOf = (a: Arrangement, channel: number, position: number): number =>
  Math.floor(channel / a.group) * a.positions * a.group + position * a.group + (channel % a.group);

/** Neuron index ([C, H, W] order) of every compartment of a piece; −1 for padding. */
export function neuronsOf(layer: MapLayer, box: Box, layout: Layout): Int32Array {
  const a = arrange(box, layout);
  const [, height, width] = layer.shape;
  const out = new Int32Array(compartmentsOf(a)).fill(-1);
  for (let c = box.c0; c < box.c1; c++) {
    for (let y = box.y0; y < box.y1; y++) {
      for (let x = box.x0; x < box.x1; x++) {
        const position = a.origin + (y - box.y0) * a.stepY + (x - box.x0) * a.stepX;
        out[addressOf(a, c - box.c0, position)] = (c * height + y) * width + x;
      }
    }
  }
  return out;
}

/** Consecutive compartments of a list: synapse k goes to position (row, column + ⌊k/width⌋), channel + k mod width. */
export interface Run {
  /** Relative to the position of the list's first target, group 0. */
  readonly start: number;
  readonly length: number;
  readonly row: number;
  readonly column: number;
  readonly channel: number;
  readonly width: number;
}

/** Runs of a list that reaches `countInner` × `countOuter` positions and box-relative channels [low, high). */
export function runsOf(
  a: Arrangement,
  countOuter: number,
  countInner: number,
  low: number,
  high: number,
): Run[] {
  const out: Run[] = [];
  const { group } = a;
  for (let first = low; first < high; ) {
    const g = Math.floor(first / group);
    const last = Math.min(high, (g + 1) * group);
    const width = last - first;
    const offset = g * a.positions * group + (first % group);
    for (let row = 0; row < countOuter; row++) {
      const start = offset + row * a.pitch * group;
      if (width === group) {
        out.push({ start, length: countInner * group, row, column: 0, channel: first, width });
      } else {
        for (let column = 0; column < countInner; column++) {
          out.push({ start: start + column * group, length: width, row, column, channel: first, width });
        }
      }
    }
    first = last;
  }
  return out;
}

/** Box-relative output channels that source channel c reaches in a box: those of its group. */
export function channelsReached(projection: Projection, layer: MapLayer, box: Box, c: number): Pair01 {
  const [perGroupIn, perGroupOut] = [
    projection.sourceShape[0] / projection.groups,
    layer.shape[0] / projection.groups,
  ];
  const g = Math.floor(c / perGroupIn);
  return [Math.max(box.c0, g * perGroupOut) - box.c0, Math.min(box.c1, (g + 1) * perGroupOut) - box.c0];
}
type Pair01 = readonly [low: number, high: number];

/** Source channels [low, high) that reach a box. */
export function sourceChannels(projection: Projection, layer: MapLayer, box: Box): Pair01 {
  const [perGroupIn, perGroupOut] = [
    projection.sourceShape[0] / projection.groups,
    layer.shape[0] / projection.groups,
  ];
  return [Math.floor(box.c0 / perGroupOut) * perGroupIn, Math.ceil(box.c1 / perGroupOut) * perGroupIn];
}

/** Splits base addresses into the fewest windows that an axon's start compartment spans; returns each window's start. */
export function baseWindows(bases: readonly number[], span: number): number[] {
  const sorted = [...bases].sort((p, q) => p - q);
  const starts: number[] = [];
  for (const base of sorted)
    if (starts.length === 0 || base > starts[starts.length - 1] + span) starts.push(base);
  return starts;
}
