import type { CommandModule } from "yargs";
import { estimate, type Alternative, type Estimate } from "../../../compiler/estimate.js";
import { DEFAULT_SYNAPSE_MARGIN } from "../../../compiler/pipeline.js";
import { COST_TABLES } from "../../../hw/energy.js";
import { BOARDS, type BoardName } from "../../../hw/limits.js";
import { nearestName, userError } from "../../base/errors.js";
import { altered, readCompilable } from "../compilable.js";
import { jsonOption } from "../options.js";
import { type CommandResult, runHandler } from "../run.js";

export interface EstimateArgs {
  readonly source: string;
  readonly bits?: number;
  readonly board?: string;
  readonly margin?: number;
  readonly json?: boolean;
}

/** What a network would need, and its alternatives. @throws UserError as readCompilable and compileNetwork; E-CLI-033 */
export function estimateCommandResult({ source, bits, board, margin }: EstimateArgs): CommandResult {
  if (board !== undefined && !Object.hasOwn(BOARDS, board)) {
    const near = nearestName(board, Object.keys(BOARDS));
    throw userError({
      code: "E-CLI-033",
      at: "--board",
      found: `"${board}"`,
      limit: Object.keys(BOARDS).join(", "),
      hint: near ? `"${near}"` : "leave it out",
    });
  }
  const { checkpoint } = altered(readCompilable(source), { bits });
  const needs = estimate(checkpoint.spec, { board: board as BoardName | undefined, synapseMargin: margin });
  return { json: { network: checkpoint.spec.name, ...needs }, text: estimateText(checkpoint.spec.name, needs) };
}

function estimateText(name: string, needs: Estimate): string {
  const models = Object.keys(COST_TABLES) as (keyof typeof COST_TABLES)[];
  return [
    `${name}: ${needs.cores} cores on ${needs.chips} ${needs.chips === 1 ? "chip" : "chips"}; worst core ${needs.worst.compartments} ` +
      `compartments, ${needs.worst.synapseWords} synapse words`,
    ...models.map(
      (model) =>
        `${COST_TABLES[model].name}: ${joule(needs.energyPerSampleJ[model])} a sample, ` +
        `${joule(needs.energyPerClassJ[model])} a class learned (dynamic), static ${joule(needs.staticPerSampleJ[model])}; ` +
        `${(needs.secondsPerSample[model] * 1000).toPrecision(3)} ms a sample; not known: ${needs.unknown[model].join(", ")}`,
    ),
    `assumed: ${needs.assumptions.join("; ")}`,
    "alternatives:",
    ...needs.alternatives.map(alternativeText),
  ].join("\n");
}

const joule = (j: number): string =>
  j < 1e-3 ? `${(j * 1e6).toPrecision(3)} µJ` : `${(j * 1e3).toPrecision(3)} mJ`;

function alternativeText({ change, cores, chips, energyPerSampleJ, refused }: Alternative): string {
  if (refused) return `  ${change}: no: ${refused.split("\n")[0]}`;
  const energy = energyPerSampleJ ? `, ${joule(energyPerSampleJ.sanafe)} a sample (SANA-FE)` : "";
  return `  ${change}: ${cores} cores on ${chips} ${chips === 1 ? "chip" : "chips"}${energy}`;
}

/** `estimate CONFIG_OR_CHECKPOINT`. */
export const estimateCommand: CommandModule = {
  command: "estimate <source>",
  describe: "cores, energy and time that a network would need, and what its alternatives would",
  builder: (yargs) =>
    yargs
      .positional("source", {
        type: "string",
        demandOption: true,
        describe: "configuration, preset, checkpoint or bundle",
      })
      .options({
        bits: { type: "number", describe: "weight bits of every layer" },
        board: { type: "string", describe: "board to fit" },
        margin: {
          type: "number",
          default: DEFAULT_SYNAPSE_MARGIN,
          describe: "share of each core's synapse memory that may be used",
        },
        ...jsonOption,
      })
      .example(
        "$0 estimate double-nmnist",
        "the paper's network: cores, joule and milliseconds by two public tables",
      )
      .example("$0 estimate config.json --bits 4 --board kapoho-bay --json", "a network of your own at 4 bits"),
  handler: runHandler((args) =>
    estimateCommandResult(args as unknown as EstimateArgs),
  ) as CommandModule["handler"],
};
