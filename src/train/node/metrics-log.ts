import { appendFileSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../base/node/files.js";
import { scalarEvent, versionEvent } from "../tensorboard.js";

const EVENT_FILE = /^events\.out\.tfevents\.\d+\.metaloihi$/;

/** Metrics of a run as JSON lines (`metrics.jsonl`) and as a TensorBoard event file in the same folder. */
export class MetricsLog {
  private readonly jsonPath: string;
  private readonly eventPath: string;

  /** @param resumed  keep what is there: rows go on behind it */
  constructor(folder: string, resumed: boolean) {
    this.jsonPath = join(folder, "metrics.jsonl");
    if (!resumed) {
      writeWhole(this.jsonPath, "");
      // TensorBoard reads all event files of a folder as one run.
      for (const name of readdirSync(folder)) if (EVENT_FILE.test(name)) rmSync(join(folder, name));
    }
    let seconds = Math.floor(Date.now() / 1000);
    const pathAt = (): string => join(folder, `events.out.tfevents.${seconds}.metaloihi`);
    // A run that goes on within the second in which it stopped must not write over its own file.
    while (existsSync(pathAt())) seconds++;
    this.eventPath = pathAt();
    writeFileSync(this.eventPath, versionEvent(seconds));
  }

  /** Adds a row; `tasks` is the step. */
  add(row: { readonly tasks: number } & Readonly<Record<string, number>>): void {
    appendFileSync(this.jsonPath, `${JSON.stringify(row)}\n`);
    const { tasks, ...scalars } = row;
    appendFileSync(this.eventPath, scalarEvent(Date.now() / 1000, tasks, scalars));
  }
}
