import { gunzipSync } from "fflate";
import { userError } from "../../base/errors.js";

/** Gray images of one size, as IDX files hold them (MNIST and its like). */
export interface ImageSet {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** [count, rows, columns] 0 = background. */
  readonly pixels: Uint8Array;
}

const IDX_IMAGES = 0x00000803;
const IDX_LABELS = 0x00000801;

/** Reads an IDX file of images, gzipped or not. @throws UserError E-CAM-002 where it is none, or ends early */
export function parseIdxImages(bytes: Uint8Array, name: string): ImageSet {
  const { data, view } = opened(bytes, name, IDX_IMAGES, 16);
  const [count, rows, columns] = [4, 8, 12].map((at) => view.getUint32(at));
  refuseLength(data, 16 + count * rows * columns, name);
  return { count, rows, columns, pixels: data.subarray(16) };
}

/** Reads an IDX file of labels. @throws UserError E-CAM-002 */
export function parseIdxLabels(bytes: Uint8Array, name: string): Uint8Array {
  const { data, view } = opened(bytes, name, IDX_LABELS, 8);
  refuseLength(data, 8 + view.getUint32(4), name);
  return data.subarray(8);
}

function opened(bytes: Uint8Array, name: string, magic: number, header: number): { data: Uint8Array; view: DataView } {
  let data = bytes;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      data = gunzipSync(bytes);
    } catch (error) {
      throw userError({ code: "E-CAM-002", at: name, found: `it cannot be decompressed (${(error as Error).message})`, hint: "an undamaged copy" });
    }
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < header || view.getUint32(0) !== magic) {
    throw userError({
      code: "E-CAM-002", at: name, found: "no IDX file of that kind", limit: `the header 0x${magic.toString(16).padStart(8, "0")}`,
      hint: magic === IDX_IMAGES ? "train-images-idx3-ubyte, gzipped or not" : "train-labels-idx1-ubyte, gzipped or not",
    });
  }
  return { data, view };
}

function refuseLength(data: Uint8Array, length: number, name: string): void {
  if (data.length === length) return;
  throw userError({ code: "E-CAM-002", at: name, found: `${data.length} bytes`, limit: `${length} by its header`, hint: "an undamaged copy" });
}
