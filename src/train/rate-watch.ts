import { userError } from "../base/errors.js";
import type { MetaStepResult } from "../engines/engine.js";
import type { NetworkSpec } from "../model/types.js";

/** A layer passes on less than one spike in this many neurons and steps: as good as silent. */
const SILENT_RATE = 1e-5;
/** Rates of that many steps are averaged before a layer is called silent. */
const SILENT_STEPS = 50;

/** Watches spike rates and gradients, so that a dead or broken layer is named while it can still be helped. */
export class RateWatch {
  private sums: number[] = [];
  private steps = 0;
  private readonly told = new Set<string>();
  private readonly row = { sums: [] as number[], steps: 0 };

  constructor(private readonly spec: NetworkSpec, private readonly warn?: (message: string) => void) {}

  /** Layers that the rates are of: all, or those with weights. */
  private names(count: number): readonly string[] {
    const { layers } = this.spec;
    return (count === layers.length ? layers : layers.filter((l) => l.kind !== "pool")).map((l) => l.name);
  }

  private describe(rates: readonly number[]): string {
    return `spike rates: ${this.names(rates.length).map((name, k) => `${name} ${rates[k].toPrecision(2)}`).join(", ")}`;
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

  /** Adds the rates of one step; warns once of every hidden layer that has gone silent, with its rate. */
  see(rates: readonly number[]): void {
    rates.forEach((rate, k) => {
      this.sums[k] = (this.sums[k] ?? 0) + rate;
      this.row.sums[k] = (this.row.sums[k] ?? 0) + rate;
    });
    this.row.steps++;
    if (++this.steps % SILENT_STEPS !== 0) return;
    const names = this.names(rates.length);
    this.sums.forEach((sum, k) => {
      if (k === rates.length - 1 || sum / SILENT_STEPS > SILENT_RATE || this.told.has(names[k])) return;
      this.told.add(names[k]);
      this.warn?.(`layer "${names[k]}" is silent (rate ${(sum / SILENT_STEPS).toPrecision(2)}): lower its threshold or its learning rate`);
    });
    this.sums = [];
  }

  /** Mean rate of each layer since the last call, by name. */
  take(): Readonly<Record<string, number>> {
    const { sums, steps } = this.row;
    const names = this.names(sums.length);
    const means = Object.fromEntries(sums.map((sum, k) => [names[k], sum / steps]));
    [this.row.sums, this.row.steps] = [[], 0];
    return means;
  }
}
