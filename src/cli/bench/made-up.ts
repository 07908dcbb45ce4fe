/** Problems without recordings for benchmarks. */
import { Rng } from "../../base/rng.js";
import type { Engine } from "../../engines/engine.js";
import type { SpikeTensor } from "../../events/types.js";
import type { NetworkSpec, Parameters } from "../../model/types.js";
import type { Task } from "../../tasks/index.js";
import { loihiStartWeights } from "../../train/start.js";

/** Stream of the benchmark's draws; nothing else uses it. */
const STREAM = 0x1f001;

/** `samples` samples, the first `support` of which are the support; every channel fires with the given probability a step. */
export function madeUpTask(spec: NetworkSpec, support: number, samples: number, density: number): Task {
  const { polarities, height, width } = spec.input;
  const channels = polarities * height * width;
  const all = Array.from({ length: samples }, (_, s): SpikeTensor => {
    const rng = new Rng(1, STREAM, s);
    const rowStart = new Uint32Array(spec.steps + 1);
    const channel: number[] = [];
    for (let t = 0; t < spec.steps; t++) {
      for (let c = 0; c < channels; c++) if (rng.uniform() < density) channel.push(c);
      rowStart[t + 1] = channel.length;
    }
    return {
      shape: [spec.steps, polarities, height, width], rowStart, channel: Uint16Array.from(channel),
      count: new Uint8Array(channel.length).fill(1), timestepUs: 1000,
    };
  });
  const labels = all.map((_, s) => s % 5);
  return {
    number: 0, seed: 0, classNames: ["a", "b", "c", "d", "e"], support: all.slice(0, support), supportLabels: labels.slice(0, support),
    query: all.slice(support), queryLabels: labels.slice(support), presentation: Array.from({ length: support }, (_, k) => k),
    supportRecordings: Array.from({ length: support }, () => []), queryRecordings: Array.from({ length: samples - support }, () => []),
  };
}

/** The problem of the peers' loihi script (torch_loihi_soel.py bench), drawn by our generator: 5 + 50 samples with 3 % of the
 *  inputs firing, hidden weights scaled to 5 % spikes before the pools, output weights .003·N(0,1) + .0006.
 *  Same network, same work; not the same bits. */
export async function peersLoihiProblem(spec: NetworkSpec, engine: Engine): Promise<{ spec: NetworkSpec; masters: Parameters; task: Task }> {
  const small = madeUpTask(spec, 1, 5, 0.03);
  const masters = await loihiStartWeights(spec, engine, small, 1, "gaussian", { rate: 0.05, rateBeforePool: 0.05, outputSigma: 0.003 });
  const output = `${spec.layers[spec.layers.length - 1].name}.weight`;
  return { spec, masters: { ...masters, [output]: masters[output].map((w) => w + 0.0006) }, task: madeUpTask(spec, 5, 55, 0.03) };
}
