import type { EmbeddedProgramImage } from "../../../hw/image.js";
import type { EmbeddedCore, NeuroCoreAccess } from "../../../sim/embedded/embedded-core.js";

/** Format `soel-chip-1` (golden/README.md), as far as the embedded program sees it. */
export interface SoelCase {
  readonly name: string;
  readonly K: number; readonly S: number; readonly W: number; readonly tepoch: number; readonly k: number;
  readonly gamma: number; readonly theta: number; readonly hi: number; readonly lo: number;
  readonly assigned: string;
  readonly presentations: readonly {
    readonly learn: number; readonly label: number; readonly u: readonly number[]; readonly spikes: string;
    readonly y1: readonly number[]; readonly decision: number;
  }[];
}

/** What a program did in one presentation: every write, in order, and its decision. */
export interface Run {
  readonly writes: { readonly t: number; readonly output: number; readonly y1: number }[];
  readonly decision: number;
  readonly resets: number;
}

/** Output i of a test program lies on chip i % 2, core 3 + i, compartment 1000 − 3i: no two alike, none at 0. */
export const testOutputs = (count: number): EmbeddedProgramImage["outputs"] =>
  Array.from({ length: count }, (_, i) => ({ chip: i % 2, core: 3 + (i % 120), compartment: 1000 - 3 * i }));

export const programOf = (c: SoelCase): Omit<EmbeddedProgramImage, "source" | "elf"> => ({
  chip: 0,
  form: "chip",
  constants: {
    ways: c.K, presentationSteps: c.S, windowSteps: c.W, epochSteps: c.tepoch * 2 ** c.k, gamma: c.gamma, theta: c.theta,
    hi: c.hi, lo: c.lo,
  },
  outputs: testOutputs(c.K),
});

/** Neuro cores that replay recorded spikes and u, and note what the program does to them. Spike counters are a step
 *  late, as on the chip. */
export class ScriptedCores implements NeuroCoreAccess {
  time = 0;
  r = 0;
  writes: Run["writes"] = [];
  resets = 0;
  spikes: ArrayLike<number> = [];
  u: ArrayLike<number> = [];
  private readonly outputs: EmbeddedProgramImage["outputs"];
  private readonly count: Int32Array;

  constructor(outputs: EmbeddedProgramImage["outputs"]) {
    this.outputs = outputs;
    this.count = new Int32Array(outputs.length);
  }

  /** Next step: the spikes of the step before become countable. */
  step(): void {
    const K = this.outputs.length;
    for (let i = 0; i < K; i++) if (this.r > 0) this.count[i] += this.spikes[(this.r - 1) * K + i];
    this.time++;
    this.r++;
  }

  readAndClearSpikeCount(chip: number, core: number, compartment: number): number {
    const i = this.outputAt(chip, core, compartment);
    const count = this.count[i];
    this.count[i] = 0;
    return count;
  }

  readU(chip: number, core: number, compartment: number): number {
    return this.u[(this.r - 1) * this.outputs.length + this.outputAt(chip, core, compartment)];
  }

  readV(): number {
    throw new Error("no program of ours reads v");
  }

  writePostTrace(chip: number, core: number, compartment: number, y1: number): void {
    this.writes.push({ t: this.time, output: this.outputAt(chip, core, compartment), y1 });
  }

  resetState(): void {
    this.resets++;
    this.count.fill(0);
    this.r = 0;
  }

  private outputAt(chip: number, core: number, compartment: number): number {
    const i = this.outputs.findIndex((o) => o.chip === chip && o.core === core && o.compartment === compartment);
    if (i < 0) throw new Error(`no output at chip ${chip}, core ${core}, compartment ${compartment}`);
    return i;
  }
}

export interface Presentation {
  readonly learn: boolean;
  readonly label: number;
  readonly assigned: Uint8Array;
  /** [S, outputs] */
  readonly spikes: ArrayLike<number>;
  readonly u: ArrayLike<number>;
}

export const presentationsOf = (c: SoelCase): Presentation[] => c.presentations.map((p) => ({
  learn: p.learn === 1, label: p.label, assigned: Uint8Array.from(c.assigned, Number),
  spikes: Uint8Array.from(p.spikes, Number), u: p.u,
}));

/** Runs presentations one after another; `between` is called with (presentation, r) after every step. */
export async function runProgram(
  core: EmbeddedCore, cores: ScriptedCores, S: number, presentations: readonly Presentation[],
): Promise<Run[]> {
  const runs: Run[] = [];
  for (const p of presentations) {
    Object.assign(cores, { spikes: p.spikes, u: p.u, writes: [], resets: 0 });
    await core.beginPresentation({ learn: p.learn, label: p.label, assigned: p.assigned });
    for (let r = 1; r <= S; r++) {
      cores.step();
      await core.preLearning(cores.time, r);
      await core.management(cores.time, r);
    }
    runs.push({ writes: cores.writes, decision: core.takeDecision(), resets: cores.resets });
  }
  return runs;
}
