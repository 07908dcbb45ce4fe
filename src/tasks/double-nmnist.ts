import type { SpikeTensor } from "../events/types.js";
import { createRecordingSource } from "./recording-source.js";
import type { ComposedClass, EncodedRecording } from "./recording-source.js";
import type { Protocol, Split, TaskSource } from "./types.js";

/** The 64 training, 16 validation and 20 test classes of the seed paper, as left and right digit.
 *  Facts from its code (nmi-lab/torchneuromorphic), the same as MultiDigitMNIST's. */
export const DOUBLE_DIGIT_SPLIT: Readonly<Record<Split, readonly string[]>> = {
  train: ("00 01 04 05 06 08 09 11 12 13 14 15 16 18 19 20 21 23 24 26 28 29 30 31 33 35 37 38 41 42 43 44 45 50 51 53 54 56 " +
    "59 60 62 63 65 69 70 72 74 75 76 77 79 81 82 84 85 87 88 89 90 91 94 95 97 98").split(" "),
  validation: "03 07 10 22 27 34 39 40 48 52 58 61 64 71 93 99".split(" "),
  test: "02 17 25 32 36 46 47 49 55 57 66 67 68 73 78 80 83 86 92 96".split(" "),
};

/** MNIST indices of the real recordings that a split may use (design §8): disjoint between splits. */
export const RECORDING_SPLIT: Readonly<Record<Split, readonly [first: number, last: number]>> = {
  train: [1, 520], validation: [521, 640], test: [641, 800],
};

/** Protocol A on the same recordings: validation and test share the held-out ones, as they share N-MNIST's test files in
 *  the authors' loader. */
const AUTHORS_SPLIT: typeof RECORDING_SPLIT = { train: [1, 520], validation: [521, 800], test: [521, 800] };

/** A digit's recording as the source takes it. */
export interface DigitRecording {
  readonly label: number;
  /** 1-based index in MNIST's training part. */
  readonly index: number;
  /** [T, P, H, W]; the paper's: [100, 2, 16, 16], 34×34 cropped to 32, down-sampled by 2, steps of 1 ms. */
  readonly frames: SpikeTensor;
  /** Turned and scaled, for augmented samples of training. */
  readonly variants?: readonly SpikeTensor[];
}

const classOf = (pair: string): ComposedClass => ({ name: pair, parts: [...pair] });

export interface DoubleNmnistOptions {
  readonly protocol?: Protocol;
  readonly data?: "real" | "simulated";
  /** Indices of each split under protocol A, where the recordings are not the 800 that ship with the package. */
  readonly authorsSplit?: Readonly<Record<Split, readonly [first: number, last: number]>>;
  /** Simulated recordings that join the training split alone, from images that no held-out recording shows: validation
   *  and test stay as they are (design §8). */
  readonly simulatedTraining?: readonly DigitRecording[];
}

/** MNIST training images whose real recordings are held out, here or for acceptance (design §8): no simulated recording of
 *  one may be trained on. */
export const HELD_OUT_IMAGES: readonly [first: number, last: number] = [521, 1000];

/** Double N-MNIST: classes are ordered pairs of digits. Protocol B (default): both recordings of a sample are drawn
 *  independently, and splits share none; A: as the authors' loader, for comparing with their numbers (design §8). */
export function createDoubleNmnist(recordings: readonly DigitRecording[], options: DoubleNmnistOptions = {}): TaskSource {
  const { protocol = "B", data = "real", authorsSplit = AUTHORS_SPLIT, simulatedTraining = [] } = options;
  const poolOf = (split: Split): ReadonlyMap<string, readonly EncodedRecording[]> => {
    const [first, last] = (protocol === "A" ? authorsSplit : RECORDING_SPLIT)[split];
    const pools = new Map<string, EncodedRecording[]>();
    for (const { label, index, frames, variants } of recordings) {
      if (index < first || index > last) continue;
      const pool = pools.get(String(label)) ?? [];
      pool.push({ id: `nmnist/${String(index).padStart(5, "0")}`, frames, variants });
      pools.set(String(label), pool);
    }
    const [heldFirst, heldLast] = HELD_OUT_IMAGES;
    for (const { label, index, frames, variants } of split === "train" ? simulatedTraining : []) {
      if (index >= heldFirst && index <= heldLast) continue;
      const pool = pools.get(String(label)) ?? [];
      pool.push({ id: `simulated/${String(index).padStart(5, "0")}`, frames, variants });
      pools.set(String(label), pool);
    }
    return pools;
  };
  const splits: readonly Split[] = ["train", "validation", "test"];
  const each = <T>(make: (split: Split) => T): Record<Split, T> =>
    Object.fromEntries(splits.map((split) => [split, make(split)])) as Record<Split, T>;
  return createRecordingSource({
    name: simulatedTraining.length > 0 ? "double N-MNIST with simulated recordings in training" : "double N-MNIST", data, protocol,
    classes: each((split) => DOUBLE_DIGIT_SPLIT[split].map(classOf)), pools: each(poolOf),
  });
}
