import type { ChipImage } from "../hw/image.js";
import type { OperationCounts, PresentationTrace } from "./trace.js";

/** Input of one presentation in compressed rows by frame; a SpikeTensor of src/events fits. Channel c = (p·H + y)·W + x. */
export interface InputFrames {
  readonly rowStart: Uint32Array;
  readonly channel: Uint16Array | Uint32Array;
  readonly count: Uint8Array | Uint16Array;
}

/** What the host tells the embedded program at the start of a presentation. */
export interface PresentationMessage {
  readonly learn: boolean;
  /** Output that stands for the sample's class; −1 where unknown (query). */
  readonly label: number;
  /** [output] 1 where a class is assigned. All ones where undefined. */
  readonly assigned?: Uint8Array;
}

export interface ChipOptions {
  /** Seed of the chip's generator for this load. */
  readonly seed: number;
  /** `stop` (strict, default): an overflow is a SimulationError; `wrap`: the chip's own wrap. */
  readonly onOverflow?: "stop" | "wrap";
  /** Interpreter of the typed program (default), or its machine code on an emulated x86. */
  readonly program?: "typed" | "x86";
  /** The hot phases in WebAssembly (default, where it is there) or in TypeScript; equal in every bit. */
  readonly kernels?: "wasm" | "typescript";
}

/** A loaded chip. `loadChip` in sim/load.ts makes it from an image and nothing else. */
export interface Chip {
  readonly image: ChipImage;
  /** Steps since the image was loaded. */
  readonly time: number;
  readonly counts: Readonly<OperationCounts>;
  /** Runs one presentation of S steps. */
  present(frames: InputFrames, message: PresentationMessage): Promise<PresentationTrace>;
  /** [out, in] mantissas of the plastic layer, in logical order. */
  plasticWeights(): Int16Array;
  /** The whole state at this step; restoring it into a fresh load of the same image continues to the same bits. */
  saveState(): Uint8Array;
  restoreState(state: Uint8Array): void;
  dispose(): Promise<void>;
}
