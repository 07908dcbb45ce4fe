import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { createSimulation, type SimulationSpec } from "../simulation.js";
import { type DoneChunk, FilesDigest } from "./done-chunks.js";

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
export type ChunkAnswer = DoneChunk | { readonly failed: string };

const { spec, folder } = workerData as WorkerStart;
const port = parentPort;
if (!port) throw new Error("simulator bug: set-worker runs as a thread only");
const make = createSimulation(spec);
const folders = new Set<string>();

/** Files are not flushed one by one: the set counts as written when its label is, and a chunk that was not finished, or
 *  whose files are no longer what they were, is made again. */
async function run({ from, to }: Chunk): Promise<ChunkAnswer> {
  let events = 0;
  const paths: string[] = [];
  const digest = new FilesDigest();
  for (let unit = from; unit < to; unit++) {
    const result = await make(unit);
    events += result.events;
    for (const { path, bytes } of result.files) {
      const target = join(folder, path);
      const parent = dirname(target);
      if (!folders.has(parent)) mkdirSync(parent, { recursive: true });
      folders.add(parent);
      writeFileSync(target, bytes);
      paths.push(path);
      digest.add(path, bytes);
    }
  }
  return { from, units: to - from, events, paths, sha256: digest.hex() };
}

port.on("message", (chunk: Chunk) => {
  run(chunk).then(
    (answer) => port.postMessage(answer),
    (error: unknown) => port.postMessage({ failed: (error as Error).stack ?? String(error) } satisfies ChunkAnswer),
  );
});
