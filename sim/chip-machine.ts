import { encodeImage } from "../hw/image-codec.js";
import type { ChipImage, OutputSymbol } from "../hw/image.js";
import { sha256Hex } from "../src/base/bytes.js";
import { assert, userError } from "../src/base/errors.js";
import type { Chip, ChipOptions, InputFrames, PresentationMessage } from "./chip.js";
import { ATOM_BITS, type CoreState, pushTo } from "./core-state.js";
import { SynapseDecoder } from "./decode-synapses.js";
import { createEmbeddedCore } from "./embedded/create.js";
import type { EmbeddedCore } from "./embedded/embedded-core.js";
import { installKernels } from "./kernels.js";
import { coreKey, loadCore } from "./load-core.js";
import { SimulatedAccess } from "./neuro-core-access.js";
import { SpikeRecorder } from "./recorder.js";
import { packState, restoreCores, saveCores, unpackState } from "./save-state.js";
import { SimulationError, type OverflowQuantity } from "./simulation-error.js";
import { stepChip } from "./step-core.js";
import type { OperationCounts, PresentationTrace } from "./trace.js";

const NO_COUNTS: OperationCounts = {
  steps: 0, synapticOperations: 0, sparseOperations: 0, denseOperations: 0, populationOperations: 0, activeUpdates: 0,
  inactiveUpdates: 0, spikes: 0, messages: 0, hopsEastWest: 0, hopsNorthSouth: 0, offChipMessages: 0, synapticUpdates: 0,
  busiestSecondsD18: 0, busiestSecondsSanafe: 0,
  embeddedReads: 0, embeddedWrites: 0,
};

/** An overflow that was let pass under "wrap". */
export interface Overflow {
  /** Step of the presentation, from 1. */
  readonly r: number;
  readonly chip: number;
  readonly core: number;
  readonly compartment: number;
  readonly quantity: OverflowQuantity;
}

/** Looks at the cores after each step's spikes and counters, before the program's pre-learning phase. */
export type Probe = (chip: ChipMachine, r: number) => void;

/** What a running presentation has collected. */
interface Presentation {
  readonly learn: boolean;
  readonly label: number;
  r: number;
  readonly u: Int32Array;
  readonly v: Int32Array;
  readonly y1: Uint8Array;
  readonly outputSpikes: Int32Array;
}

/** The chip with its clock in the caller's hand: `begin`, `step` S times, `finish`; `present` is the three in one. */
export class ChipMachine implements Chip {
  time = 0;
  readonly counts: OperationCounts = { ...NO_COUNTS };
  /** Overflows let pass since `begin`, in order. */
  readonly overflows: Overflow[] = [];
  probe: Probe | null = null;
  private readonly recorder: SpikeRecorder;
  private readonly outputs: readonly { readonly core: CoreState; readonly compartment: number }[];
  /** [entry of the input contract] index of the core, packed arrival. */
  private readonly inputCore: Int32Array;
  private readonly inputArrival: Int32Array;
  private embeddedCore: EmbeddedCore | null = null;
  private presentation: Presentation | null = null;
  private frames: InputFrames | null = null;
  private imageSha256: string | null = null;

  private constructor(readonly image: ChipImage, readonly cores: readonly CoreState[]) {
    this.recorder = new SpikeRecorder(image);
    this.outputs = image.embedded.outputs.map((output) => ({ core: this.coreOf(output), compartment: output.compartment }));
    const { contract } = image;
    const indexOf = new Map(cores.map((core, n) => [coreKey(core.image.chip, core.image.core), n]));
    this.inputCore = Int32Array.from(contract.core, (core, k) => indexOf.get(coreKey(contract.chip[k], core))!);
    this.inputArrival = Int32Array.from(contract.axon, (axon, k) => axon * 2 ** ATOM_BITS + contract.atom[k]);
  }

  /** A machine at rest. The image must have passed `verifyImage`. */
  static async create(image: ChipImage, options: ChipOptions): Promise<ChipMachine> {
    const indexOf = new Map(image.cores.map(({ chip, core }, n) => [coreKey(chip, core), n]));
    const load = { seed: options.seed, strict: options.onOverflow !== "wrap", decoder: new SynapseDecoder() };
    const loaded = image.cores.map((core) => loadCore(image, core, indexOf, load));
    const machine = new ChipMachine(image, options.kernels === "typescript" ? loaded : await installKernels(loaded));
    for (const core of machine.cores) core.overflowLog = machine.noteOverflow;
    machine.embeddedCore = await createEmbeddedCore(image, new SimulatedAccess(machine), options.program ?? "typed");
    return machine;
  }

