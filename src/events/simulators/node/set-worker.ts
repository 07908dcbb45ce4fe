import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { createSimulation, type SimulationSpec } from "../simulation.js";

/** What the thread is started with. */
export interface WorkerStart {
  readonly spec: SimulationSpec;
  readonly folder: string;
}

/** A piece of work: units from…to−1; and its answer. */
export interface Chunk {
  readonly from: number;
  readonly to: number;
}
export type ChunkAnswer = (Chunk & { readonly events: number; readonly files: number }) | { readonly failed: string };

const { spec, folder } = workerData as WorkerStart;
const port = parentPort;
if (!port) throw new Error("simulator bug: set-worker runs as a thread only");
const make = createSimulation(spec);
const folders = new Set<string>();

/** Files are not flushed one by one: the set counts as written when its label is, and a chunk that was not finished is
 *  made again. */
async function run({ from, to }: Chunk): Promise<ChunkAnswer> {
  let [events, files] = [0, 0];
  for (let unit = from; unit < to; unit++) {
    const result = await make(unit);
    events += result.events;
    for (const { path, bytes } of result.files) {
      const target = join(folder, path);
      const parent = dirname(target);
      if (!folders.has(parent)) mkdirSync(parent, { recursive: true });
      folders.add(parent);
      writeFileSync(target, bytes);
      files++;
    }
  }
  return { from, to, events, files };
}

port.on("message", (chunk: Chunk) => {
  run(chunk).then(
    (answer) => port.postMessage(answer),
    (error: unknown) => port.postMessage({ failed: (error as Error).stack ?? String(error) } satisfies ChunkAnswer),
  );
});
