import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { InputContract } from "../../hw/image.js";
import { loadNmnist } from "../assets/node/load.js";
import { userError } from "../base/errors.js";
import { isFolder } from "../base/node/files.js";
import { decodeEvents } from "../events/decode.js";
import { encodeFrames, NMNIST_FRAMES } from "../events/encode.js";
import { listNmnist } from "../events/node/nmnist-layout.js";
import { readRecording } from "../events/node/read-recording.js";
import { createClassFolder, createDoubleNmnist, type DigitRecording, type EncodedRecording, type Protocol, type TaskSource } from "../tasks/index.js";
import type { ResolvedConfig } from "../train/config.js";

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

/** Tasks from a folder with one folder of recordings a class, any format that is read; protocol B.
 *  @throws UserError E-EVT-… (a recording), E-DATA-003 (no such folder), E-TASK-001, E-TASK-003 */
export async function folderSource(path: string, resolved: ResolvedConfig): Promise<TaskSource> {
  if (!isFolder(path)) {
    throw userError({ code: "E-DATA-003", at: path, found: "no folder", limit: "a folder with one folder of recordings a class" });
  }
  const { geometry, spec, config } = resolved;
  const { crop, downsample, timestepUs, compose } = geometry;
  const options = { crop, downsample, timestepUs, steps: spec.steps, polarity: spec.input.polarities === 1 ? "merge" : "split" } as const;
  const folders = new Map<string, EncodedRecording[]>();
  for (const name of readdirSync(path).sort()) {
    if (name.startsWith(".") || !isFolder(join(path, name))) continue;
    const recordings: EncodedRecording[] = [];
    for (const file of readdirSync(join(path, name)).sort()) {
      if (file.startsWith(".") || isFolder(join(path, name, file))) continue;
      const { stream } = await readRecording(join(path, name, file));
      recordings.push({ id: join(path, name, file), frames: encodeFrames(stream, options) });
    }
    folders.set(name, recordings);
  }
  return createClassFolder(folders, { name: path, data: "real", seed: config.seed, compose });
}

/** True where tasks of this source are what the image's input contract takes. */
export const sourceFits = (source: TaskSource, contract: InputContract): boolean =>
  source.timestepUs === contract.timestepUs && source.shape[0] === contract.steps &&
  contract.shape.every((n, k) => n === source.shape[k + 1]);
