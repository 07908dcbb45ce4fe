import { userError } from "../../src/base/errors.js";
import type { EmbeddedProgramImage, OutputSymbol } from "../image.js";
import { RANGE, TRACE_MAX, Y1_NEUTRAL } from "../limits.js";
import type { ConstantName } from "./program-tree.js";
import type { ProgramForm } from "./soel-program.js";

/** Outputs that the constant table has room for. */
export const MAX_OUTPUTS = 256;
/** First word of the table: "SOEL" in ASCII. The second is its version. */
export const TABLE_MAGIC = 0x4c454f53;
/** Raised with every change of the table. */
export const TABLE_VERSION = 1;
/** Symbol of the table in the ELF and in the C. */
export const TABLE_SYMBOL = "soel_constants";

/** Fields of the table behind magic and version, in order; each is one signed 32-bit word, little-endian. */
export const TABLE_FIELDS: readonly { readonly name: ConstantName; readonly meaning: string }[] = [
  { name: "outputCount", meaning: "outputs, with or without a class" },
  { name: "presentationSteps", meaning: "S, steps of a presentation" },
  { name: "windowSteps", meaning: "W, steps between errors, a multiple of E0" },
  { name: "epochSteps", meaning: "E0, steps between learning epochs" },
  { name: "gamma", meaning: "gain of the error" },
  { name: "theta", meaning: "what an error must reach to count" },
  { name: "hi", meaning: "spikes wanted of the target in a window" },
  { name: "lo", meaning: "spikes wanted of the others" },
  { name: "neutral", meaning: "y1 that means no error" },
  { name: "errorMax", meaning: "largest |e|" },
];

/** Words of an output's address: chip, core, compartment. */
const OUTPUT_WORDS = 3;
const TABLE_HEADER_WORDS = 2 + TABLE_FIELDS.length;
/** Words of the whole table. */
export const TABLE_WORDS = TABLE_HEADER_WORDS + OUTPUT_WORDS * MAX_OUTPUTS;

/** y1 without error of the authors' form. Source: design §6. */
const AUTHORS_NEUTRAL = 20;

/** Every named constant of a program. */
export type ConstantValues = Readonly<Record<ConstantName, number>>;

/** What the table is made of. */
export type ProgramConstants = Pick<EmbeddedProgramImage, "form" | "constants" | "outputs">;

/** Values of the named constants for a program.
 *  @throws E-PROG-001 where a constant is out of range, E-PROG-002 where there are more than MAX_OUTPUTS outputs */
export function constantValues(program: ProgramConstants): ConstantValues {
  const { constants: c, outputs, form } = program;
  if (outputs.length > MAX_OUTPUTS) {
    throw userError({
      code: "E-PROG-002", at: "outputs of the last layer", found: `${outputs.length}`,
      limit: `${MAX_OUTPUTS} (hw/embedded/constants.ts)`, hint: "use fewer classes",
    });
  }
  checkConstants(form, c);
  const neutral = form === "authors-chip" ? AUTHORS_NEUTRAL : Y1_NEUTRAL;
  return {
    outputCount: outputs.length, presentationSteps: c.presentationSteps, windowSteps: c.windowSteps,
    epochSteps: c.epochSteps, gamma: c.gamma, theta: c.theta, hi: c.hi, lo: c.lo, neutral,
    errorMax: Math.min(neutral, TRACE_MAX - neutral),
  };
}

function checkConstants(form: ProgramForm, c: EmbeddedProgramImage["constants"]): void {
  const check = (name: string, value: number, low: number, high: number): void => {
    if (Number.isInteger(value) && value >= low && value <= high) return;
    throw userError({
      code: "E-PROG-001", at: `constant ${name} of the embedded program`, found: `${value}`,
      limit: `an integer ${low}…${high}`,
      hint: "set it within that range in the config's soel section",
    });
  };
  const stepsMax = 2 ** 20;
  const countMax = 2 ** 15;
  check("presentationSteps", c.presentationSteps, 1, stepsMax);
  if (form === "readout") return;
  check("epochSteps", c.epochSteps, 1, RANGE.tepoch[1] * 2 ** RANGE.epochExp[1]);
  check("windowSteps", c.windowSteps, 1, stepsMax);
  check("gamma", c.gamma, 1, 7);
  check("theta", c.theta, 1, countMax);
  check("hi", c.hi, -countMax, countMax);
  check("lo", c.lo, -countMax, countMax);
  if (c.windowSteps % c.epochSteps !== 0) {
    throw userError({
      code: "E-PROG-001", at: "constant windowSteps of the embedded program", found: `${c.windowSteps}`,
      limit: `a multiple of the learning epoch, ${c.epochSteps} steps`,
      hint: `use ${Math.ceil(c.windowSteps / c.epochSteps) * c.epochSteps}`,
    });
  }
}

/** The table as it stands in memory: TABLE_WORDS words; outputs beyond the last are 0. */
export function constantTable(program: ProgramConstants): Int32Array {
  const values = constantValues(program);
  const table = new Int32Array(TABLE_WORDS);
  table[0] = TABLE_MAGIC;
  table[1] = TABLE_VERSION;
  table.set(TABLE_FIELDS.map(({ name }) => values[name]), 2);
  program.outputs.forEach((output: OutputSymbol, i) => {
    table.set([output.chip, output.core, output.compartment], TABLE_HEADER_WORDS + OUTPUT_WORDS * i);
  });
  return table;
}
