import type { InputContract } from "../../hw/image.js";
import { decodeEvents } from "../events/decode.js";
import { userError } from "../base/errors.js";
import { isFolder } from "../base/node/files.js";
import { encodeFrames, NMNIST_FRAMES } from "../events/encode.js";
import { loadNmnist } from "../events/node/embedded-nmnist.js";
import { listNmnist } from "../events/node/nmnist-layout.js";
import { createDoubleNmnist, type DigitRecording, type Protocol, type TaskSource } from "../tasks/index.js";
import { dataKindOf, type DataPlace, framesOf, SIMULATED_MARK } from "./data-place.js";

/** Index of a held-out N-MNIST test file, behind the training ones, so that protocol A finds it in its held-out part. */
const TEST_OFFSET = 100_000;

/** Double N-MNIST from the recordings that ship with the package, or from an N-MNIST folder or zip.
 *  @param simulated  a simulated set in the same layout, for training alone
 *  @throws UserError E-EVT-… where that cannot be read, E-DATA-005 where `simulated` is not simulated */
export async function doubleNmnistSource(
  dataPath?: string, protocol: Protocol = "B", place: DataPlace = {}, simulated?: string,
): Promise<TaskSource> {
  const simulatedTraining = simulated === undefined ? undefined : await simulatedDigits(simulated, protocol, place);
  if (dataPath === undefined) {
    const digits = loadNmnist().map(({ label, index, stream }) => ({ label, index, frames: encodeFrames(stream, NMNIST_FRAMES) }));
    return createDoubleNmnist(digits, { protocol, simulatedTraining });
  }
  const { digits, hasTest } = await digitsIn(dataPath, protocol, place);
  return createDoubleNmnist(digits, { protocol, data: dataKindOf(dataPath), authorsSplit: hasTest ? WHOLE_NMNIST : undefined, simulatedTraining });
}

async function digitsIn(dataPath: string, protocol: Protocol, place: DataPlace): Promise<{ digits: readonly DigitRecording[]; hasTest: boolean }> {
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
  return { digits, hasTest };
}

/** Recordings of a simulated set. Held-out images are left out by `createDoubleNmnist`. */
async function simulatedDigits(path: string, protocol: Protocol, place: DataPlace): Promise<readonly DigitRecording[]> {
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
  return (await digitsIn(path, protocol, place)).digits;
}

/** Protocol A on the whole data set: training files to train on, test files for validation and test alike. */
const WHOLE_NMNIST = {
  train: [1, TEST_OFFSET], validation: [TEST_OFFSET + 1, Infinity], test: [TEST_OFFSET + 1, Infinity],
} as const;

/** True where tasks of this source are what the image's input contract takes. */
export const sourceFits = (source: TaskSource, contract: InputContract): boolean =>
  source.timestepUs === contract.timestepUs && source.shape[0] === contract.steps &&
  contract.shape.every((n, k) => n === source.shape[k + 1]);
