import type { ChipImage } from "../hw/image.js";
import type { CoreState } from "./core-state.js";
import { rasterOffsets } from "./load-core.js";

/** The raster of one step as bits, and the spikes of a presentation, layer by layer. */
export class SpikeRecorder {
  private readonly offsets: Int32Array;
  private readonly bits: Uint32Array;
  private readonly step: number[][];
  private readonly neuron: number[][];

  constructor(image: ChipImage) {
    this.offsets = rasterOffsets(image);
    this.bits = new Uint32Array(this.offsets[image.layers.length] / 32);
    this.step = image.layers.map(() => []);
    this.neuron = image.layers.map(() => []);
  }

  /** Notes who fired in step r; neurons come out ascending, whatever core they are on. */
  record(cores: readonly CoreState[], r: number): void {
    const { bits } = this;
    for (const { fired, rasterBit } of cores) {
      for (let k = 0; k < fired.count; k++) {
        const bit = rasterBit[fired.items[k]];
        if (bit >= 0) bits[bit >>> 5] |= 1 << (bit & 31);
      }
    }
    for (let layer = 0; layer < this.step.length; layer++) this.collect(layer, r);
  }

  private collect(layer: number, r: number): void {
    const { bits } = this;
    const steps = this.step[layer];
    const neurons = this.neuron[layer];
    const first = this.offsets[layer];
    for (let word = first >>> 5, end = this.offsets[layer + 1] >>> 5; word < end; word++) {
      let rest = bits[word];
      if (rest === 0) continue;
      bits[word] = 0;
      while (rest !== 0) {
        const low = rest & -rest;
        steps.push(r);
        neurons.push((word << 5) + 31 - Math.clz32(low) - first);
        rest ^= low;
      }
    }
  }

  /** [layer] what was noted since the last `clear`. */
  spikes(): { step: Uint16Array; neuron: Uint32Array }[] {
    return this.step.map((steps, layer) => ({ step: Uint16Array.from(steps), neuron: Uint32Array.from(this.neuron[layer]) }));
  }

  clear(): void {
    for (const list of [...this.step, ...this.neuron]) list.length = 0;
  }

  /** Puts spikes noted before a power cycle back. */
  restore(spikes: readonly { step: ArrayLike<number>; neuron: ArrayLike<number> }[]): void {
    this.clear();
    spikes.forEach(({ step, neuron }, layer) => {
      for (let k = 0; k < step.length; k++) {
        this.step[layer].push(step[k]);
        this.neuron[layer].push(neuron[k]);
      }
    });
  }
}
