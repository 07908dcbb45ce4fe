import { userError } from "../base/errors.js";
import type { MetaStepResult, WrapReport } from "../engines/engine.js";
import type { NetworkSpec } from "../model/types.js";

/** A layer passes on less than one spike in this many neurons and steps: as good as silent. */
const SILENT_RATE = 1e-5;
/** Rates of that many steps are averaged before a layer is called silent. */
const SILENT_STEPS = 50;

/** Layers that rates of that number are of: all, or those with weights. */
const namesOf = ({ layers }: NetworkSpec, count: number): readonly string[] =>
  (count === layers.length ? layers : layers.filter((l) => l.kind !== "pool")).map((l) => l.name);

/** What to say of the hidden layers that pass on next to nothing. @param rates [layer] as engines report them */
export function silentLayers(spec: NetworkSpec, rates: readonly number[]): readonly { readonly name: string; readonly message: string }[] {
  const names = namesOf(spec, rates.length);
  return rates.slice(0, -1).flatMap((rate, k) => (rate > SILENT_RATE ? [] : [{
    name: names[k], message: `layer "${names[k]}" is silent (rate ${rate.toPrecision(2)}): lower its threshold or its learning rate`,
  }]));
}

/** Watches spike rates and gradients, so that a dead or broken layer is named while it can still be helped. */
export class RateWatch {
  private sums: number[] = [];
  private steps = 0;
  private readonly told = new Set<string>();
  private readonly row = { sums: [] as number[], steps: 0 };

  constructor(private readonly spec: NetworkSpec, private readonly warn?: (message: string) => void) {}

  private describe(rates: readonly number[]): string {
    return `spike rates: ${namesOf(this.spec, rates.length).map((name, k) => `${name} ${rates[k].toPrecision(2)}`).join(", ")}`;
  }

  /** @throws UserError E-TRAIN-002 where the loss or a gradient of task `number` is not finite */
  checkFinite(number: number, { loss, gradients, spikeRates }: MetaStepResult): void {
    const broken = Object.entries(gradients).find(([, g]) => !g.every(Number.isFinite))?.[0];
    if (Number.isFinite(loss) && broken === undefined) return;
    const where = broken === undefined ? `the loss of task ${number}` : `layer "${broken.replace(/\.(weight|bias)$/, "")}", gradient of ${broken} in task ${number}`;
    throw userError({
      code: "E-TRAIN-002", at: where, found: `not finite (loss ${loss}); ${this.describe(spikeRates)}`,
      hint: "a lower training.learningRate, or a lower training.inner.rate",
    });
  }

  /** Warns once of every layer whose sums wrap around in the task `number`. */
  seeWraps(number: number, wraps: readonly WrapReport[]): void {
    for (const { layer, quantity } of wraps) {
      if (this.told.has(`wrap ${layer}`)) continue;
      this.told.add(`wrap ${layer}`);
      this.warn?.(`layer "${layer}": ${quantity} wraps around in task ${number}; training goes on as the chip would, the strict simulator would stop`);
    }
  }

  /** Adds the rates of one step; warns once of every hidden layer that has gone silent, with its rate. */
  see(rates: readonly number[]): void {
    rates.forEach((rate, k) => {
      this.sums[k] = (this.sums[k] ?? 0) + rate;
      this.row.sums[k] = (this.row.sums[k] ?? 0) + rate;
    });
    this.row.steps++;
    if (++this.steps % SILENT_STEPS !== 0) return;
    for (const { name, message } of silentLayers(this.spec, this.sums.map((sum) => sum / SILENT_STEPS))) {
      if (this.told.has(name)) continue;
      this.told.add(name);
      this.warn?.(message);
    }
    this.sums = [];
  }

  /** Mean rate of each layer since the last call, by name. */
  take(): Readonly<Record<string, number>> {
    const { sums, steps } = this.row;
    const names = namesOf(this.spec, sums.length);
    const means = Object.fromEntries(sums.map((sum, k) => [names[k], sum / steps]));
    [this.row.sums, this.row.steps] = [[], 0];
    return means;
  }
}
