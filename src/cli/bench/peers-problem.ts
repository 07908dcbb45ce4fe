/** Reads the peers' benchmark problem: an uncompressed .npz with xs, xq uint8 [step, sample, channel, x, y], ys, yq int32 and
 *  weights w0, b0 … float32 [out, in, kx, ky] (dense [out, in]). Their first spatial axis is x: it becomes our W. */
import { unzipSync } from "fflate";
import { userError } from "../../base/errors.js";
import { readFileBytes } from "../../base/node/files.js";
import type { SpikeTensor } from "../../events/types.js";
import { networkShapes } from "../../model/shapes.js";
import type { NetworkSpec, Parameters } from "../../model/types.js";
import type { Task } from "../../tasks/index.js";

interface NpyArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Int32Array | Float32Array;
}

function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const headerLength = bytes[8] | (bytes[9] << 8);
  const header = new TextDecoder().decode(bytes.subarray(10, 10 + headerLength));
  const type = /'descr': '([^']+)'/.exec(header)?.[1];
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").split(",").map((s) => s.trim()).filter(Boolean).map(Number);
  const data = bytes.slice(10 + headerLength).buffer;
  // numpy writes a transposed matrix (the output layer's weights are one) by columns, and says so.
  const byRows = <V extends NpyArray["values"]>(values: V): V => (header.includes("'fortran_order': True") ? fromColumns(values, shape) : values);
  if (type === "|u1") return { shape, values: byRows(new Uint8Array(data)) };
  if (type === "<i4") return { shape, values: byRows(new Int32Array(data)) };
  if (type === "<f4") return { shape, values: byRows(new Float32Array(data)) };
  throw userError({ code: "E-BENCH-001", at: name, found: `numbers of type ${type ?? "unknown"}`, limit: "uint8, int32, float32" });
}

/** First index fastest → last index fastest. */
function fromColumns<V extends NpyArray["values"]>(values: V, shape: readonly number[]): V {
  const out = values.slice() as V;
  for (let k = 0; k < values.length; k++) {
    let [rest, at] = [k, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const index = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
      at += index * shape.slice(0, axis).reduce((a, b) => a * b, 1);
    }
    out[k] = values[at];
  }
  return out;
}

/** The problem as a task and masters of the paper's `srm` network. @throws UserError E-BENCH-001 */
export function readPeersProblem(path: string, spec: NetworkSpec): { spec: NetworkSpec; masters: Parameters; task: Task } {
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(readFileBytes(path));
  } catch (error) {
    if ((error as Error).name === "UserError") throw error;
    throw userError({ code: "E-BENCH-001", at: path, found: "not an .npz file", hint: "snn_problem.py --save FILE.npz" });
  }
  const array = (name: string): NpyArray => {
    const bytes = files[`${name}.npy`];
    if (!bytes) throw userError({ code: "E-BENCH-001", at: path, found: `no array "${name}"`, hint: "snn_problem.py --save FILE.npz" });
    return parseNpy(bytes, `${path}, ${name}`);
  };
  const shapes = networkShapes(spec);
  const masters: Record<string, Float32Array> = {};
  let k = 0;
  spec.layers.forEach((layer, index) => {
    if (layer.kind === "pool") return;
    const [w, b] = [array(`w${k}`), array(`b${k++}`)];
    const [, height, width] = shapes[index];
    const [rows, columns] = layer.kind === "conv" ? layer.kernel : [height, width];
    masters[`${layer.name}.weight`] = swapLastTwo(w.values as Float32Array, columns, rows);
    masters[`${layer.name}.bias`] = b.values as Float32Array;
  });
  const [support, query] = [samplesOf(array("xs")), samplesOf(array("xq"))];
  const [supportLabels, queryLabels] = [Array.from(array("ys").values), Array.from(array("yq").values)];
  const ways = Math.max(...supportLabels) + 1;
  return {
    spec, masters,
    task: {
      number: 0, seed: 0, classNames: Array.from({ length: ways }, (_, i) => String(i)), support, supportLabels, query, queryLabels,
      presentation: support.map((_, i) => i), supportRecordings: support.map(() => []), queryRecordings: query.map(() => []),
    },
  };
}

/** [.., x, y] → [.., y, x]. */
function swapLastTwo(values: Float32Array, xs: number, ys: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let k = 0; k < values.length; k++) {
    const [block, x, y] = [Math.floor(k / (xs * ys)), Math.floor(k / ys) % xs, k % ys];
    out[block * xs * ys + y * xs + x] = values[k];
  }
  return out;
}

function samplesOf({ shape, values }: NpyArray): SpikeTensor[] {
  const [steps, samples, polarities, width, height] = shape;
  const channels = polarities * width * height;
  return Array.from({ length: samples }, (_, s) => {
    const rowStart = new Uint32Array(steps + 1);
    const channel: number[] = [];
    for (let t = 0; t < steps; t++) {
      const row: number[] = [];
      for (let c = 0; c < channels; c++) {
        if (values[(t * samples + s) * channels + c] === 0) continue;
        const [p, x, y] = [Math.floor(c / (width * height)), Math.floor(c / height) % width, c % height];
        row.push((p * height + y) * width + x);
      }
      channel.push(...row.sort((a, b) => a - b));
      rowStart[t + 1] = channel.length;
    }
    return {
      shape: [steps, polarities, height, width], rowStart, channel: Uint16Array.from(channel), count: new Uint8Array(channel.length).fill(1), timestepUs: 1000,
    };
  });
}
