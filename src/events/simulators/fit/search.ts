/** A number to fit: how to read it and write it, and how far to try at first. */
export interface FitParameter<M> {
  readonly name: string;
  readonly get: (model: M) => number;
  readonly set: (model: M, value: number) => M;
  /** First step; a factor's step (1 + step) where `scale` is "factor". */
  readonly step: number;
  readonly scale: "factor" | "plain";
  readonly least?: number;
  readonly most?: number;
}

/** Pattern search, one parameter at a time: a step is kept where the loss falls, grows by half when kept, and is halved
 *  where neither direction helps. Deterministic; slow but needs no derivative of a simulator that counts events. */
export function patternSearch<M>(
  start: M, parameters: readonly FitParameter<M>[], loss: (model: M) => number, sweeps: number, report: (line: string) => void,
): { model: M; loss: number } {
  let model = start;
  let best = loss(model);
  const steps = parameters.map((p) => p.step);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    parameters.forEach((p, k) => {
      const value = p.get(model);
      for (const sign of [1, -1]) {
        const raw = p.scale === "factor" ? value * (1 + steps[k]) ** sign : value + sign * steps[k];
        const tried = Math.max(p.least ?? -Infinity, Math.min(p.most ?? Infinity, raw));
        if (tried === value) continue;
        const candidate = p.set(model, tried);
        const found = loss(candidate);
        if (found < best) {
          [model, best] = [candidate, found];
          steps[k] *= 1.5 * sign;
          return;
        }
      }
      steps[k] /= 2;
    });
    report(`sweep ${sweep + 1}: loss ${best.toFixed(5)}`);
  }
  return { model, loss: best };
}
