import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { userError } from "../../../base/errors.js";
import { makeFolder } from "../../../base/node/files.js";
import type { SimulatedLabel } from "../label.js";
import type { SimulationSpec } from "../simulation.js";
import { DONE_FILE, type DoneChunk, noteDone, readDone } from "./done-chunks.js";
import type { Chunk, ChunkAnswer, WorkerStart } from "./set-worker.js";

/** Name of the file that says of a set that it was simulated. */
export const LABEL_FILE = "simulated.json";
/** In the unfinished folder: what is being made. */
const PLAN_FILE = ".plan.json";
/** Pieces of work: so many that threads end together, and little is lost by an interrupt. */
const CHUNKS = 400;

export interface WriteSetOptions {
  readonly threads: number;
  readonly progress: (unitsDone: number, events: number) => void;
  /** True as soon as the user wants to stop. */
  readonly interrupted: () => boolean;
}

export interface WrittenSet {
  readonly events: number;
  readonly files: number;
  readonly finished: boolean;
  /** Units that an earlier, interrupted run had made. */
  readonly resumed: number;
}

/** Makes a set in a folder: whole, or not at all under that name. Meanwhile it is `<name>.partial` beside it; a run with
 *  the same plan goes on there where the last one was stopped, and makes anew what is damaged of it; any other plan starts
 *  afresh. The bytes do not depend on the number of threads.
 *  @throws UserError E-CAM-006 where the folder is there already, E-FILE-011 where it cannot be written */
export async function writeSet(out: string, spec: SimulationSpec, label: SimulatedLabel, options: WriteSetOptions): Promise<WrittenSet> {
  if (existsSync(out)) {
    throw userError({ code: "E-CAM-006", at: out, found: "it is there already", limit: "a folder that is not there yet", hint: "another --out" });
  }
  const target = resolve(out);
  const partial = join(dirname(target), `${basename(target)}.partial`);
  const plan = planOf(spec, label);
  const done = begin(partial, plan);
  const chunks = chunksOf(spec.units.length);
  const open = chunks.filter(({ from }) => !done.has(from));
  const before = [...done.values()].reduce((sum, { units }) => sum + units, 0);
  let [units, events, files] = [before, 0, 0];
  for (const entry of done.values()) [events, files] = [events + entry.events, files + entry.paths.length];
  options.progress(units, events);
  await inThreads({ spec, folder: partial }, open, Math.min(options.threads, Math.max(1, open.length)), options.interrupted, (answer) => {
    units += answer.units;
    events += answer.events;
    files += answer.paths.length;
    noteDone(partial, answer);
    options.progress(units, events);
  });
  const finished = units === spec.units.length;
  if (finished) {
    writeFileSync(join(partial, LABEL_FILE), `${JSON.stringify(label, null, 2)}\n`);
    rmSync(join(partial, PLAN_FILE));
    rmSync(join(partial, DONE_FILE), { force: true });
    renameSync(partial, target);
  }
  return { events, files, finished, resumed: before };
}

/** What identifies a run: the label, and the units themselves. */
function planOf(spec: SimulationSpec, label: SimulatedLabel): string {
  const hash = createHash("sha256").update(JSON.stringify(spec.units));
  if (spec.kind === "saccades") hash.update(spec.pixels);
  return JSON.stringify({ label, units: hash.digest("hex") });
}

/** Opens the unfinished folder. @returns first unit → what is done, of every chunk that an earlier run finished and that is still whole */
function begin(partial: string, plan: string): Map<number, DoneChunk> {
  const planFile = join(partial, PLAN_FILE);
  if (existsSync(partial) && !existsSync(planFile)) {
    throw userError({
      code: "E-CAM-006", at: partial, found: "it is there already, and is not what an interrupted simulation left",
      limit: "a name that is free while the set is made", hint: "another --out, or move it away",
    });
  }
  try {
    if (existsSync(planFile) && readFileSync(planFile, "utf8") === plan) return readDone(partial);
    rmSync(partial, { recursive: true, force: true });
    makeFolder(dirname(partial));
    mkdirSync(partial);
    writeFileSync(planFile, plan);
    return new Map();
  } catch (error) {
    throw userError({ code: "E-FILE-011", at: partial, found: `cannot be written: ${(error as NodeJS.ErrnoException).code ?? String(error)}` });
  }
}

function chunksOf(units: number): Chunk[] {
  const size = Math.max(1, Math.ceil(units / CHUNKS));
  return Array.from({ length: Math.ceil(units / size) }, (_, k) => ({ from: k * size, to: Math.min(units, (k + 1) * size) }));
}

/** Hands the chunks out to threads, one at a time each; after an interrupt those at work are finished. */
async function inThreads(
  start: WorkerStart, chunks: readonly Chunk[], threads: number, interrupted: () => boolean,
  finished: (answer: DoneChunk) => void,
): Promise<void> {
  let next = 0;
  const runOne = (): Promise<void> => new Promise((settle, reject) => {
    if (next >= chunks.length || interrupted()) return settle();
    const worker = startWorker(start);
    const end = (error?: Error): void => {
      void worker.terminate();
      if (error) reject(error);
      else settle();
    };
    const hand = (): void => {
      if (next >= chunks.length || interrupted()) end();
      else worker.postMessage(chunks[next++]);
    };
    worker.on("message", (answer: ChunkAnswer) => {
      if ("failed" in answer) return end(new Error(answer.failed));
      finished(answer);
      hand();
    });
    worker.on("error", end);
    hand();
  });
  const results = await Promise.allSettled(Array.from({ length: threads }, runOne));
  const failed = results.find((r) => r.status === "rejected");
  if (failed) throw failed.reason;
}

/** From the build, the thread is a file beside this one. From the sources (tests, tsx) it must first learn to read them. */
function startWorker(workerData: WorkerStart): Worker {
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./set-worker.js", import.meta.url), { workerData });
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx/esm/api")).href.replace(/index\.cjs$/, "index.mjs");
  const code = `import(${JSON.stringify(loader)}).then((api) => { api.register(); return import(${JSON.stringify(new URL("./set-worker.ts", import.meta.url).href)}); });`;
  return new Worker(code, { eval: true, workerData, execArgv: [] });
}
