import {
  type ConstantValues, constantTable, constantValues, type ProgramConstants, TABLE_FIELDS, TABLE_SYMBOL,
} from "./constants.js";
import type { EmbeddedProgramImage } from "../image.js";
import type { EmbeddedProgram, Expression, Statement } from "./program-tree.js";
import { EMBEDDED_PROGRAMS, type ProgramForm } from "./soel-program.js";

/** Name of a constant as the C has it: windowSteps → window_steps. */
export const cName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** C's precedence, higher binds tighter. */
const PRECEDENCE: Readonly<Record<string, number>> = {
  "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
};
const UNARY = 7;

function expression(e: Expression, outer = 0): string {
  switch (e.kind) {
    case "number": return `${e.value}`;
    case "constant": return `${TABLE_SYMBOL}.${cName(e.name)}`;
    case "variable": return e.name;
    case "element": return `${e.array}[${expression(e.index)}]`;
    case "time": return "loihi_time()";
    case "channel": return "loihi_read_channel()";
    case "spikeCount": return `loihi_read_and_clear_spike_count(${expression(e.output)})`;
    case "u": return `loihi_read_u(${expression(e.output)})`;
    case "binary": {
      const negates = e.operator === "-" && e.left.kind === "number" && e.left.value === 0;
      if (negates) return `-${expression(e.right, UNARY)}`;
      const own = PRECEDENCE[e.operator];
      // The right side of a left-associative operator needs brackets at its own level; && inside || gets them because
      // compilers ask for them.
      const least = (side: Expression, level: number): number =>
        e.operator === "||" && side.kind === "binary" && side.operator === "&&" ? UNARY : level;
      const left = expression(e.left, least(e.left, own));
      const right = expression(e.right, least(e.right, own + 1));
      const text = `${left} ${e.operator} ${right}`;
      return own < outer ? `(${text})` : text;
    }
  }
}

/** `at = at + x` is printed as `at += x`. */
function assignment(at: string, value: Expression): string {
  if (value.kind === "binary" && (value.operator === "+" || value.operator === "-") && expression(value.left) === at) {
    return `${at} ${value.operator}= ${expression(value.right)};`;
  }
  return `${at} = ${expression(value)};`;
}

function statement(s: Statement, indent: string): string[] {
  const line = (text: string): string => `${indent}${text}`;
  switch (s.kind) {
    case "comment": return [line(`/* ${s.text} */`)];
    case "declare": return [line(`int32_t ${s.name} = ${expression(s.value)};`)];
    case "assign": return [line(assignment(s.name, s.value))];
    case "store": return [line(assignment(`${s.array}[${expression(s.index)}]`, s.value))];
    case "if": {
      const head = [line(`if (${expression(s.condition)}) {`), ...block(s.then, indent)];
      if (s.otherwise === undefined) return [...head, line("}")];
      const [only] = s.otherwise;
      if (s.otherwise.length === 1 && only.kind === "if") {
        const chained = statement(only, indent);
        return [...head, line(`} else ${chained[0].trimStart()}`), ...chained.slice(1)];
      }
      return [...head, line("} else {"), ...block(s.otherwise, indent), line("}")];
    }
    case "forOutputs": return [
      line(`for (int32_t ${s.index} = 0; ${s.index} < ${TABLE_SYMBOL}.output_count; ${s.index}++) {`),
      ...block(s.body, indent), line("}"),
    ];
    case "writePostTrace": return [line(`loihi_write_post_trace(${expression(s.output)}, ${expression(s.value)});`)];
    case "send": return [line(`loihi_write_channel(${expression(s.value)});`)];
    case "resetState": return [line("loihi_reset_state();")];
  }
}

const block = (statements: readonly Statement[], indent: string): string[] =>
  statements.flatMap((s) => statement(s, `${indent}  `));

const phase = (name: string, statements: readonly Statement[]): string[] =>
  ["", `void ${name}(void) {`, ...block(statements, ""), "}"];

/** The table as a C initializer. */
function table(values: ConstantValues, outputs: EmbeddedProgramImage["outputs"]): string[] {
  return [
    `struct ${TABLE_SYMBOL} ${TABLE_SYMBOL} = {`,
    "  .magic = SOEL_TABLE_MAGIC,",
    "  .version = SOEL_TABLE_VERSION,",
    ...TABLE_FIELDS.map(({ name }) => `  .${cName(name)} = ${values[name]},`),
    "  .outputs = {",
    ...outputs.map((o) => `    {.chip = ${o.chip}, .core = ${o.core}, .compartment = ${o.compartment}},`),
    "  },",
    "};",
  ];
}

function head(tree: EmbeddedProgram): string[] {
  const [first, ...rest] = tree.about;
  const variables = tree.variables.map((v) => [`static int32_t ${v.name};`, v.meaning]);
  const arrays = tree.arrays.map((a) => [`static int32_t ${a.name}[LOIHI_MAX_OUTPUTS];`, a.meaning]);
  const width = Math.max(...[...variables, ...arrays].map(([text]) => text.length));
  return [
    `/* ${first}`, ...rest.map((text) => ` * ${text}`),
    " * Generated; for an x86 core without floating point. Accessors: hw/embedded/runtime/loihi_runtime.h. */",
    '#include "loihi_runtime.h"', "",
    "/* Names that live as long as the program; all start at 0. */",
    ...[...variables, ...arrays].map(([text, meaning]) => `${text.padEnd(width)} /* ${meaning} */`), "",
  ];
}

/** Prints a program as C for `hw/embedded/runtime`, its table of constants filled in.
 *  @throws E-PROG-001, E-PROG-002 where a constant or the number of outputs is out of range */
export function emitC(program: ProgramConstants): string {
  const tree = EMBEDDED_PROGRAMS[program.form];
  return `${[
    ...head(tree), ...table(constantValues(program), program.outputs),
    ...phase("program_init", tree.init), ...phase("program_pre_learning", tree.preLearning),
    ...phase("program_management", tree.management),
  ].join("\n")}\n`;
}

/** The program of a form with the constants that the prebuilt machine code was compiled with: the emitter replaces
 *  them. */
export const prebuiltProgram = (form: ProgramForm): ProgramConstants => ({
  form,
  constants: { ways: 1, presentationSteps: 1, windowSteps: 1, epochSteps: 1, gamma: 1, theta: 1, hi: 0, lo: 0 },
  outputs: [{ chip: 0, core: 0, compartment: 0 }],
});

/** Bytes of the table, little-endian, for the ELF. */
export function tableBytes(program: ProgramConstants): Uint8Array {
  const words = constantTable(program);
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  for (const [k, word] of words.entries()) view.setInt32(4 * k, word, true);
  return bytes;
}
