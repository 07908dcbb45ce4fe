import type { CommandModule } from "yargs";
import { formatDifference } from "../../parity/certificate.js";
import { type DemoArgs, type DemoOutcome, runDemo } from "../demo.js";
import { engineOptions, jsonOption, seedOption } from "../options.js";
import { describeAccuracy } from "../replay-with-comparisons.js";
import { type CommandResult, runHandler } from "../run.js";

async function demo(args: DemoArgs): Promise<CommandResult> {
  const outcome = await runDemo(args, (line) => process.stderr.write(`${line}\n`));
  const { compared, certificate, report, seconds, engine, tasks, data, protocol } = outcome;
  const { differences, first, compared: counts } = compared.comparison;
  return {
    json: {
      seconds, engine, tasks, accuracy: compared.result.accuracy, floors: compared.floors, data, protocol, report,
      parity: { differences, spikes: counts.spikes, weights: counts.weights, first }, bundle: outcome.bundle, cores: outcome.cores,
      budget: outcome.budget,
    },
    text: describe(outcome, first ? formatDifference(first) : undefined),
    failed: certificate.verdict !== "equal",
  };
}

function describe({ compared, bundle, report, seconds, tasks, budget, pretrained }: DemoOutcome, first?: string): string {
  return [
    "",
    `A simulated Loihi chip, ${tasks.tested} tasks of 5 unseen two-digit classes, one real recording to learn each from` +
    `${pretrained ? " (pretrained checkpoint)" : budget === "quick" ? " (quick: little training, so expect less than the full demo)" : ""}:`,
    describeAccuracy(compared), ...(first ? [`  first difference: ${first}`] : []),
    "  (simulator, not silicon; accuracy ± 95 % over tasks)",
    "",
    `${seconds.toFixed(0)} s. Look at ${report}`,
    `Teach it a class of your own:  npx metaloihi teach ${bundle} --class NAME=FILE.bin -o taught`,
  ].join("\n");
}

/** `demo`. */
export const demoCommand: CommandModule = {
  command: "demo",
  describe: "the whole job in minutes: train, compile, learn unseen classes on the simulated chip, prove parity",
  builder: (yargs) => yargs
    .options({
      quick: { type: "boolean", describe: "under a minute: less training, fewer tasks" },
      pretrained: { type: "boolean", describe: "start from the checkpoint that ships with the package instead of training" },
      out: { type: "string", default: "runs/demo", describe: "folder for checkpoint, bundle and report" },
      data: { type: "string", describe: "N-MNIST folder or zip (default: the recordings that ship with the package)" },
      ...seedOption, ...engineOptions, ...jsonOption,
    })
    .example("$0 demo", "train from scratch, compile, replay, report")
    .example("$0 demo --quick --json", "for programs"),
  handler: runHandler((args) => demo(args as unknown as DemoArgs)) as CommandModule["handler"],
};
