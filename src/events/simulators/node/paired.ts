import { readFileBytes } from "../../../base/node/files.js";
import { decodeEvents } from "../../decode.js";
import { listNmnist } from "../../node/nmnist-layout.js";
import type { Paired } from "../fit/objective.js";
import { parseIdxImages } from "../mnist-idx.js";

/** Real recordings first…last of N-MNIST's training part, each with its MNIST image and digit. They must be whole: the
 *  recordings that ship with the package end after the first of the three saccades.
 *  @param zip  N-MNIST, a folder or a zip  @param idx  MNIST's training images */
export async function loadPaired(zip: string, idx: string, first: number, last: number): Promise<Paired & { readonly labels: readonly number[] }> {
  const { entries, close } = await listNmnist(zip);
  const { pixels } = parseIdxImages(readFileBytes(idx), idx);
  const [streams, images, labels]: [Paired["streams"][number][], Uint8Array[], number[]] = [[], [], []];
  for (const { part, index, label, name, read } of entries) {
    if (part !== "Train" || index < first || index > last) continue;
    streams.push(decodeEvents(await read(), { name }));
    images.push(pixels.subarray((index - 1) * 784, index * 784));
    labels.push(label);
  }
  close();
  return { streams, images, labels };
}
