import type { CommandModule } from "yargs";
import type { SpikeTensor } from "../../events/types.js";
import type { Split } from "../../tasks/index.js";
import { checkCount } from "../check-count.js";
import { preparedSource, readConfig } from "../config-source.js";
import { cacheOption } from "../data-place.js";
import { jsonOption } from "../options.js";
import { type CommandResult, type CommonArgs, runHandler } from "../run.js";

export interface DataTasksArgs extends CommonArgs {
  readonly config: string;
  readonly tasks: number;
  readonly split: Split;
  readonly data?: string;
  /** Folder of recordings made ready; false keeps none. */
  readonly cache?: string | false;
  readonly seed?: number;
}

const eventsOf = ({ count }: SpikeTensor): number => Array.from(count).reduce((sum, n) => sum + n, 0);

/** Shows what tasks look like, without augmentation: classes, recordings, events of each sample, order of presentation.
 *  @throws UserError E-CFG-…, E-DATA-…, E-TASK-… */
export async function showTasks(args: DataTasksArgs): Promise<CommandResult> {
  checkCount("--tasks", args.tasks);
  const { resolved, source } = await preparedSource(readConfig(args.config, { seed: args.seed }), args.data, args);
  const { config, spec } = resolved;
  const { ways, shots, testQueries } = config.data;
  const options = { seed: config.seed, ways, shots, queriesPerClass: testQueries, passes: spec.soel?.passes ?? 1 };
  const tasks = Array.from({ length: args.tasks }, (_, n) => {
    const task = source.draw(args.split, n, options);
    const sampleOf = (label: number, sample: SpikeTensor, recordings: readonly string[]) =>
      ({ class: task.classNames[label], events: eventsOf(sample), recordings });
    return {
      number: n, classes: task.classNames, order: task.presentation,
      support: task.support.map((s, k) => sampleOf(task.supportLabels[k], s, task.supportRecordings[k])),
      query: task.query.map((s, k) => sampleOf(task.queryLabels[k], s, task.queryRecordings[k])),
    };
  });
  const text = tasks.flatMap((task) => [
    `task ${task.number}: ${task.classes.join(", ")}; shown in the order ${task.order.join(" ")}`,
    ...task.support.map((s, k) => `  support ${k}  ${s.class}  ${s.events} events  ${s.recordings.join(" + ")}`),
    `  ${task.query.length} queries, ${Math.min(...task.query.map((q) => q.events))} to ${Math.max(...task.query.map((q) => q.events))} events`,
  ]);
  return {
    json: { source: source.name, data: source.data, protocol: source.protocol, split: args.split, shape: source.shape, timestepUs: source.timestepUs, tasks },
    text: [`${source.name}, ${source.data} recordings, protocol ${source.protocol}, split "${args.split}", samples of [${source.shape.join(", ")}]`, ...text].join("\n"),
  };
}

/** `data tasks CONFIG`. */
export const dataTasksCommand: CommandModule<object, DataTasksArgs> = {
  command: "tasks <config>",
  describe: "what the tasks of a configuration look like",
  builder: (yargs) => yargs
    .positional("config", { type: "string", demandOption: true, describe: "configuration (JSON), or the name of a preset" })
    .options({
      tasks: { type: "number", default: 3, describe: "how many" },
      split: { choices: ["train", "validation", "test"] as const, default: "train" as const, describe: "which classes" },
      data: { type: "string", describe: "recordings (default: those that ship with the package)" },
      seed: { type: "number", describe: "seed of the draw (default: the configuration's)" },
      ...cacheOption, ...jsonOption,
    })
    .example("$0 data tasks double-nmnist --tasks 1", "one task") as never,
  handler: runHandler(showTasks) as never,
};
