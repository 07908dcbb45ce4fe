import { decodeImage } from "../hw/image-codec.js";
import type { InputFrames } from "./chip.js";
import type { PresentationTrace } from "./trace.js";
import { loadMachine } from "./load.js";

/** Figures of a run of the simulated chip. */
export interface ChipStepFigures {
  /** Median over all steps, milliseconds: the statistic of the peers' scripts. */
  readonly ms_per_step: number;
  /** Milliseconds a step of the quickest, the middle and the slowest presentation: its time through its steps. */
  readonly min_ms: number;
  readonly median_ms: number;
  readonly max_ms: number;
  /** Processor time of a step, median over presentations: steadier than wall time on a busy machine. */
  readonly cpu_ms_per_step: number;
  /** Reading the file, checking it and decoding its synapse memory. */
  readonly load_ms: number;
  readonly load_cpu_ms: number;
  /** Of one run. */
  readonly steps: number;
  readonly synaptic_operations: number;
  readonly synaptic_updates: number;
  readonly spikes: number;
  readonly kernels: "wasm" | "typescript";
  /** What the last run spiked within the input's T steps, to be held against another simulator. */
  readonly trace: {
    readonly steps: number;
    readonly spikesPerLayer: readonly number[];
    /** (step from 1, neuron) of the last layer. */
    readonly lastLayer: readonly (readonly [number, number])[];
  };
}

/** Loads an image file and presents the frames `repeats` times after two to warm up; every step is a real one, with
 *  counters, probes of the trace and program.
 *  @param file bytes of an image file */
export async function benchChipStep(
  file: Uint8Array, frames: InputFrames,
  options: {
    readonly repeats: number; readonly kernels?: "wasm" | "typescript";
    /** Processor milliseconds that this process has used. */
    readonly cpuMs: () => number;
  },
): Promise<ChipStepFigures> {
  const start = performance.now();
  const cpuStart = options.cpuMs();
  const machine = await loadMachine(decodeImage(file, "benchmark image"), { seed: 1, kernels: options.kernels });
  const load = performance.now() - start;
  const loadCpu = options.cpuMs() - cpuStart;
  const message = { learn: true, label: 0 };
  const { presentationSteps } = machine.image.contract;
  // Every run starts from the loaded weights: a rule left alone for long drives them to their limits.
  const fresh = machine.saveState();
  for (let warm = 0; warm < 2; warm++) {
    machine.restoreState(fresh);
    await machine.present(frames, message);
  }
  let last: PresentationTrace | null = null;
  const steps: number[] = [];
  const times: number[] = [];
  const busy: number[] = [];
  for (let n = 0; n < options.repeats; n++) {
    machine.restoreState(fresh);
    const cpuFrom = options.cpuMs();
    const from = performance.now();
    await machine.begin(frames, message);
    for (let more = true, before = from; more; ) {
      more = await machine.step();
      const after = performance.now();
      steps.push(after - before);
      before = after;
    }
    last = machine.finish();
    busy.push((options.cpuMs() - cpuFrom) / presentationSteps);
    times.push((performance.now() - from) / presentationSteps);
  }
  for (const list of [steps, times, busy]) list.sort((a, b) => a - b);
  const figures: ChipStepFigures = {
    ms_per_step: steps[steps.length >> 1], min_ms: times[0], median_ms: times[times.length >> 1], max_ms: times[times.length - 1], cpu_ms_per_step: busy[busy.length >> 1], load_ms: load, load_cpu_ms: loadCpu,
    steps: machine.counts.steps, synaptic_operations: machine.counts.synapticOperations,
    synaptic_updates: machine.counts.synapticUpdates, spikes: machine.counts.spikes,
    kernels: machine.cores[0].kernels === null ? "typescript" : "wasm",
    trace: spikesWithin(last!, machine.image.contract.steps),
  };
  await machine.dispose();
  return figures;
}

function spikesWithin({ spikes }: PresentationTrace, steps: number): ChipStepFigures["trace"] {
  const within = spikes.map(({ step, neuron }) =>
    Array.from(step, (r, k) => [r, neuron[k]] as const).filter(([r]) => r <= steps));
  return { steps, spikesPerLayer: within.map((list) => list.length), lastLayer: within[within.length - 1] ?? [] };
}
