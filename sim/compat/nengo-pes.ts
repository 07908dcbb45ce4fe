/** Constants of a PES connection as nengo-loihi's emulator has it. */
export interface NengoPes {
  /** Impulse: whole part and fraction. */
  readonly tracingMag: number;
  readonly tracingTau: number;
  /** Steps between trace updates, and between weight updates. */
  readonly trainEpoch: number;
  readonly learnEpoch: number;
  readonly rateInt: number;
  readonly rateExp: number;
  /** log2 of the weight step: 1 in mixed mode at 8 bits. */
  readonly shiftBits: number;
  /** [pre][post] */
  readonly weights: readonly (readonly number[])[];
}

/** 7·2 + 3 − 15: bits that a product of two traces is shifted down (loihi-facts §3.6). */
const LEARN_OVERFLOW_BITS = 2;
const TRACE_MAX = 127;

/** nengo-loihi's emulation of PES learning (loihi-facts §3.4, §3.7), to reproduce its results with its random numbers: traces
 *  decay once an epoch, weights round their magnitude. Not the chip; `sim/learning` is. */
export class NengoPesLearning {
  readonly w: number[][];
  readonly trace: number[];
  private readonly spiked: boolean[];

  constructor(private readonly connection: NengoPes) {
    this.w = connection.weights.map((row) => [...row]);
    this.trace = connection.weights.map(() => 0);
    this.spiked = connection.weights.map(() => false);
  }

  /** Spikes of a step; only that there was one in the epoch counts. */
  receive(axons: readonly number[]): void {
    for (const axon of axons) this.spiked[axon] = true;
  }

  /** At the end of a trace epoch. @param random [pre] uniform in [0, 1): rounds up where below the fraction */
  updateTraces(random: readonly number[]): void {
    const { tracingMag, tracingTau, trainEpoch } = this.connection;
    const keep = Math.exp(-trainEpoch / tracingTau);
    this.trace.forEach((x, n) => {
      this.trace[n] = Math.min(TRACE_MAX, roundBy(x * keep + (this.spiked[n] ? tracingMag : 0), random[n]));
      this.spiked[n] = false;
    });
  }

  /** At the end of a learning epoch. @param errors [post], @param random [pre][post] */
  updateWeights(errors: readonly number[], random: readonly (readonly number[])[]): void {
    const { rateInt, rateExp, shiftBits } = this.connection;
    const scale = 2 ** (rateExp + 7 - LEARN_OVERFLOW_BITS);
    const step = 2 ** (7 + shiftBits);
    const limit = 2 ** (8 - shiftBits) - 1;
    this.w.forEach((row, pre) => row.forEach((w, post) => {
      const acc = w * 128 + Math.floor(this.trace[pre] * errors[post] * rateInt * scale);
      const units = Math.min(limit, roundBy(Math.abs(acc) / step, random[pre][post]));
      row[post] = Math.sign(acc) * units * 2 ** shiftBits + 0;
    }));
  }
}

function roundBy(value: number, random: number): number {
  const whole = Math.floor(value);
  return whole + (value - whole > random ? 1 : 0);
}