  get embedded(): EmbeddedCore {
    assert(this.embeddedCore !== null, "simulator bug: no embedded core");
    return this.embeddedCore;
  }

  private coreOf({ chip, core }: Pick<OutputSymbol, "chip" | "core">): CoreState {
    const found = this.cores.find(({ image }) => image.chip === chip && image.core === core);
    assert(found !== undefined, `simulator bug: core ${core} of chip ${chip} is not loaded`);
    return found;
  }

  private readonly noteOverflow = (core: CoreState, compartment: number, quantity: OverflowQuantity): void => {
    const r = this.presentation === null ? 0 : this.presentation.r + 1;
    this.overflows.push({ r, chip: core.image.chip, core: core.image.core, compartment, quantity });
  };

  async present(frames: InputFrames, message: PresentationMessage): Promise<PresentationTrace> {
    await this.begin(frames, message);
    while (await this.step());
    return this.finish();
  }

  /** Starts a presentation: the host's message goes to the program. */
  async begin(frames: InputFrames, message: PresentationMessage): Promise<void> {
    const { presentationSteps: steps } = this.image.contract;
    const outputs = this.outputs.length;
    const epochs = Math.floor(steps / this.image.embedded.constants.epochSteps);
    this.checkFrames(frames);
    this.recorder.clear();
    this.overflows.length = 0;
    this.frames = frames;
    this.presentation = {
      learn: message.learn, label: message.label, r: 0, u: new Int32Array(steps * outputs), v: new Int32Array(steps * outputs),
      y1: new Uint8Array(epochs * outputs), outputSpikes: new Int32Array(outputs),
    };
    await this.embedded.beginPresentation(message);
  }

  private checkFrames({ rowStart, channel }: InputFrames): void {
    const { steps, rowStart: pixels } = this.image.contract;
    const channels = pixels.length - 1;
    if (rowStart.length > steps + 1) {
      throw userError({ code: "E-SIM-009", at: "input", found: `${rowStart.length - 1} frames`, limit: `${steps} (input contract)` });
    }
    for (let k = 0; k < channel.length; k++) {
      if (channel[k] >= channels) {
        throw userError({ code: "E-SIM-009", at: "input", found: `channel ${channel[k]}`, limit: `0…${channels - 1} (input contract)` });
      }
    }
  }

  /** Goes on with a restored presentation: the input has to be given again. */
  resume(frames: InputFrames): void {
    this.checkFrames(frames);
    this.frames = frames;
  }

  /** One step. @returns whether the presentation goes on. @throws SimulationError where the strict chip stops */
  async step(): Promise<boolean> {
    const { presentation, frames } = this;
    assert(presentation !== null && frames !== null, "simulator bug: step outside of a presentation");
    const r = presentation.r + 1;
    this.time++;
    await stepChip(this, this.time, r, () => this.observe(presentation, r));
    this.recordWrites(presentation, r);
    presentation.r = r;
    if (r < this.image.contract.presentationSteps) return true;
    return false;
  }

  /** After the spikes of step r: input of this step on its way, what the trace keeps, the caller's probe. */
  private observe(presentation: Presentation, r: number): void {
    this.inject(r - 1);
    this.recorder.record(this.cores, r);
    const { u, v, outputSpikes } = presentation;
    const outputs = this.outputs.length;
    const last = r === this.image.contract.presentationSteps;
    this.outputs.forEach(({ core, compartment }, i) => {
      u[(r - 1) * outputs + i] = core.u[compartment];
      v[(r - 1) * outputs + i] = core.v[compartment];
    });
    if (!last) this.countOutputSpikes(outputSpikes);
    this.probe?.(this, r);
  }

  /** A spike of a core's reward axon in the next step: r0 there, and r1's impulse.
   *  @throws SimulationError E-SIM-005 where the core has none */
  reward(chip: number, core: number): void {
    const { learning } = this.coreOf({ chip, core });
    if (learning === null || learning.image.rewardTrace === undefined) {
      throw new SimulationError({ chip, core, compartment: -1, step: this.time }, {
        code: "E-SIM-005", found: "a reward for a core without reward trace",
      });
    }
    learning.reward[0] = 1;
  }

