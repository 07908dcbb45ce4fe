import type { InputContract } from "../../hw/image.js";
import { decodeEvents } from "../events/decode.js";
import { userError } from "../base/errors.js";
import { isFolder } from "../base/node/files.js";
import { Rng, STREAM } from "../base/rng.js";
import { encodeFrames, type FrameOptions, NMNIST_FRAMES } from "../events/encode.js";
import { loadNmnist } from "../events/node/embedded-nmnist.js";
import { listNmnist } from "../events/node/nmnist-layout.js";
import type { EventStream, SpikeTensor } from "../events/types.js";
import { warpEvents, type WarpRange } from "../events/warp.js";
import { createDoubleNmnist, type DigitRecording, HELD_OUT_IMAGES, type Protocol, RECORDING_SPLIT, type TaskSource } from "../tasks/index.js";
import { dataKindOf, type DataPlace, framesOf, SIMULATED_MARK } from "./data-place.js";

/** Index of a held-out N-MNIST test file, behind the training ones, so that protocol A finds it in its held-out part. */
const TEST_OFFSET = 100_000;

/** Of each recording that ships with the package: the first of three saccades. */
const EMBEDDED_US = 100_000;

/** How recordings of double N-MNIST become what tasks are drawn from. */
export interface DigitOptions {
  /** Default: the paper's frames. */
  readonly frames?: FrameOptions;
  /** A simulated set in the same layout, for training alone. */
  readonly simulated?: string;
  /** Variants made of every recording that is trained on. */
  readonly variants?: WarpRange & { readonly count: number };
  /** Of the variants. */
  readonly seed?: number;
}

/** Double N-MNIST from the recordings that ship with the package, or from an N-MNIST folder or zip.
 *  @throws UserError E-EVT-… where that cannot be read, E-DATA-005 where `simulated` is not simulated */
export async function doubleNmnistSource(
  dataPath?: string, protocol: Protocol = "B", place: DataPlace = {}, options: DigitOptions = {},
): Promise<TaskSource> {
  const simulatedTraining = options.simulated === undefined ? undefined : await simulatedDigits(options.simulated, protocol, place, options);
  if (dataPath === undefined) {
    const { steps, timestepUs } = options.frames ?? NMNIST_FRAMES;
    if (steps * timestepUs > EMBEDDED_US) {
      throw userError({
        code: "E-DATA-002", at: `network.steps ${steps}, geometry.timestepUs ${timestepUs}`, found: `a sample of ${(steps * timestepUs) / 1000} ms, and the recordings that ship with the package end after ${EMBEDDED_US / 1000} ms`,
        limit: `${EMBEDDED_US / 1000} ms`, hint: "fewer or shorter steps, or whole recordings with --data",
      });
    }
    const digits = loadNmnist().map(({ label, index, stream }): DigitRecording => {
      const [frames, ...variants] = framesAndVariants(stream, index, trainsOn("Train", index, protocol), options);
      return { label, index, frames, variants };
    });
    return createDoubleNmnist(digits, { protocol, simulatedTraining });
  }
  const { digits, hasTest } = await digitsIn(dataPath, protocol, place, options);
  return createDoubleNmnist(digits, { protocol, data: dataKindOf(dataPath), authorsSplit: hasTest ? WHOLE_NMNIST : undefined, simulatedTraining });
}

/** Whether variants of a recording would be drawn. */
function trainsOn(part: string, index: number, protocol: Protocol, simulated = false): boolean {
  if (part !== "Train") return false;
  if (simulated) return index < HELD_OUT_IMAGES[0] || index > HELD_OUT_IMAGES[1];
  return protocol === "A" || index <= RECORDING_SPLIT.train[1];
}

/** A recording's frames, then those of its variants. */
function framesAndVariants(
  stream: EventStream, index: number, trained: boolean, { frames = NMNIST_FRAMES, variants, seed = 1 }: DigitOptions,
): readonly [SpikeTensor, ...SpikeTensor[]] {
  const rng = new Rng(seed, STREAM.warp, index);
  const count = trained ? (variants?.count ?? 0) : 0;
  return [
    encodeFrames(stream, frames),
    ...Array.from({ length: count }, () => encodeFrames(warpEvents(stream, variants as WarpRange, rng), frames)),
  ];
}

async function digitsIn(
  dataPath: string, protocol: Protocol, place: DataPlace, options: DigitOptions, simulated = false,
): Promise<{ digits: readonly DigitRecording[]; hasTest: boolean }> {
  const { entries, close } = await listNmnist(dataPath);
  const hasTest = entries.some(({ part }) => part === "Test");
  // Protocol B's splits are indices of the training part; A trains on Train and holds out Test, where there is a Test.
  const used = protocol === "B" ? entries.filter(({ part }) => part === "Train") : entries;
  const { frames = NMNIST_FRAMES, variants, seed } = options;
  const { recordings } = await framesOf({
    path: dataPath, files: isFolder(dataPath) ? used.map(({ name }) => name) : [dataPath], total: used.length,
    options: { set: "n-mnist", frames, protocol, ...(variants && { variants, seed, simulated }) },
    make: async (add, _note, progress) => {
      for (const [k, { part, label, index, name, read }] of used.entries()) {
        const stream = decodeEvents(await read(), { name });
        for (const [variant, made] of framesAndVariants(stream, index, trainsOn(part, index, protocol, simulated), options).entries()) {
          add({ id: `${part}/${index}${variant === 0 ? "" : `/${variant}`}`, group: String(label), frames: made });
        }
        progress.update(k + 1);
      }
    },
  }, place);
  close();
  const digits: (DigitRecording & { readonly variants: SpikeTensor[] })[] = [];
  for (const { id, group, frames: made } of recordings) {
    const [part, index, variant] = id.split("/");
    // Variants come after their recording, in one run.
    if (variant !== undefined) digits[digits.length - 1].variants.push(made);
    else digits.push({ label: Number(group), index: Number(index) + (part === "Test" ? TEST_OFFSET : 0), frames: made, variants: [] });
  }
  return { digits, hasTest };
}

/** Recordings of a simulated set. Held-out images are left out by `createDoubleNmnist`. */
async function simulatedDigits(path: string, protocol: Protocol, place: DataPlace, options: DigitOptions): Promise<readonly DigitRecording[]> {
  const at = `data.simulated "${path}"`;
  if (protocol !== "B") {
    throw userError({ code: "E-DATA-005", at, found: "it stands beside protocol A, which is the authors' and knows none", limit: "protocol B" });
  }
  if (dataKindOf(path) !== "simulated") {
    throw userError({
      code: "E-DATA-005", at, found: "the folder does not say that it is simulated", limit: `a folder with ${SIMULATED_MARK}, as \`data simulate saccades\` makes it`,
      hint: "--data, for real recordings",
    });
  }
  return (await digitsIn(path, protocol, place, options, true)).digits;
}

/** Protocol A on the whole data set: training files to train on, test files for validation and test alike. */
const WHOLE_NMNIST = {
  train: [1, TEST_OFFSET], validation: [TEST_OFFSET + 1, Infinity], test: [TEST_OFFSET + 1, Infinity],
} as const;

/** True where tasks of this source are what the image's input contract takes. */
export const sourceFits = (source: TaskSource, contract: InputContract): boolean =>
  source.timestepUs === contract.timestepUs && source.shape[0] === contract.steps &&
  contract.shape.every((n, k) => n === source.shape[k + 1]);
