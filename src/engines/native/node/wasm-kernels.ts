import { Worker } from "node:worker_threads";

/** Functions of the module (loihi/loihi.cc, wasm/platform.cc). Pointers and handles are byte offsets into the memory. */
export interface WasmExports {
  readonly __stack_pointer: WebAssembly.Global;
  metaloihi_allocate(bytes: number): number;
  metaloihi_release(pointer: number): void;
  loihi_create_base(head: number, rows: number, exps: number): number;
  loihi_destroy_base(handle: number): void;
  loihi_rule_base(handle: number, soel: number, reals: number): void;
  loihi_parameters_base(handle: number, mantissa: number, bias: number): void;
  loihi_task_base(
    handle: number, support: number, query: number, presentations: number, flags: number, seed: number, order: number,
    supportLabels: number, queryLabels: number, assigned: number,
  ): void;
  loihi_sample_base(handle: number, index: number, rowStart: number, channel: number, count: number): void;
  loihi_items_base(handle: number, phase: number): number;
  loihi_run_base(handle: number, phase: number, item: number, thread: number): void;
  loihi_result_base(handle: number, which: number, length: number): number;
  loihi_penalty_base(handle: number): number;
  loihi_products_base(handle: number, which: number): number;
  loihi_spike_count_base(handle: number, sample: number, layer: number): number;
  loihi_weights_base(handle: number, out: number): void;
  loihi_spikes_base(handle: number, sample: number, layer: number, step: number, neuron: number): number;
  loihi_presentation_base(
    handle: number, index: number, u: number, v: number, spike: number, y1: number, x1: number, counter: number, weights: number,
    totals: number,
  ): number;
  loihi_wraps_base(handle: number, sample: number, rows: number): number;
}

const PAGE_BYTES = 65536;
const INITIAL_PAGES = 64;
/** Above the module's own stack (1 MiB) and data; 4 GiB where the machine gives that much address space. */
const MAX_PAGES = [65536, 32768, 16384];
const STACK_BYTES = 2 ** 20;
const PHASES = 6;
/** Words of the control block that all threads share, in this order. */
const CONTROL = { round: 0, next: 1, items: 2, busy: 3, handle: 4, phase: 5, failed: 6, ready: 7 } as const;

/** What a worker runs. Plain JavaScript in a string, so that it works from the sources as well as from `dist`. It waits for
 *  a round, takes items off the counter until there are none, and says so; round −1 ends it. */
const WORKER = `
const { workerData } = require("node:worker_threads");
const { module, memory, control, stack, thread } = workerData;
const env = { memory, metaloihi_exp: Math.exp, metaloihi_log: Math.log };
const { exports } = new WebAssembly.Instance(module, { env });
exports.__stack_pointer.value = stack;
const C = ${JSON.stringify(CONTROL)};
let seen = 0;
Atomics.add(control, C.ready, 1);
Atomics.notify(control, C.ready);
for (;;) {
  Atomics.wait(control, C.round, seen);
  const round = Atomics.load(control, C.round);
  if (round === -1) break;
  if (round === seen) continue;
  seen = round;
  try {
    const items = Atomics.load(control, C.items);
    for (let item = Atomics.add(control, C.next, 1); item < items; item = Atomics.add(control, C.next, 1)) {
      exports.loihi_run_base(Atomics.load(control, C.handle), Atomics.load(control, C.phase), item, thread);
    }
  } catch (error) {
    Atomics.store(control, C.failed, 1);
  }
  if (Atomics.sub(control, C.busy, 1) === 1) Atomics.notify(control, C.busy);
}
`;

/** The module on one shared memory, in the calling thread and in workers. */
export class WasmKernels {
  private constructor(
    readonly threads: number,
    readonly memory: WebAssembly.Memory,
    readonly exports: WasmExports,
    private readonly control: Int32Array,
    private readonly workers: readonly Worker[],
  ) {}

  /** Starts `threads` − 1 workers and waits until each has its instance.
   *  @throws Error where shared memory is not to be had */
  static async start(module: WebAssembly.Module, threads: number): Promise<WasmKernels> {
    const memory = sharedMemory();
    const env = { memory, metaloihi_exp: Math.exp, metaloihi_log: Math.log };
    const instance = await WebAssembly.instantiate(module, { env });
    const exports = instance.exports as unknown as WasmExports;
    const control = new Int32Array(new SharedArrayBuffer(4 * Object.keys(CONTROL).length));
    const workers = Array.from({ length: threads - 1 }, (_, k) => {
      const stack = exports.metaloihi_allocate(STACK_BYTES) + STACK_BYTES;
      const worker = new Worker(WORKER, { eval: true, workerData: { module, memory, control, stack, thread: k + 1 } });
      worker.unref();
      return worker;
    });
    const kernels = new WasmKernels(threads, memory, exports, control, workers);
    await kernels.untilReady();
    return kernels;
  }

  /** Runs all phases of a context. Items are taken one by one; the calling thread takes part as thread 0.
   *  @throws Error where a kernel trapped, which is out of memory */
  runPhases(handle: number): void {
    const { control, exports } = this;
    for (let phase = 0; phase < PHASES; phase++) {
      const items = exports.loihi_items_base(handle, phase);
      if (items <= 1 || this.workers.length === 0) {
        for (let item = 0; item < items; item++) exports.loihi_run_base(handle, phase, item, 0);
        continue;
      }
      Atomics.store(control, CONTROL.handle, handle);
      Atomics.store(control, CONTROL.phase, phase);
      Atomics.store(control, CONTROL.items, items);
      Atomics.store(control, CONTROL.next, 0);
      Atomics.store(control, CONTROL.busy, this.workers.length);
      // Rounds count from 1 and stay positive: −1 is the end, 0 what a worker starts with.
      Atomics.store(control, CONTROL.round, (Atomics.load(control, CONTROL.round) % 0x3fffffff) + 1);
      Atomics.notify(control, CONTROL.round);
      try {
        for (let item = Atomics.add(control, CONTROL.next, 1); item < items; item = Atomics.add(control, CONTROL.next, 1)) {
          exports.loihi_run_base(handle, phase, item, 0);
        }
      } finally {
        for (let busy = Atomics.load(control, CONTROL.busy); busy > 0; busy = Atomics.load(control, CONTROL.busy)) {
          Atomics.wait(control, CONTROL.busy, busy);
        }
      }
      if (Atomics.load(control, CONTROL.failed)) throw new Error("a worker of the wasm engine ran out of memory");
    }
  }

  /** Ends the workers. */
  stop(): void {
    Atomics.store(this.control, CONTROL.round, -1);
    Atomics.notify(this.control, CONTROL.round);
    for (const worker of this.workers) void worker.terminate();
  }

  /** Workers start on Node's own event loop, so this may not block. A worker that fails to start ends the wait. */
  private async untilReady(): Promise<void> {
    const { workers, control } = this;
    let failure: Error | null = null;
    for (const worker of workers) worker.on("error", (error: Error) => { failure = error; });
    while (Atomics.load(control, CONTROL.ready) < workers.length) {
      if (failure) throw failure;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function sharedMemory(): WebAssembly.Memory {
  let reason: unknown;
  for (const maximum of MAX_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared: true });
    } catch (error) {
      reason = error;
    }
  }
  throw new Error(`no shared memory of ${(MAX_PAGES[MAX_PAGES.length - 1] * PAGE_BYTES) / 2 ** 30} GiB here: ${String(reason)}`);
}
