import type { CommandModule } from "yargs";
import { z } from "zod";
import { parseLifParityCase } from "../../interop/cases/lif-parity.js";
import { parseSoelChipCase } from "../../interop/cases/soel-chip-parse.js";
import { userError } from "../../base/errors.js";
import { readFileText, writeWhole } from "../../base/node/files.js";
import { runLifParityCase } from "../cases/run-lif-parity.js";
import { runSoelChipCase } from "../cases/run-soel-chip.js";
import { jsonOption } from "../options.js";
import { type CommandResult, runHandler } from "../run.js";

interface SimulateArgs {
  readonly case: string;
  readonly output: string;
  readonly json?: boolean;
}

const FORMATS = ["lif-parity-1", "soel-chip-1"] as const;
const FORMAT_LIMIT = `"format": ${FORMATS.join(" or ")}`;
const HEAD = z.looseObject({ format: z.enum(FORMATS), cases: z.array(z.unknown()).optional() });

/** Runs every case of a file on the simulated chip and writes the same file with the answers computed.
 *  @throws UserError E-CASE-001 (not such a file), E-CASE-002, E-CASE-003 (beyond the chip), E-FILE-010 */
export async function simulateFile({ case: path, output }: SimulateArgs): Promise<CommandResult> {
  const file = parseJson(path);
  const head = HEAD.safeParse(file);
  if (!head.success) {
    throw userError({ code: "E-CASE-001", at: path, found: "no case file", limit: FORMAT_LIMIT });
  }
  const { format, cases } = head.data;
  const runOne = format === "lif-parity-1"
    ? async (given: unknown) => runLifParityCase(parseLifParityCase(given))
    : async (given: unknown) => runSoelChipCase(parseSoelChipCase(given));
  const answers: { wraps: number; answer: object }[] = [];
  for (const given of cases ?? [file]) {
    const answer = await runOne(given);
    answers.push({ answer, wraps: countWraps(answer) });
  }
  const result = cases === undefined ? answers[0].answer : { ...head.data, cases: answers.map(({ answer }) => answer) };
  writeWhole(output, `${JSON.stringify(result)}\n`);
  const wraps = answers.reduce((sum, answer) => sum + answer.wraps, 0);
  return {
    json: { format, cases: answers.length, wraps, output },
    text: `${answers.length} ${answers.length === 1 ? "case" : "cases"} of ${format} simulated, ${wraps} wraps let pass: ${output}`,
  };
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readFileText(path));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw userError({ code: "E-CASE-001", at: path, found: `not JSON (${error.message})`, limit: FORMAT_LIMIT });
  }
}

const countWraps = (answer: { wraps?: readonly unknown[]; presentations?: readonly { [key: string]: unknown }[] }): number =>
  (answer.wraps?.length ?? 0) +
  (answer.presentations ?? []).reduce((sum, { wraps }) => sum + (Array.isArray(wraps) ? wraps.length : 0), 0);

/** `simulate CASE.json -o OUT.json` */
export const simulateCommand: CommandModule = {
  command: "simulate <case>",
  describe: "run the cases of a neutral test file on the simulated chip",
  builder: (yargs) => yargs
    .positional("case", { type: "string", demandOption: true, describe: "file of format lif-parity-1 (neurons and synapses) or soel-chip-1 (a plastic layer)" })
    .option("output", { alias: "o", type: "string", demandOption: true, describe: "file to write: the same, with every answer computed" })
    .options(jsonOption)
    .example("$0 simulate case.json -o answers.json", "compute u, v and spikes of a LIF case"),
  handler: runHandler((args) => simulateFile(args as unknown as SimulateArgs)) as CommandModule["handler"],
};
