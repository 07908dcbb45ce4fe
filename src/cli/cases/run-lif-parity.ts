import { lifParityImage, type LifParityCase } from "../../interop/cases/lif-parity.js";
import { framesOfSpikes } from "./frames.js";
import { loadCase } from "./load-case.js";

/** A case with its answers: state after each step, v after reset. */
export interface LifParityAnswers extends LifParityCase {
  /** [T][N] */
  readonly u: number[][];
  readonly v: number[][];
  readonly spikes: number[][];
  /** [step from 1, quantity, neuron] of every overflow that was let pass. */
  readonly wraps: (readonly [number, string, number])[];
}

/** Runs a case through its chip image and gives it back with u, v and spikes computed. */
export async function runLifParityCase(given: LifParityCase): Promise<LifParityAnswers> {
  const { image, core, compartment } = lifParityImage(given);
  const machine = await loadCase(image, 0);
  const u: number[][] = [];
  const v: number[][] = [];
  machine.probe = ({ cores }) => {
    u.push(Array.from(core, (n, neuron) => cores[n].u[compartment[neuron]]));
    v.push(Array.from(core, (n, neuron) => cores[n].v[compartment[neuron]]));
  };
  const inTime = given.input_spikes.filter(([t]) => t < given.steps);
  const trace = await machine.present(framesOfSpikes(inTime, given.steps), { learn: false, label: -1 });
  const spikes = u.map((row) => row.map(() => 0));
  const [raster] = trace.spikes;
  raster.step.forEach((r, k) => {
    spikes[r - 1][raster.neuron[k]] = 1;
  });
  const neuronOf = new Map(Array.from(core, (n, neuron) => [`${n} ${compartment[neuron]}`, neuron]));
  const wraps = machine.overflows.map((o) => [o.r, o.quantity, neuronOf.get(`${o.core} ${o.compartment}`)!] as const);
  await machine.dispose();
  return { ...given, u, v, spikes, wraps };
}
