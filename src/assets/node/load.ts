import { join } from "node:path";
import { readFileBytes } from "../../base/node/files.js";
import { packageRoot } from "../../base/node/package-root.js";
import { type NmnistRecording, unpackNmnist } from "../nmnist.js";

/** Absolute path of a file in `src/assets`, from the sources as well as from the build. */
export const assetPath = (name: string): string => join(packageRoot(), "src", "assets", name);

let loaded: readonly NmnistRecording[] | undefined;

/** The 800 real N-MNIST recordings that ship with the package (first 100 ms), by MNIST index; read once. */
export function loadNmnist(): readonly NmnistRecording[] {
  const path = assetPath("nmnist-800.bin");
  loaded ??= unpackNmnist(readFileBytes(path), path);
  return loaded;
}
