import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot } from "../../../base/node/package-root.js";
import { mendUnpack } from "../ops/mend-wasm.js";
import type { Tf } from "../ops/custom-op.js";

/** Where TensorFlow.js computes: `tensorflow` is tfjs-node, `wasm` and `cpu` come with @tensorflow/tfjs. */
export type TfjsBackend = "tensorflow" | "wasm" | "cpu";

/** The library, ready to compute. */
export interface LoadedTfjs {
  readonly tf: Tf;
  readonly backend: TfjsBackend;
  /** For people, e.g. "tfjs-node 4.22.0 (libtensorflow 2.15.1)". */
  readonly description: string;
}

/** Environment variable that asks for one backend and takes no other. */
export const BACKEND_VARIABLE = "METALOIHI_TFJS_BACKEND";

const BACKENDS = ["tensorflow", "wasm", "cpu"] as const;
let loading: Promise<LoadedTfjs> | undefined;

/** Loads TensorFlow.js with the best backend that this machine has: tfjs-node (of `npm run setup:tfjs-node`, or installed
 *  beside us), then wasm, then cpu. A process has one: later calls get the same.
 *  @param threads of tfjs-node; the first call counts, as the library fixes it when it is loaded
 *  @throws Error where none loads, with the reason of each, or where the process runs another than the one asked for */
export async function loadTfjs(threads: number): Promise<LoadedTfjs> {
  const wanted = process.env[BACKEND_VARIABLE];
  loading ??= load(threads, wanted);
  try {
    const loaded = await loading;
    if (wanted === undefined || wanted === loaded.backend) return loaded;
    throw new Error(`${BACKEND_VARIABLE} is "${wanted}", and this process runs ${loaded.backend} already`);
  } catch (error) {
    // What failed may be asked for again, with another backend.
    if (!(await loading.then(() => true, () => false))) loading = undefined;
    throw error;
  }
}

async function load(threads: number, wanted: string | undefined): Promise<LoadedTfjs> {
  if (wanted !== undefined && !BACKENDS.some((name) => name === wanted)) {
    throw new Error(`${BACKEND_VARIABLE} is "${wanted}"; it may be ${BACKENDS.join(", ")}`);
  }
  const reasons: string[] = [];
  for (const backend of BACKENDS) {
    if (wanted !== undefined && wanted !== backend) continue;
    try {
      return backend === "tensorflow" ? loadNative(threads) : await loadPortable(backend);
    } catch (error) {
      reasons.push(`${backend}: ${(error instanceof Error ? error.message : String(error)).split("\n")[0]}`);
    }
  }
  throw new Error(`TensorFlow.js does not load (${reasons.join("; ")})`);
}

function loadNative(threads: number): LoadedTfjs {
  // The setup script's own folder first: there the addon has been seen to compute.
  const own = join(packageRoot(), "build", "tfjs-node", "ready.json");
  const require = createRequire(existsSync(own) ? own : join(packageRoot(), "package.json"));
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  process.env.TF_NUM_INTEROP_THREADS ??= "1";
  const tf = require("@tensorflow/tfjs-node") as Tf;
  if (tf.getBackend() !== "tensorflow") throw new Error("tfjs-node has no backend of its own here");
  tf.enableProdMode();
  const { binding } = tf.backend() as unknown as { readonly binding: { readonly TF_Version: string } };
  const versions = tf.version as unknown as Readonly<Record<string, string>>;
  return { tf, backend: "tensorflow", description: `tfjs-node ${versions["tfjs-node"]} (libtensorflow ${binding.TF_Version})` };
}

async function loadPortable(backend: "wasm" | "cpu"): Promise<LoadedTfjs> {
  const require = createRequire(join(packageRoot(), "package.json"));
  const tf = require("@tensorflow/tfjs") as Tf;
  tf.enableProdMode();
  if (backend === "wasm") {
    const wasm = require("@tensorflow/tfjs-backend-wasm") as { setWasmPaths(prefix: string): void };
    wasm.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  }
  if (!(await tf.setBackend(backend))) throw new Error("the backend does not start");
  await tf.ready();
  if (backend === "wasm") mendUnpack(tf);
  return { tf, backend, description: `tfjs ${tf.version.tfjs}, ${backend} backend` };
}
