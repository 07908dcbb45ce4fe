import { Worker } from "node:worker_threads";
import type { RawDataset } from "../formats/hdf5-extract.js";

/** A sound file takes about 10 ns a byte; this is for damage that sends the library round in circles. */
const LIMIT_MS = 20_000;
const LIMIT_MS_PER_BYTE = 1e-3;

type Answer = { readonly datasets: RawDataset[] } | { readonly failed: string };

/** Reads an HDF5 file in a thread of its own: its library may crash, hang or print on damaged files, and the thread can
 *  be thrown away. @throws Error that says what is wrong */
export function extractIsolated(bytes: Uint8Array, limitMs = LIMIT_MS + bytes.length * LIMIT_MS_PER_BYTE): Promise<RawDataset[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./hdf5-worker.js", import.meta.url), { workerData: bytes, stdout: true, stderr: true, execArgv: [] });
    const timer = setTimeout(() => finish(() => reject(new Error(`not done in ${Math.round(limitMs / 1000)} s: it is damaged`))), limitMs);
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      settle();
      void worker.terminate();
    };
    worker.once("message", (answer: Answer) => finish(() => ("datasets" in answer ? resolve(answer.datasets) : reject(new Error(answer.failed)))));
    worker.once("error", (error) => finish(() => reject(error)));
    worker.once("exit", () => finish(() => reject(new Error("the reader ended"))));
  });
}
