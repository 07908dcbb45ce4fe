import type { CommandModule } from "yargs";
import { userError } from "../../base/errors.js";
import { readFileBytes } from "../../base/node/files.js";
import { formatDifference } from "../../parity/certificate.js";
import { compareRecords, incomparable } from "../../parity/compare-records.js";
import { decodeTrace } from "../../replay/trace-file.js";
import { jsonOption } from "../options.js";
import { type CommandResult, runHandler } from "../run.js";

interface DiffArgs {
  readonly a: string;
  readonly b: string;
  readonly json?: boolean;
}

/** Holds two traces against each other. Exit code 1 where they differ, as `diff` does.
 *  @throws UserError E-DIFF-001 where they are not traces of the same run */
export function diffTraces({ a, b }: DiffArgs): CommandResult {
  const [traceA, traceB] = [a, b].map((path) => decodeTrace(readFileBytes(path), path));
  const names = (t: typeof traceA) => t.layerNames.join(", ");
  const reason = names(traceA) === names(traceB)
    ? incomparable(traceA.presentations, traceB.presentations)
    : `layers ${names(traceA)} against ${names(traceB)}`;
  if (reason) {
    throw userError({
      code: "E-DIFF-001", at: `${a} and ${b}`, found: `not traces of the same run: ${reason}`,
      hint: "two traces of the same task, as replay --trace writes them",
    });
  }
  const { compared, differences, first } = compareRecords(traceA.presentations, traceB.presentations, traceA.layerNames);
  const what = `${compared.spikes.toLocaleString("en-US")} spikes, ${compared.weights.toLocaleString("en-US")} weights, ` +
    `${compared.presentations} presentations`;
  return {
    json: { differences, first, compared, sources: [traceA.source, traceB.source] },
    text: differences === 0
      ? `No difference: ${what}`
      : `${differences.toLocaleString("en-US")} ${differences === 1 ? "difference" : "differences"} in ${what}\nFirst: ${first ? formatDifference(first) : ""}`,
    failed: differences > 0,
  };
}

/** `diff A B`: first differing step, layer, neuron and quantity of two traces, and the events that led there. */
export const diffCommand: CommandModule = {
  command: "diff <a> <b>",
  describe: "compare two traces: first differing step, layer, neuron and value",
  builder: (yargs) => yargs
    .positional("a", { type: "string", demandOption: true, describe: "trace file" })
    .positional("b", { type: "string", demandOption: true, describe: "trace file" })
    .options(jsonOption)
    .example("$0 replay out/bundle --tasks 1 --trace chip.trace", "write what the simulated chip did, and what the engine predicts")
    .example("$0 diff chip.trace chip.trace.engine", "compare them"),
  handler: runHandler((args) => diffTraces(args as unknown as DiffArgs)) as CommandModule["handler"],
};
