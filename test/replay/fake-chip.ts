import { wrap } from "../../src/base/int.js";
import type { ChipImage } from "../../hw/image.js";
import type { Chip, ChipOptions, InputFrames, PresentationMessage } from "../../sim/chip.js";
import type { PresentationTrace } from "../../sim/trace.js";
import { noOperations } from "../../src/replay/replay-run.js";
import type { SpikeTensor } from "../../src/events/types.js";
import type { Task } from "../../src/tasks/types.js";

export const INPUTS = 8;
export const OUTPUTS = 3;
export const STEPS = 4;

/** An image with no more in it than replay reads. */
export const fakeImage = {
  name: "fake", chipSeed: 11,
  layers: [
    { name: "hidden", kind: "dense", shape: [INPUTS, 1, 1], plastic: false },
    { name: "output", kind: "dense", shape: [OUTPUTS, 1, 1], plastic: true },
  ],
  contract: {
    outputs: OUTPUTS, passes: 1, compose: 2, sensor: { width: 4, height: 4 }, crop: { x: 0, y: 0, width: 4, height: 4 },
    downsample: 2, timestepUs: 1000, mode: "binary", shape: [1, 2, 4], steps: STEPS, presentationSteps: STEPS,
  },
} as unknown as ChipImage;

/** A chip in a dozen lines, to watch the order in which replay drives it: hidden neuron j fires where channel j has an
 *  event; learning adds 1 to the weights of the label's active inputs and takes 1 from those of other assigned outputs
 *  that are larger; N is weights · inputs. */
export class FakeChip implements Chip {
  time = 0;
  readonly counts = noOperations();
  readonly messages: PresentationMessage[] = [];
  disposed = false;
  private weights = new Int16Array(OUTPUTS * INPUTS);

  constructor(readonly image: ChipImage, readonly options: ChipOptions) {}

  present(frames: InputFrames, message: PresentationMessage): Promise<PresentationTrace> {
    this.messages.push(message);
    const active = new Uint8Array(INPUTS);
    for (const channel of frames.channel) active[channel] = 1;
    const assigned = message.assigned ?? new Uint8Array(OUTPUTS).fill(1);
    if (message.learn) {
      for (let i = 0; i < OUTPUTS; i++) {
        for (let j = 0; j < INPUTS; j++) {
          if (assigned[i] && active[j]) this.weights[i * INPUTS + j] += i === message.label ? 1 : -1;
        }
      }
    }
    const outputSpikes = Int32Array.from({ length: OUTPUTS }, (_, i) =>
      active.reduce((sum, on, j) => sum + on * Math.max(0, this.weights[i * INPUTS + j]), 0));
    const decision = outputSpikes.reduce((best, n, i) => (assigned[i] && (best < 0 || n > outputSpikes[best]) ? i : best), -1);
    this.time += STEPS;
    this.counts.steps += STEPS;
    const neurons = [...active.keys()].filter((j) => active[j] === 1);
    return Promise.resolve({
      learn: message.learn, label: message.label, outputSpikes, decision, weights: this.weights.slice(),
      spikes: [
        { step: new Uint16Array(neurons.length).fill(1), neuron: Uint32Array.from(neurons) },
        { step: new Uint16Array(0), neuron: new Uint32Array(0) },
      ],
      u: new Int32Array(STEPS * OUTPUTS).map((_, k) => wrap(k, 24)), v: new Int32Array(STEPS * OUTPUTS), y1: new Uint8Array(OUTPUTS),
    });
  }

  plasticWeights(): Int16Array {
    return this.weights.slice();
  }

  saveState(): Uint8Array {
    return Uint8Array.from([...this.weights, this.time], (x) => x & 0xff);
  }

  restoreState(state: Uint8Array): void {
    const signed = Int8Array.from(state);
    this.weights = Int16Array.from(signed.subarray(0, OUTPUTS * INPUTS));
    this.time = signed[OUTPUTS * INPUTS];
  }

  dispose(): Promise<void> {
    this.disposed = true;
    return Promise.resolve();
  }
}

/** A loader that remembers the chips it made. */
export function fakeLoader(): { chips: FakeChip[]; load: (image: ChipImage, options: ChipOptions) => Promise<Chip> } {
  const chips: FakeChip[] = [];
  return {
    chips,
    load: (image, options) => {
      const chip = new FakeChip(image, options);
      chips.push(chip);
      return Promise.resolve(chip);
    },
  };
}

/** One event in each of the channels, all in the first frame. */
export const sampleOf = (...channels: number[]): SpikeTensor => ({
  shape: [STEPS, 1, 2, 4], timestepUs: 1000,
  rowStart: Uint32Array.of(0, channels.length, channels.length, channels.length, channels.length),
  channel: Uint16Array.from(channels), count: new Uint8Array(channels.length).fill(1),
});

/** Three classes told apart by their channels; the last query is of class 0 but looks like class 2. */
export const fakeTask: Task = {
  number: 5, seed: 1, classNames: ["a", "b", "c"],
  support: [sampleOf(0, 1), sampleOf(2, 3), sampleOf(4, 5)], supportLabels: [0, 1, 2], presentation: [2, 0, 1],
  query: [sampleOf(0), sampleOf(2), sampleOf(5), sampleOf(4)], queryLabels: [0, 1, 2, 0],
  supportRecordings: [["r1"], ["r2"], ["r3"]], queryRecordings: [["r4"], ["r5"], ["r6"], ["r7"]],
};
