/** JavaScript, so that a worker thread runs this file as it is, from the sources as well as from the build. */

/**
 * Numbers of one data set.
 * @typedef {{ path: string, shape: number[], values: Float64Array }} RawDataset
 */

const DEPTH_LIMIT = 6;
/** Largest number of values that is believed; a damaged shape must not take all memory. */
const VALUES_LIMIT = 2 ** 28;

/** Counts instances of the library: one that trapped is dead, so the next file gets a new one. */
let generation = 0;

/**
 * The library, 5 MB of WebAssembly, loaded when a file needs it.
 * @returns {Promise<typeof import("h5wasm")>}
 */
export async function loadLibrary() {
  if (generation === 0 || typeof import.meta.resolve !== "function") return import("h5wasm");
  return import(`${import.meta.resolve("h5wasm")}?instance=${generation}`);
}

let serial = 0;

/**
 * All numeric data sets of an HDF5 file, in the file's order.
 * @param {Uint8Array} bytes
 * @returns {Promise<RawDataset[]>}
 * Throws the library's error, or a WebAssembly.RuntimeError, where the file is damaged.
 */
export async function extractDatasets(bytes) {
  const h5 = await loadLibrary();
  const { FS, activate_throwing_error_handler: throwErrors } = await h5.ready;
  // Else the library prints its own stack of errors for every damaged file.
  throwErrors();
  const name = `recording-${serial++}.h5`;
  FS.writeFile(name, bytes);
  try {
    const file = new h5.File(name, "r");
    try {
      // An unreadable file may give no error but an id below zero.
      if (file.file_id < 0n) throw new Error("not a sound HDF5 file");
      return [...numericDatasets(file, "", 0)];
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) generation++;
    throw error;
  } finally {
    FS.unlink(name);
  }
}

/** @returns {Generator<RawDataset>} */
function* numericDatasets(group, prefix, depth) {
  if (depth > DEPTH_LIMIT) return;
  for (const key of group.keys()) {
    // MATLAB 7.3 keeps what its cells point to here.
    if (depth === 0 && key === "#refs#") continue;
    const entity = group.get(key);
    if (entity === null) continue;
    if ("keys" in entity) yield* numericDatasets(entity, `${prefix}${key}/`, depth + 1);
    else if ("shape" in entity) {
      const shape = (entity.shape ?? []).map(Number);
      const count = shape.reduce((a, b) => a * b, 1);
      if (!(count <= VALUES_LIMIT)) throw new Error(`${prefix}${key} claims ${count} values`);
      const value = entity.value;
      if (ArrayBuffer.isView(value)) yield { path: prefix + key, shape, values: Float64Array.from(value, Number) };
      else if (typeof value === "number" || typeof value === "bigint") yield { path: prefix + key, shape, values: Float64Array.of(Number(value)) };
    }
  }
}
