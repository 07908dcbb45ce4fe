import type { SpikeTensor } from "../../../events/types.js";
import { networkShapes, parameterShapes, sizeOf } from "../../../model/shapes.js";
import type { NetworkSpec } from "../../../model/types.js";
import type { Task } from "../../../tasks/types.js";
import type { InnerLoop } from "../../engine.js";
import { FLAG, JOB, SET, SET_MASK, SRM_RESULT, SRM_VALUES } from "./binding.js";
import type { Precision, Reals, SrmBinding } from "./binding.js";
import { pooledSample } from "./input-pools.js";
import { kernelLayers } from "./kernel-layers.js";

/** What a run over a set of samples gives. */
export interface SetResult {
  readonly loss: number;
  /** [sample, reported] */
  readonly reported: Reals;
  /** Empty where it was not asked for. */
  readonly gradient: Reals;
  /** [sample, inputs] P of the last layer's inputs at the last step; empty where it was not asked for. */
  readonly traces: Reals;
}

/** A tensor of the network in the flat arrays that the kernels take. */
export interface FlatTensor {
  readonly name: string;
  readonly layer: string;
  readonly offset: number;
  readonly length: number;
}

/** The kernels of one network: how its parameters and results lie, and a context for each length of window. */
export class KernelNetwork<H> {
  readonly layout: ReturnType<typeof kernelLayers>;
  readonly tensors: readonly FlatTensor[];
  /** Parameters of the whole network. */
  readonly size: number;
  readonly outputs: number;
  /** Inputs of the last layer. */
  readonly features: number;
  private readonly handles = new Map<string, H>();

  /** @throws UserError where the kernels do not take the network (kernel-layers.ts) */
  constructor(
    readonly binding: SrmBinding<H>,
    readonly spec: NetworkSpec,
    private readonly threads: number,
    private readonly precision: Precision,
  ) {
    this.layout = kernelLayers(spec);
    let offset = 0;
    this.tensors = parameterShapes(spec).filter((t) => t.name.includes(".")).map(({ name, shape }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      const tensor = { name, layer: name.slice(0, name.lastIndexOf(".")), offset, length };
      offset += length;
      return tensor;
    });
    this.size = offset;
    const shapes = networkShapes(spec);
    this.outputs = sizeOf(shapes[shapes.length - 1]);
    this.features = sizeOf(shapes[shapes.length - 2]);
  }

  /** Numbers that a sample reports: readout, spike counters, spikes of the outputs, features. */
  get reported(): number {
    return 2 * this.outputs + this.layout.counterCount + this.features;
  }

  /** An array in the kernels' precision. */
  reals(values: number | ArrayLike<number>): Reals {
    return this.precision === "float64" ? new Float64Array(values as number) : new Float32Array(values as number);
  }

  handleFor({ window, unadapted }: Horizon): H {
    const key = `${window} ${unadapted}`;
    const known = this.handles.get(key);
    if (known !== undefined) return known;
    const ints = Int32Array.from([this.layout.names.length, this.spec.steps, window, this.threads, unadapted, ...this.layout.ints]);
    const handle = this.binding.create(ints, Float64Array.from(this.layout.reals));
    this.handles.set(key, handle);
    return handle;
  }

  dispose(): void {
    for (const handle of this.handles.values()) this.binding.dispose(handle);
    this.handles.clear();
  }
}

/** Steps up to `window` run without gradient, those up to `unadapted` once for all weights of a task. */
interface Horizon {
  readonly window: number;
  readonly unadapted: number;
}

/** Without a burn-in, all steps before the window run with the weights of the window, as one burn-in for each of them. */
function horizonOf({ steps }: NetworkSpec, { burnIn, truncation = steps }: InnerLoop): Horizon {
  const unadapted = Math.min(burnIn, steps - 1);
  const window = Math.max(unadapted, steps - truncation);
  return { window, unadapted: unadapted > 0 ? unadapted : window };
}

/** The samples of one task in the kernels, run with weights of the caller's. Arrays of weights are told apart by identity:
 *  nobody writes to one that was handed over. */
export class KernelTask<H> {
  private readonly handle: H;
  private readonly horizon: Horizon;
  /** [set] weights that its steps before the window ran with, where those change with the weights of the window. */
  private readonly before: (Reals | null)[] = [null, null];

  private constructor(
    private readonly network: KernelNetwork<H>,
    private readonly task: Task,
    private readonly inner: InnerLoop,
  ) {
    this.horizon = horizonOf(network.spec, inner);
    this.handle = network.handleFor(this.horizon);
  }

