import type { CommandModule } from "yargs";
import { readFileText } from "../../base/node/files.js";
import { gradcheck } from "../../engines/cases/gradcheck.js";
import type { EngineName } from "../../engines/create.js";
import { createEngine } from "../../engines/create.js";
import { createReferenceEngine } from "../../engines/reference/reference-engine.js";
import { engineOptions, jsonOption } from "../options.js";
import { type CommandResult, type CommonArgs, runHandler } from "../run.js";

interface GradcheckArgs extends CommonArgs {
  readonly case: string;
  readonly engine?: EngineName;
  readonly threads?: number;
}

/** Runs a case on an engine and says how far loss, integers and gradients are from the file's. */
export async function checkGradients(args: GradcheckArgs): Promise<CommandResult> {
  const report = await gradcheck(readFileText(args.case), args.case, async (spec) =>
    args.engine === "reference" ? createReferenceEngine(spec) : (await createEngine(spec, args)).engine,
  );
  const { integers, tensors, bound, verdict } = report;
  const width = Math.max(...Object.keys(tensors).map((name) => name.length));
  const text = [
    `${args.case}: format ${report.format}, engine ${report.engine}${report.runsOn ? ` (${report.runsOn})` : ""}`,
    `loss      ${report.loss} (relative difference ${report.lossDifference.toExponential(1)})`,
    `integers  ${integers.differences} of ${integers.compared} differ${integers.first ? `, first: ${integers.first}` : ""}`,
    "gradients, largest difference relative to the largest entry:",
    ...Object.entries(tensors).map(
      ([name, d]) => `  ${name.padEnd(width)}  ${d.toExponential(1)}${d <= bound ? "" : "  out of bound"}`,
    ),
    `bound     ${bound.toExponential(1)}`,
    `verdict   ${verdict}`,
  ].join("\n");
  return { json: report, text, failed: verdict === "differs" };
}

/** `gradcheck CASE.json --engine E`: an engine against a case that somebody else computed. */
export const gradcheckCommand: CommandModule = {
  command: "gradcheck <case>",
  describe: "hold an engine's loss, integers and gradients against a case file",
  builder: (yargs) =>
    yargs
      .positional("case", {
        type: "string",
        demandOption: true,
        describe: "file in format maml-soel-1 or of maml_torch_small.json",
      })
      .options({ ...engineOptions, ...jsonOption })
      .example(
        "$0 gradcheck maml_loihi_soel_small.json --engine reference",
        "every integer, and gradients in float64",
      )
      .example(
        "$0 gradcheck maml_torch_small.json --engine native --json",
        "second and first order, for programs",
      ),
  handler: runHandler((args) => checkGradients(args as unknown as GradcheckArgs)) as CommandModule["handler"],
};
