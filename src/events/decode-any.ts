import { decodeRecording, type Recording } from "./decode.js";
import type { DecodeOptions } from "./decoder.js";
import { detectFormat, HEAD_BYTES } from "./detect.js";
import { type Hdf5Extractor, readHdf5Events } from "./formats/hdf5.js";
import { Problems } from "./problems.js";
import { recordingOf } from "./recording.js";

/** Reads a recording in any format, also those that need HDF5's library and so cannot be read at once.
 *  @param extractor  reads HDF5; a program on Node takes `extractIsolated` (node/read-recording.ts does)
 *  @throws UserError E-EVT-001…009 */
export async function decodeAny(bytes: Uint8Array, options: DecodeOptions, extractor?: Hdf5Extractor): Promise<Recording> {
  const format = options.format ?? detectFormat(bytes.subarray(0, HEAD_BYTES), options.name);
  if (format !== "hdf5" && format !== "mat7.3") return decodeRecording(bytes, options);
  const problems = new Problems(options.name, options.repair ?? false);
  const { columns, size } = await readHdf5Events(bytes, options, problems, extractor);
  const { width, height } = options;
  const declared = width && height ? { width, height } : size;
  const stream = recordingOf(columns, declared, problems);
  return { stream, format, sizeIsDeclared: declared !== undefined, notes: problems.notes };
}
