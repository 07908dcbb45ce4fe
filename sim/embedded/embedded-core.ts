import type { PresentationMessage } from "../chip.js";

/** What the embedded program may do to the neuro cores: the accessors of the runtime header in hw/embedded (design §7).
 *  All addresses are (chip, core 0…127, compartment). Reads and writes are counted by the simulator. */
export interface NeuroCoreAccess {
  /** Chip step t, from 1 since the image was loaded. */
  readonly time: number;
  /** Spikes of the compartment in steps up to t−1 since the last read (or reset), then sets the counter to 0:
   *  the x86 cores read a step late (design §6, step 4). */
  readAndClearSpikeCount(chip: number, core: number, compartment: number): number;
  /** Synaptic current after step t, signed 24 bits. */
  readU(chip: number, core: number, compartment: number): number;
  /** Voltage after step t (after the reset on a spike), signed 24 bits. */
  readV(chip: number, core: number, compartment: number): number;
  /** Writes the post trace y1, 0…127. @throws SimulationError where the value is out of range */
  writePostTrace(chip: number, core: number, compartment: number, y1: number): void;
  /** Clears u, v, refractory, delay slots, spikes in flight and spike counters on every core, and x1 (x2) of the cores
   *  whose image says `resetPreTrace` (design §6, step 7). Weights and time stay. */
  resetState(): void;
}

/** A running embedded program; made by `createEmbeddedCore` of sim/embedded/create.ts. The simulator awaits a result
 *  only where it is a promise, so that the typed interpreter costs no turn of the event loop. */
export interface EmbeddedCore {
  /** The host's message over the channel, before r = 1 of a presentation. */
  beginPresentation(message: PresentationMessage): void | Promise<void>;
  /** Pre-learning management phase of step t, presentation step r = 1…S; called in every step. */
  preLearning(t: number, r: number): void | Promise<void>;
  /** Management phase, after learning; at r = S it decides and resets. Called in every step. */
  management(t: number, r: number): void | Promise<void>;
  /** The decision it sent to the host for the presentation that just ended; −1: none. */
  takeDecision(): number;
  /** Whole state of the program (thresholds, counts, the machine), so that a power cycle continues to the same bits. */
  saveState(): Uint8Array;
  restoreState(state: Uint8Array): void;
  dispose(): void | Promise<void>;
}

/** Signature of `createEmbeddedCore(image, access, program)` in sim/embedded/create.ts; the access object outlives it. */
export type CreateEmbeddedCore = (
  image: import("../../hw/image.js").ChipImage,
  access: NeuroCoreAccess,
  program: "typed" | "x86",
) => Promise<EmbeddedCore>;