  private countOutputSpikes(outputSpikes: Int32Array): void {
    this.outputs.forEach(({ core, compartment }, i) => {
      const { items, count } = core.fired;
      for (let k = 0; k < count; k++) if (items[k] === compartment) outputSpikes[i]++;
    });
  }

  /** Frame f is sent in step f + 1 and arrives in the next. */
  private inject(f: number): void {
    const { rowStart, channel, count } = this.frames!;
    if (f + 1 >= rowStart.length) return;
    const { cores, image: { contract } } = this;
    const counts = contract.mode === "counts";
    for (let k = rowStart[f]; k < rowStart[f + 1]; k++) {
      const repeats = counts ? count[k] : count[k] > 0 ? 1 : 0;
      for (let entry = contract.rowStart[channel[k]], end = contract.rowStart[channel[k] + 1]; entry < end; entry++) {
        const { nextArrivals } = cores[this.inputCore[entry]];
        for (let n = 0; n < repeats; n++) pushTo(nextArrivals, this.inputArrival[entry]);
      }
    }
  }

  /** y1 as the program left it at the end of an epoch. */
  private recordWrites(presentation: Presentation, r: number): void {
    const { epochSteps } = this.image.embedded.constants;
    const outputs = this.outputs.length;
    if (r % epochSteps !== 0) return;
    const row = (r / epochSteps - 1) * outputs;
    this.outputs.forEach(({ core, compartment }, i) => {
      presentation.y1[row + i] = core.learning === null ? 0 : core.learning.y[0][compartment];
    });
  }

  /** Ends the presentation and gives what it left behind. */
  finish(): PresentationTrace {
    const { presentation } = this;
    assert(presentation !== null, "simulator bug: no presentation to finish");
    this.presentation = null;
    this.frames = null;
    const { learn, label, u, v, y1, outputSpikes } = presentation;
    return {
      learn, label, spikes: this.recorder.spikes(), u, v, y1, weights: this.plasticWeights(), outputSpikes,
      decision: this.embedded.takeDecision(),
    };
  }

  plasticWeights(): Int16Array {
    const learning = this.cores.filter((core) => core.learning !== null);
    if (learning.length === 0) return new Int16Array(0);
    const layer = Math.max(...learning.map((core) => core.learning!.image.plasticLayer));
    const own = learning.filter((core) => core.learning!.image.plasticLayer === layer);
    const { inputs } = own[0].learning!.image;
    const weights = new Int16Array(this.image.contract.outputs * inputs);
    for (const { learning: state } of own) {
      const { columnStart, row, mantissa } = state!.plastic;
      for (let c = 0; c + 1 < columnStart.length; c++) {
        for (let s = columnStart[c]; s < columnStart[c + 1]; s++) {
          weights[state!.image.logicalOutput[c] * inputs + state!.logicalInput[row[s]]] = mantissa[s];
        }
      }
    }
    return weights;
  }

  private hashOfImage(): string {
    this.imageSha256 ??= sha256Hex(encodeImage(this.image));
    return this.imageSha256;
  }

  saveState(): Uint8Array {
    const presentation = this.presentation && { ...this.presentation, spikes: this.recorder.spikes() };
    return packState({
      time: this.time, counts: { ...this.counts }, cores: saveCores(this.cores), embedded: this.embedded.saveState(), presentation,
    }, this.hashOfImage());
  }

  restoreState(state: Uint8Array): void {
    const saved = unpackState(state, this.hashOfImage());
    restoreCores(this.cores, saved.cores);
    this.time = saved.time;
    Object.assign(this.counts, saved.counts);
    this.embedded.restoreState(saved.embedded);
    const presentation = saved.presentation as (Presentation & { spikes: { step: Uint16Array; neuron: Uint32Array }[] }) | null;
    this.presentation = null;
    this.recorder.clear();
    if (presentation === null) return;
    const { spikes, ...rest } = presentation;
    this.recorder.restore(spikes);
    this.presentation = rest;
  }

  async dispose(): Promise<void> {
    await this.embedded.dispose();
  }
}
