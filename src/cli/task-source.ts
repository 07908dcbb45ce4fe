import type { InputContract } from "../../hw/image.js";
import { loadNmnist } from "../assets/node/load.js";
import { decodeEvents } from "../events/decode.js";
import { encodeFrames, NMNIST_FRAMES } from "../events/encode.js";
import { listNmnist } from "../events/node/nmnist-layout.js";
import { createDoubleNmnist, type DigitRecording, type Protocol, type TaskSource } from "../tasks/index.js";

/** Index of a held-out N-MNIST test file, behind the training ones, so that protocol A finds it in its held-out part. */
const TEST_OFFSET = 100_000;

/** Double N-MNIST from the recordings that ship with the package, or from an N-MNIST folder or zip.
 *  @throws UserError E-EVT-… where that cannot be read */
export async function doubleNmnistSource(dataPath?: string, protocol: Protocol = "B"): Promise<TaskSource> {
  if (dataPath === undefined) {
    const digits = loadNmnist().map(({ label, index, stream }) => ({ label, index, frames: encodeFrames(stream, NMNIST_FRAMES) }));
    return createDoubleNmnist(digits, { protocol });
  }
  const { entries, close } = await listNmnist(dataPath);
  const recordings: DigitRecording[] = [];
  const hasTest = entries.some(({ part }) => part === "Test");
  for (const { part, label, index, name, read } of entries) {
    // Protocol B's splits are indices of the training part; A trains on Train and holds out Test, where there is a Test.
    if (part === "Test" && protocol === "B") continue;
    const frames = encodeFrames(decodeEvents(await read(), { name }), NMNIST_FRAMES);
    recordings.push({ label, index: part === "Test" ? TEST_OFFSET + index : index, frames });
  }
  close();
  const authorsSplit = hasTest ? WHOLE_NMNIST : undefined;
  return createDoubleNmnist(recordings, { protocol, authorsSplit });
}

/** Protocol A on the whole data set: training files to train on, test files for validation and test alike. */
const WHOLE_NMNIST = {
  train: [1, TEST_OFFSET], validation: [TEST_OFFSET + 1, Infinity], test: [TEST_OFFSET + 1, Infinity],
} as const;

/** True where tasks of this source are what the image's input contract takes. */
export const sourceFits = (source: TaskSource, contract: InputContract): boolean =>
  source.timestepUs === contract.timestepUs && source.shape[0] === contract.steps &&
  contract.shape.every((n, k) => n === source.shape[k + 1]);
