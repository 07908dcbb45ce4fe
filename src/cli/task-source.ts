import type { InputContract } from "../../hw/image.js";
import { loadNmnist } from "../assets/node/load.js";
import { decodeEvents } from "../events/decode.js";
import { isFolder } from "../base/node/files.js";
import { encodeFrames, NMNIST_FRAMES } from "../events/encode.js";
import { listNmnist } from "../events/node/nmnist-layout.js";
import { createDoubleNmnist, type DigitRecording, type Protocol, type TaskSource } from "../tasks/index.js";
import { dataKindOf, type DataPlace, framesOf } from "./data-place.js";

/** Index of a held-out N-MNIST test file, behind the training ones, so that protocol A finds it in its held-out part. */
const TEST_OFFSET = 100_000;

/** Double N-MNIST from the recordings that ship with the package, or from an N-MNIST folder or zip.
 *  @throws UserError E-EVT-… where that cannot be read */
export async function doubleNmnistSource(dataPath?: string, protocol: Protocol = "B", place: DataPlace = {}): Promise<TaskSource> {
  if (dataPath === undefined) {
    const digits = loadNmnist().map(({ label, index, stream }) => ({ label, index, frames: encodeFrames(stream, NMNIST_FRAMES) }));
    return createDoubleNmnist(digits, { protocol });
  }
  const { entries, close } = await listNmnist(dataPath);
  const hasTest = entries.some(({ part }) => part === "Test");
  // Protocol B's splits are indices of the training part; A trains on Train and holds out Test, where there is a Test.
  const used = protocol === "B" ? entries.filter(({ part }) => part === "Train") : entries;
  const { recordings } = await framesOf({
    path: dataPath, files: isFolder(dataPath) ? used.map(({ name }) => name) : [dataPath], total: used.length,
    options: { set: "n-mnist", frames: NMNIST_FRAMES, protocol },
    make: async (add, _note, progress) => {
      for (const [k, { part, label, index, name, read }] of used.entries()) {
        const frames = encodeFrames(decodeEvents(await read(), { name }), NMNIST_FRAMES);
        add({ id: `${part}/${index}`, group: String(label), frames });
        progress.update(k + 1);
      }
    },
  }, place);
  close();
  const digits = recordings.map(({ id, group, frames }): DigitRecording => {
    const [part, index] = id.split("/");
    return { label: Number(group), index: Number(index) + (part === "Test" ? TEST_OFFSET : 0), frames };
  });
  return createDoubleNmnist(digits, { protocol, data: dataKindOf(dataPath), authorsSplit: hasTest ? WHOLE_NMNIST : undefined });
}

/** Protocol A on the whole data set: training files to train on, test files for validation and test alike. */
const WHOLE_NMNIST = {
  train: [1, TEST_OFFSET], validation: [TEST_OFFSET + 1, Infinity], test: [TEST_OFFSET + 1, Infinity],
} as const;

/** True where tasks of this source are what the image's input contract takes. */
export const sourceFits = (source: TaskSource, contract: InputContract): boolean =>
  source.timestepUs === contract.timestepUs && source.shape[0] === contract.steps &&
  contract.shape.every((n, k) => n === source.shape[k + 1]);
