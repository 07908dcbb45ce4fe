import type { CommandModule } from "yargs";
import { advisoryText, advisoryUse, worstUse } from "../../../compiler/core-use.js";
import { estimatePlaced } from "../../../compiler/estimate.js";
import { compileNetwork, DEFAULT_SYNAPSE_MARGIN } from "../../../compiler/pipeline.js";
import type { BoardName } from "../../../hw/limits.js";
import { UserError } from "../../base/errors.js";
import { writeBundle } from "../bundle.js";
import { altered, readCompilable } from "../compilable.js";
import { compiledParts } from "../compiled-parts.js";
import { jsonOption } from "../options.js";
import { type CommandResult, runHandler } from "../run.js";

export interface CompileArgs {
  readonly source: string;
  readonly out: string;
  readonly bits?: number;
  readonly board?: string;
  readonly margin?: number;
  readonly seed?: number;
  readonly json?: boolean;
}

/** Compiles and writes the bundle, whole or not at all.
 *  @throws UserError as readCompilable, compileNetwork and writeBundle */
export function compile(args: CompileArgs): CommandResult {
  const start = performance.now();
  const { checkpoint, bytes, untrained } = altered(readCompilable(args.source), {
    bits: args.bits,
    chipSeed: args.seed,
  });
  const board = args.board as BoardName | undefined;
  const compilation = compileNetwork(checkpoint.quantized, checkpoint.geometry, {
    board,
    chipSeed: checkpoint.chipSeed,
    synapseMargin: args.margin,
  });
  const needs = estimatePlaced(compilation.placed);
  const replaced = writeBundle(args.out, compiledParts(compilation, needs, bytes));
  const { image, passes, warnings } = compilation;
  const seconds = Object.fromEntries(passes.map(({ name, milliseconds }) => [name, milliseconds / 1000]));
  const resources = worstUse(image.cores);
  const advisory = advisoryUse(image.cores);
  const total = (performance.now() - start) / 1000;
  for (const warning of warnings) process.stderr.write(`warning: ${new UserError([warning]).message}\n`);
  return {
    json: {
      bundle: args.out,
      replaced,
      cores: image.cores.length,
      chips: image.chips,
      board: image.board,
      resources,
      advisory,
      seconds: { ...seconds, total },
      warnings,
      untrained,
    },
    text: [
      `${args.out}: ${image.cores.length} cores on ${image.chips} ${image.chips === 1 ? "chip" : "chips"} of ${image.board}, ${total.toFixed(1)} s`,
      ...Object.entries(resources).map(
        ([kind, { worst, limit }]) => `  worst core: ${kind} ${worst} of ${limit}`,
      ),
      `  ${advisoryText(advisory)}`,
      ...(replaced ? ["the bundle that was there is replaced"] : []),
      ...(untrained ? ["start weights: nothing is trained yet"] : []),
    ].join("\n"),
  };
}

/** `compile CHECKPOINT_OR_CONFIG -o BUNDLE`. */
export const compileCommand: CommandModule = {
  command: "compile <source>",
  describe: "compile a network for the chip: cores, microcode, embedded program, in one bundle",
  builder: (yargs) =>
    yargs
      .positional("source", {
        type: "string",
        demandOption: true,
        describe: "checkpoint, bundle, or configuration or preset (compiled with start weights)",
      })
      .options({
        out: { alias: "o", type: "string", demandOption: true, describe: "folder of the bundle; a bundle that is there is replaced" },
        bits: { type: "number", describe: "weight bits of every layer, rounded anew from the master weights" },
        board: { type: "string", describe: "board to fit (default: the smallest that does)" },
        margin: {
          type: "number",
          default: DEFAULT_SYNAPSE_MARGIN,
          describe: "share of each core's synapse memory that may be used",
        },
        seed: { type: "number", describe: "seed of the chip's generator (default: the checkpoint's)" },
        ...jsonOption,
      })
      .example("$0 compile out/checkpoint.mlh -o out/bundle", "compile a trained network")
      .example(
        "$0 compile double-nmnist -o out/paper --margin 1",
        "the paper's network with start weights, on as few cores as can be",
      ),
  handler: runHandler((args) => compile(args as unknown as CompileArgs)) as CommandModule["handler"],
};