  /** Samples into the kernels, and their burn-in with the start weights; that of the queries waits for the first run of the
   *  support where one follows (FLAG.burnQueries). */
  static async load<H>(network: KernelNetwork<H>, start: Reals, task: Task, inner: InnerLoop, adapts: boolean): Promise<KernelTask<H>> {
    const loaded = new KernelTask(network, task, inner);
    loaded.loadSet(SET.support, task.support);
    loaded.loadSet(SET.query, task.query);
    await loaded.burn(start, adapts ? SET_MASK.support : SET_MASK.both);
    return loaded;
  }

  private loadSet(set: number, samples: readonly SpikeTensor[]): void {
    const { binding, spec, layout } = this.network;
    binding.setSize(this.handle, set, samples.length);
    samples.forEach((sample, i) => {
      const { rowStart, channel, count } = pooledSample(sample, layout.inputPools);
      const known = rowStart.length === spec.steps + 1 ? rowStart : padded(rowStart, spec.steps + 1);
      binding.sample(this.handle, set, i, known, new Uint32Array(channel), new Uint16Array(count));
    });
  }

  private async burn(theta: Reals, mask: number): Promise<void> {
    await this.runBefore(JOB.burn, theta, mask);
    if (this.inner.burnIn === 0) for (const set of [SET.support, SET.query]) if ((mask >> set) & 1) this.before[set] = theta;
  }

  private runBefore(job: number, theta: Reals, mask: number): Promise<void> {
    this.network.binding.weights(this.handle, SRM_VALUES.weights, theta);
    return this.network.binding.run(this.handle, job, mask, new Int32Array(0), 0);
  }

  get supportLabels(): readonly number[] {
    return this.task.supportLabels;
  }

  private labels(set: number): Int32Array {
    return Int32Array.from(set === SET.support ? this.task.supportLabels : this.task.queryLabels);
  }

  /** Steps between the burn-in and the window run with the weights of the window: all steps before it where there is no burn-in. */
  private async reach(theta: Reals, set: number): Promise<void> {
    const { window, unadapted } = this.horizon;
    if (window === 0 || this.before[set] === theta) return;
    if (this.inner.burnIn === 0) await this.burn(theta, 1 << set);
    else if (unadapted < window) {
      await this.runBefore(JOB.middle, theta, 1 << set);
      this.before[set] = theta;
    }
  }

  /** Forward of a set with some weights, and what `flags` asks for besides. */
  async run(theta: Reals, set: number, flags: number): Promise<SetResult> {
    const { binding } = this.network;
    const labels = this.labels(set);
    await this.reach(theta, set);
    binding.weights(this.handle, SRM_VALUES.weights, theta);
    await binding.run(this.handle, JOB.gradient, set, labels, flags);
    if (flags & FLAG.burnQueries && this.inner.burnIn === 0) this.before[SET.query] = theta;
    let loss = 0;
    for (const x of binding.result(this.handle, SRM_RESULT.losses)) loss += x;
    return {
      loss: loss / labels.length, reported: binding.result(this.handle, SRM_RESULT.reported),
      gradient: flags & FLAG.gradient ? binding.result(this.handle, SRM_RESULT.gradient) : this.network.reals(0),
      traces: flags & FLAG.traces ? binding.result(this.handle, SRM_RESULT.traces) : this.network.reals(0),
    };
  }

  /** Hessian of the mean support loss at `theta` times a direction. */
  async hessian(theta: Reals, direction: Reals): Promise<Reals> {
    this.network.binding.weights(this.handle, SRM_VALUES.direction, direction);
    return this.differentiate(JOB.hessian, theta);
  }

  /** Gradient of all weights at `theta` from gradients of what the support's samples have at the last step.
   *  @param cotangents [sample, outputs + inputs of the last layer] of U, then of P */
  async pullBack(theta: Reals, cotangents: Reals): Promise<Reals> {
    this.network.binding.weights(this.handle, SRM_VALUES.cotangents, cotangents);
    return this.differentiate(JOB.pullBack, theta);
  }

  private async differentiate(job: number, theta: Reals): Promise<Reals> {
    const { binding } = this.network;
    await this.reach(theta, SET.support);
    binding.weights(this.handle, SRM_VALUES.weights, theta);
    await binding.run(this.handle, job, SET.support, this.labels(SET.support), FLAG.gradient);
    return binding.result(this.handle, SRM_RESULT.gradient);
  }
}

/** Row starts for more steps, the last ones empty, or for fewer. */
function padded(rowStart: Uint32Array, length: number): Uint32Array {
  const out = new Uint32Array(length).fill(rowStart[rowStart.length - 1]);
  out.set(rowStart.subarray(0, Math.min(length, rowStart.length)));
  return out;
}
