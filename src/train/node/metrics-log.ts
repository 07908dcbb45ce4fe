import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../base/node/files.js";
import { scalarEvent, versionEvent } from "../tensorboard.js";

/** Metrics of a run as JSON lines (`metrics.jsonl`) and as a TensorBoard event file in the same folder. */
export class MetricsLog {
  private readonly jsonPath: string;
  private readonly eventPath: string;

  /** @param resumed  keep what is there: rows go on behind it */
  constructor(folder: string, resumed: boolean) {
    this.jsonPath = join(folder, "metrics.jsonl");
    const seconds = Math.floor(Date.now() / 1000);
    this.eventPath = join(folder, `events.out.tfevents.${seconds}.metaloihi`);
    if (!resumed) writeWhole(this.jsonPath, "");
    writeFileSync(this.eventPath, versionEvent(seconds));
  }

  /** Adds a row; `tasks` is the step. */
  add(row: { readonly tasks: number } & Readonly<Record<string, number>>): void {
    appendFileSync(this.jsonPath, `${JSON.stringify(row)}\n`);
    const { tasks, ...scalars } = row;
    appendFileSync(this.eventPath, scalarEvent(Date.now() / 1000, tasks, scalars));
  }
}
