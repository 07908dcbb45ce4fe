import { Worker } from "node:worker_threads";

/** Phases of loihi.cc and of srm.cc. */
const PHASES = { loihi: 6, srm: 3 } as const;
const STACK_BYTES = 1 << 20;

/** Workers over one shared WebAssembly memory, each with a stack of its own there. They take the items of a run's phases;
 *  the calling thread stays free. Idle workers do not keep the process alive. */
export class WasmWorkers {
  private readonly workers: readonly Worker[];
  private readonly control = new Int32Array(new SharedArrayBuffer(4 * 2 * PHASES.loihi));
  private failure: Error | undefined;

  /** @param allocate  gives the address of that many bytes of the memory */
  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, count: number, allocate: (bytes: number) => number) {
    this.workers = Array.from({ length: count }, (_, thread) => {
      const stackTop = allocate(STACK_BYTES) + STACK_BYTES;
      const worker = new Worker(new URL("./wasm-worker.js", import.meta.url), {
        workerData: { module, memory, stackTop, thread, workers: count, control: this.control },
        execArgv: [],
      });
      worker.setMaxListeners(0);
      worker.on("error", (error) => { this.failure = error; });
      worker.unref();
      return worker;
    });
  }

  /** Runs all phases of a context. @throws Error where a kernel traps: memory beyond the maximum */
  async run(network: keyof typeof PHASES, context: number): Promise<void> {
    if (this.failure) throw this.failure;
    this.control.fill(0);
    const finished = this.workers.map((worker) => new Promise<void>((resolve, reject) => {
      worker.ref();
      const settle = (end: () => void) => {
        worker.off("message", done);
        worker.off("error", fail);
        worker.unref();
        end();
      };
      const done = () => settle(resolve);
      const fail = (error: Error) => settle(() => reject(error));
      worker.on("message", done);
      worker.on("error", fail);
      worker.postMessage({ network, context, phases: PHASES[network] });
    }));
    try {
      await Promise.all(finished);
    } catch (error) {
      // The others wait for the one that trapped.
      this.failure = error as Error;
      await this.stop();
      throw new Error(`the WebAssembly engine stopped: ${(error as Error).message}`, { cause: error });
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}
