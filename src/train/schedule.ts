/** Lowest rate of the `cyclic` schedule relative to its highest: 4e-5 of 2e-3. Source: design §5. */
const CYCLIC_FLOOR = 0.02;

/** Factor on the learning rate at step `step` (from 0) of `total`. `cosine` falls to 0 over the run; `cyclic` is what the
 *  authors ran: a cosine between 1 and 0.02 with period 2·epochTasks. Source: design §5. */
export function rateFactor(schedule: "cosine" | "cyclic", step: number, total: number, epochTasks: number): number {
  if (schedule === "cosine") return 0.5 * (1 + Math.cos((Math.PI * step) / total));
  const wave = 0.5 * (1 + Math.cos((Math.PI * step) / epochTasks));
  return CYCLIC_FLOOR + (1 - CYCLIC_FLOOR) * wave;
}
