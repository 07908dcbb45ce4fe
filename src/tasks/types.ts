import type { SpikeTensor } from "../events/types.js";

/** Meta split: classes (and, under protocol B, recordings) of two splits are disjoint. */
export type Split = "train" | "validation" | "test";

/** `A` = the authors' loader bug for bug, `B` = strict (design §8). */
export type Protocol = "A" | "B";

/** One few-shot task: K classes, N support samples each, M queries each. Output k of the network stands for class k. */
export interface Task {
  /** Number of the task in its sequence; all its randomness comes from (seed, number). */
  readonly number: number;
  /** Seed of the sequence. */
  readonly seed: number;
  /** [way] the user's names, in output order. */
  readonly classNames: readonly string[];
  /** [way·shot] sorted by class; the order of presentation is `presentation`. */
  readonly support: readonly SpikeTensor[];
  readonly supportLabels: readonly number[];
  /** Indices into `support` in the order they are presented, drawn anew for every task; `passes` times as long. */
  readonly presentation: readonly number[];
  readonly query: readonly SpikeTensor[];
  readonly queryLabels: readonly number[];
  /** Recording ids behind each sample, for audits: one or, for a composition, two. */
  readonly supportRecordings: readonly (readonly string[])[];
  readonly queryRecordings: readonly (readonly string[])[];
}

/** Where tasks come from. Drawing costs no decoding. */
export interface TaskSource {
  readonly name: string;
  readonly data: "real" | "simulated";
  readonly protocol: Protocol;
  /** [T, P, H, W] of every sample. */
  readonly shape: readonly [number, number, number, number];
  readonly timestepUs: number;
  /** Class names of a split. */
  classes(split: Split): readonly string[];
  /** Draws task `number` of a split: the same arguments give the same task. Augments only where told (training). */
  draw(split: Split, number: number, options: TaskOptions): Task;
}

export interface TaskOptions {
  readonly seed: number;
  readonly ways: number;
  readonly shots: number;
  readonly queriesPerClass: number;
  /** How often the support is shown. */
  readonly passes: number;
  readonly augmentation?: Augmentation;
}

/** Drawn per sample (each half of a composition by itself). Source: design §6, outer loop. */
export interface Augmentation {
  /** Largest shift in pixels of the down-sampled frame, each axis, both signs. */
  readonly shiftPixels: number;
  /** Share of events dropped, 0…1. */
  readonly dropShare: number;
}
