import type { HandModel } from "./hands.js";
import type { SaccadeModel } from "./saccades.js";
import type { StrokeModel } from "./strokes.js";

/** Version of the simulators: raised whenever the same parameters and seed give other events. */
export const SIMULATOR_VERSION = 1;

/** What the file `simulated.json` of a simulated set says; readers take a folder that has one as simulated. */
export interface SimulatedLabel {
  readonly data: "simulated";
  readonly simulator: "saccades" | "strokes" | "hands";
  readonly version: number;
  readonly seed: number;
  readonly format: string;
  readonly recordings: number;
  /** Class → recordings. */
  readonly classes: Readonly<Record<string, number>>;
  /** What was shown to the camera, with SHA-256 of every file it was read from. */
  readonly source: { readonly name: string; readonly sha256: Readonly<Record<string, string>> };
  /** Every constant of the model. */
  readonly model: SaccadeModel | StrokeModel | HandModel;
  /** What must be known of the set by whoever uses it. */
  readonly notes: readonly string[];
}
