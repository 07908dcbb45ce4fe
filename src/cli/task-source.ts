import type { InputContract } from "../../hw/image.js";
import { loadNmnist } from "../assets/node/load.js";
import { decodeEvents } from "../events/decode.js";
import { encodeFrames, NMNIST_FRAMES } from "../events/encode.js";
import { listNmnist } from "../events/node/nmnist-layout.js";
import { createDoubleNmnist, type DigitRecording, type TaskSource } from "../tasks/index.js";

/** Double N-MNIST from the recordings that ship with the package, or from an N-MNIST folder or zip.
 *  @throws UserError E-EVT-… where that cannot be read */
export async function doubleNmnistSource(dataPath?: string): Promise<TaskSource> {
  if (dataPath === undefined) {
    return createDoubleNmnist(loadNmnist().map(({ label, index, stream }) => ({ label, index, frames: encodeFrames(stream, NMNIST_FRAMES) })));
  }
  const { entries, close } = await listNmnist(dataPath);
  const recordings: DigitRecording[] = [];
  for (const { part, label, index, name, read } of entries) {
    if (part === "Train") recordings.push({ label, index, frames: encodeFrames(decodeEvents(await read(), { name }), NMNIST_FRAMES) });
  }
  close();
  return createDoubleNmnist(recordings);
}

/** True where tasks of this source are what the image's input contract takes. */
export const sourceFits = (source: TaskSource, contract: InputContract): boolean =>
  source.timestepUs === contract.timestepUs && source.shape[0] === contract.steps &&
  contract.shape.every((n, k) => n === source.shape[k + 1]);
