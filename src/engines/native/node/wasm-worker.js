// A worker of the WebAssembly engine: one message a run, then all phases, taking items from a counter that the workers
// share. A phase begins when the one before is done: the last worker to arrive wakes the others.
import { parentPort, workerData } from "node:worker_threads";

const { module, memory, stackTop, thread, workers, control } = workerData;
const instance = new WebAssembly.Instance(module, { env: { memory } });
const { __stack_pointer: stack, loihi_items_wasm, loihi_run_wasm, srm_items_wasm_f32, srm_run_wasm_f32 } = instance.exports;
const kernels = {
  loihi: { items: loihi_items_wasm, run: loihi_run_wasm },
  srm: { items: srm_items_wasm_f32, run: srm_run_wasm_f32 },
};
stack.value = stackTop;

parentPort.on("message", ({ network, context, phases }) => {
  const { items, run } = kernels[network];
  // control [phase] = next item, [phases + phase] = workers that have finished the phase.
  for (let phase = 0; phase < phases; phase++) {
    const count = items(context, phase);
    for (let item = Atomics.add(control, phase, 1); item < count; item = Atomics.add(control, phase, 1)) {
      run(context, phase, item, thread);
    }
    const at = phases + phase;
    if (Atomics.add(control, at, 1) + 1 === workers) Atomics.notify(control, at);
    for (let done = Atomics.load(control, at); done < workers; done = Atomics.load(control, at)) Atomics.wait(control, at, done);
  }
  parentPort.postMessage("done");
});
