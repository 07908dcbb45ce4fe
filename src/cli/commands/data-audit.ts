import type { CommandModule } from "yargs";
import { auditSource, type AuditReport } from "../../tasks/index.js";
import { checkCount } from "../check-count.js";
import { preparedSource, readConfig } from "../config-source.js";
import { cacheOption } from "../data-place.js";
import { jsonOption } from "../options.js";
import { type CommandResult, type CommonArgs, runHandler } from "../run.js";

export interface DataAuditArgs extends CommonArgs {
  readonly config: string;
  readonly tasks: number;
  readonly data?: string;
  /** Folder of recordings made ready; false keeps none. */
  readonly cache?: string | false;
  readonly seed?: number;
}

/** Draws tasks of every split and says which recordings stand on two sides. A leak is a finding, not a failure: protocol
 *  A has one by definition. @throws UserError E-CFG-…, E-DATA-…, E-TASK-… */
export async function auditData(args: DataAuditArgs): Promise<CommandResult> {
  checkCount("--tasks", args.tasks);
  const { resolved, source } = await preparedSource(readConfig(args.config, { seed: args.seed }), args.data, args);
  const { ways, shots, testQueries } = resolved.config.data;
  const audit = auditSource(source, args.tasks, { seed: resolved.config.seed, ways, shots, queriesPerClass: testQueries, passes: 1 });
  const clean = audit.sharedBetweenSplits.length === 0 && audit.sharedClasses.length === 0 &&
    Object.values(audit.supportInQuery).every((n) => n === 0);
  return { json: { source: source.name, data: source.data, ...audit, clean }, text: describeAudit(source.name, audit, clean) };
}

function describeAudit(name: string, audit: AuditReport, clean: boolean): string {
  const { recordings, supportInQuery } = audit;
  const splits = ["train", "validation", "test"] as const;
  return [
    `${name}, protocol ${audit.protocol}: ${audit.tasks} tasks of each split`,
    ...splits.map((split) => `  ${split.padEnd(10)} ${recordings[split]} recordings drawn; a recording in both support and query in ${supportInQuery[split]} tasks`),
    ...audit.sharedBetweenSplits.map((shared) => `  ${shared.splits} share ${shared.recordings.length} recordings: ${shared.recordings.slice(0, 5).join(", ")}${shared.recordings.length > 5 ? ", …" : ""}`),
    ...(audit.sharedClasses.length > 0 ? [`  classes in two splits: ${audit.sharedClasses.join(", ")}`] : []),
    clean ? "No leak was drawn." : "There is a leak: accuracies from these tasks are too good.",
  ].join("\n");
}

/** `data audit CONFIG`. */
export const dataAuditCommand: CommandModule<object, DataAuditArgs> = {
  command: "audit <config>",
  describe: "which recordings and classes appear on both sides, and in which splits",
  builder: (yargs) => yargs
    .positional("config", { type: "string", demandOption: true, describe: "configuration (JSON), or the name of a preset" })
    .options({
      tasks: { type: "number", default: 100, describe: "tasks drawn of each split" },
      data: { type: "string", describe: "recordings (default: those that ship with the package)" },
      seed: { type: "number", describe: "seed of the draw (default: the configuration's)" },
      ...cacheOption, ...jsonOption,
    })
    .example("$0 data audit double-nmnist --tasks 200", "look for leaks") as never,
  handler: runHandler(auditData) as never,
};
