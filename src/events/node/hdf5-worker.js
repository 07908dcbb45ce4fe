/** Entry of a worker thread: reads one HDF5 file and sends its numbers back (see hdf5-isolated.ts). */
import { parentPort, workerData } from "node:worker_threads";
import { extractDatasets } from "../formats/hdf5-extract.js";

try {
  const datasets = await extractDatasets(workerData);
  parentPort.postMessage({ datasets }, datasets.map((d) => d.values.buffer));
} catch (error) {
  parentPort.postMessage({ failed: String(error?.message ?? error) });
}
