import type { SpikeTensor } from "../../../events/types.js";

/** A sample behind pools on the network's input: a cell of 2^n × 2^n pixels has one event in a step where any of its pixels
 *  has one; rows and columns that no cell holds whole are dropped. */
export function pooledSample(sample: SpikeTensor, pools: number): Pick<SpikeTensor, "rowStart" | "channel" | "count"> {
  if (pools === 0) return sample;
  const [, , height, width] = sample.shape;
  const [cellRows, cellColumns] = [height >> pools, width >> pools];
  const rowStart = new Uint32Array(sample.rowStart.length);
  const channels: number[] = [];
  for (let t = 0; t + 1 < rowStart.length; t++) {
    const cells = new Set<number>();
    for (let k = sample.rowStart[t]; k < sample.rowStart[t + 1]; k++) {
      const pixel = sample.channel[k];
      const [x, y] = [(pixel % width) >> pools, (Math.floor(pixel / width) % height) >> pools];
      const polarity = Math.floor(pixel / (width * height));
      if (x < cellColumns && y < cellRows) cells.add((polarity * cellRows + y) * cellColumns + x);
    }
    channels.push(...[...cells].sort((a, b) => a - b));
    rowStart[t + 1] = channels.length;
  }
  return { rowStart, channel: Uint32Array.from(channels), count: new Uint16Array(channels.length).fill(1) };
}
