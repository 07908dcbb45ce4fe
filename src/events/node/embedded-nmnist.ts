import { readFileBytes } from "../../base/node/files.js";
import { assetPath } from "../../base/node/package-root.js";
import { type NmnistRecording, unpackNmnist } from "../embedded-nmnist.js";

let loaded: readonly NmnistRecording[] | undefined;

/** The 800 real N-MNIST recordings that ship with the package (first 100 ms), by MNIST index; read once. */
export function loadNmnist(): readonly NmnistRecording[] {
  const path = assetPath("nmnist-800.bin");
  loaded ??= unpackNmnist(readFileBytes(path), path);
  return loaded;
}
