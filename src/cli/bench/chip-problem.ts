/** The peers' speed problems with their integers: an .npz that `.config/bench-peers-chip.mjs --save` writes from the peers' own
 *  scripts. The network: raster [T, 2, H, W], per layer k weights w{k} and numbers m{k}, spike counts by layer, output raster.
 *  The plastic layer: stimulus [T, J], weights [K, J]. */
import { unzipSync } from "fflate";
import type { InputFrames } from "../../../sim/chip.js";
import { userError } from "../../base/errors.js";
import { readFileBytes } from "../../base/node/files.js";
import type { LayerSpec, QuantizedLayer } from "../../model/types.js";
import { framesOfSpikes } from "../cases/frames.js";

/** What is run, and what came out of the peers' own reference where it is known. */
export type ChipProblem =
  | {
    readonly kind: "network"; readonly input: { readonly height: number; readonly width: number };
    readonly layers: readonly LayerSpec[]; readonly quantized: readonly QuantizedLayer[]; readonly frames: InputFrames; readonly steps: number;
    readonly expected: { readonly spikesPerLayer: readonly number[]; readonly output: readonly number[] };
  }
  | {
    readonly kind: "plastic"; readonly inputs: number; readonly outputs: number; readonly weights: readonly number[];
    readonly frames: InputFrames; readonly steps: number;
  };

interface NumberArray {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

const HINT = "node .config/bench-peers-chip.mjs --peers DIR --save FOLDER";
const SRM = { alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: 1 };
/** Row m{k}: [kind 0 conv 1 dense, stride, padding, groups, δu, δv, vthMant, …]. */
const ROW = { kind: 0, stride: 1, padding: 2, groups: 3, decayU: 4, decayV: 5, vthMant: 6 } as const;
/** An OR pool in the peers' words: 2×2, stride 2, weight 64 on the own channel, instant decays, threshold 63. */
const POOL = { decay: 4096, vthMant: 63, mantissa: 64 } as const;

/** Reads a problem. @throws UserError E-BENCH-001 where a file or an array is not as described */
export function readChipProblem(path: string): ChipProblem {
  const array = arraysOf(path);
  return array("stimulus", true) === null ? readNetwork(array, path) : readPlastic(array);
}

type ArrayReader = { (name: string): NumberArray; (name: string, optional: true): NumberArray | null };

function arraysOf(path: string): ArrayReader {
  let files: Record<string, Uint8Array>;
  const bytes = readFileBytes(path);
  try {
    files = unzipSync(bytes);
  } catch {
    throw userError({ code: "E-BENCH-001", at: path, found: "not an .npz file", hint: HINT });
  }
  const read = (name: string, optional?: true) => {
    const file = files[`${name}.npy`];
    if (file !== undefined) return parseIntegers(file, `${path}, ${name}`);
    if (optional) return null;
    throw userError({ code: "E-BENCH-001", at: path, found: `no array "${name}"`, hint: HINT });
  };
  return read as ArrayReader;
}

function parseIntegers(bytes: Uint8Array, at: string): NumberArray {
  const headerLength = bytes[8] | (bytes[9] << 8);
  const header = new TextDecoder().decode(bytes.subarray(10, 10 + headerLength));
  const type = /'descr': '([^']+)'/.exec(header)?.[1];
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").split(",").map((s) => s.trim()).filter(Boolean).map(Number);
  const data = bytes.slice(10 + headerLength).buffer;
  const count = shape.reduce((product, n) => product * n, 1);
  const values = type === "|u1" ? Array.from(new Uint8Array(data))
    : type === "<i4" ? Array.from(new Int32Array(data)) : type === "<i8" ? Array.from(new BigInt64Array(data), Number) : null;
  if (values === null || values.length !== count) {
    throw userError({ code: "E-BENCH-001", at, found: `${type ?? "no"} numbers, shape (${shape.join(", ")})`, limit: "uint8, int32 or int64", hint: HINT });
  }
  return { shape, values };
}

function readPlastic(array: ArrayReader): ChipProblem {
  const stimulus = array("stimulus");
  const weights = array("weights");
  const [steps, inputs] = stimulus.shape;
  return { kind: "plastic", inputs, outputs: weights.shape[0], weights: weights.values, frames: framesOf(stimulus), steps };
}

/** [T, channels…] of 0 and 1 as frames. */
function framesOf({ shape: [steps], values }: NumberArray): InputFrames {
  const channels = values.length / steps;
  return framesOfSpikes(values.flatMap((on, k) => (on ? [[Math.floor(k / channels), k % channels] as const] : [])), steps);
}

function readNetwork(array: ArrayReader, path: string): ChipProblem {
  const raster = array("raster");
  const [steps, , height, width] = raster.shape;
  const layers: LayerSpec[] = [];
  const quantized: QuantizedLayer[] = [];
  for (let k = 0, m = array("m0", true); m !== null; m = array(`m${++k}`, true)) {
    const layer = readLayer(m.values, array(`w${k}`), `layer${k}`, path);
    layers.push(layer.spec);
    if (layer.quantized !== null) quantized.push(layer.quantized);
  }
  return {
    kind: "network", input: { height, width }, layers, quantized, frames: framesOf(raster), steps,
    expected: { spikesPerLayer: array("counts").values, output: array("out").values },
  };
}

function readLayer(
  row: readonly number[], { shape, values }: NumberArray, name: string, path: string,
): { spec: LayerSpec; quantized: QuantizedLayer | null } {
  const [outputs, , height, width] = shape;
  if (row[ROW.groups] > 1 || row[ROW.stride] === 2) {
    const isPool = height === 2 && width === 2 && row[ROW.padding] === 0 && row[ROW.decayU] === POOL.decay && row[ROW.decayV] === POOL.decay &&
      row[ROW.vthMant] === POOL.vthMant && values.every((w) => w === 0 || w === POOL.mantissa);
    if (isPool) return { spec: { name, kind: "pool" }, quantized: null };
    throw userError({ code: "E-BENCH-001", at: `${path}, ${name}`, found: "groups or a stride of 2, and no OR pool", hint: HINT });
  }
  const common = {
    name, weight: { bits: 8, signMode: "mixed", wgtExp: 0 }, srm: SRM,
    loihi: { decayU: row[ROW.decayU], decayV: row[ROW.decayV], vthMant: row[ROW.vthMant], refractory: 1, biasExp: 0 },
  } as const;
  const padding = [row[ROW.padding], row[ROW.padding]] as const;
  return {
    spec: row[ROW.kind] === 1 ? { ...common, kind: "dense", outputs }
      : { ...common, kind: "conv", outChannels: outputs, kernel: [height, width], stride: [1, 1], padding, groups: 1 },
    quantized: { name, mantissa: Int16Array.from(values), biasMant: new Int16Array(outputs), biasExp: 0 },
  };
}
