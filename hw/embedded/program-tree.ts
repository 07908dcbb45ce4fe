/** The typed form of an embedded program: a small statement tree over 32-bit integers. `emit-c.ts` prints it as C,
 *  `sim/embedded/interpreter.ts` executes it; both read nothing else, so the two cannot drift apart unseen. */

/** Names in the constant table (hw/embedded/constants.ts gives their places). */
export type ConstantName =
  | "outputCount" | "presentationSteps" | "windowSteps" | "epochSteps" | "gamma" | "theta" | "hi" | "lo"
  | "neutral" | "errorMax";

/** As in C: `/` truncates toward zero, `%` takes the sign of the left side, comparisons and `&&` give 0 or 1. */
export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "<" | ">" | "==" | "!=" | "&&" | "||";

/** Two values and what is done to them; && and || leave the right side out where the left decides. */
export interface BinaryExpression {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
}

/** A value: 32 bits, signed. */
export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "constant"; readonly name: ConstantName }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "element"; readonly array: string; readonly index: Expression }
  | BinaryExpression
  /** Chip step t. */
  | { readonly kind: "time" }
  /** Next 32-bit word of the host's message. */
  | { readonly kind: "channel" }
  /** Accessors of one output: its spike counter (read clears it), its u. */
  | { readonly kind: "spikeCount" | "u"; readonly output: Expression };

/** One thing to do. */
export type Statement =
  | { readonly kind: "comment"; readonly text: string }
  /** A variable of the enclosing block. */
  | { readonly kind: "declare"; readonly name: string; readonly value: Expression }
  | { readonly kind: "assign"; readonly name: string; readonly value: Expression }
  | { readonly kind: "store"; readonly array: string; readonly index: Expression; readonly value: Expression }
  | {
    readonly kind: "if"; readonly condition: Expression;
    readonly then: readonly Statement[]; readonly otherwise?: readonly Statement[];
  }
  /** `index` runs over all outputs, ascending. */
  | { readonly kind: "forOutputs"; readonly index: string; readonly body: readonly Statement[] }
  | { readonly kind: "writePostTrace"; readonly output: Expression; readonly value: Expression }
  /** One word to the host. */
  | { readonly kind: "send"; readonly value: Expression }
  | { readonly kind: "resetState" };

/** A name that lives as long as the program, and what it means. All start at 0. */
export interface StateName {
  readonly name: string;
  readonly meaning: string;
}

/** A program for an embedded x86 core, by phase (loihi-facts §4.3). */
export interface EmbeddedProgram {
  readonly name: string;
  /** Lines for the head of the printed C. */
  readonly about: readonly string[];
  readonly variables: readonly StateName[];
  /** One element an output. */
  readonly arrays: readonly StateName[];
  readonly init: readonly Statement[];
  readonly preLearning: readonly Statement[];
  readonly management: readonly Statement[];
}

const asExpression = (e: Expression | number | string): Expression =>
  typeof e === "number" ? { kind: "number", value: e } : typeof e === "string" ? { kind: "variable", name: e } : e;

type Operand = Expression | number | string;

/** Value of a variable. In all builders a number stands for a literal and a string for a variable. */
export const variable = (name: string): Expression => ({ kind: "variable", name });
/** Value of a constant of the table. */
export const constant = (name: ConstantName): Expression => ({ kind: "constant", name });
/** array[index] */
export const element = (array: string, index: Operand): Expression =>
  ({ kind: "element", array, index: asExpression(index) });
/** left operator right */
export const binary = (left: Operand, operator: BinaryOperator, right: Operand): Expression =>
  ({ kind: "binary", operator, left: asExpression(left), right: asExpression(right) });
/** Chip step t. */
export const time: Expression = { kind: "time" };
/** Next word of the host's message. */
export const channel: Expression = { kind: "channel" };
/** Spikes of an output since its counter was last read. */
export const spikeCount = (output: Operand): Expression => ({ kind: "spikeCount", output: asExpression(output) });
/** Synaptic current of an output after step t. */
export const readU = (output: Operand): Expression => ({ kind: "u", output: asExpression(output) });

/** A line for the reader of the C. */
export const comment = (text: string): Statement => ({ kind: "comment", text });
/** A new variable of this block. */
export const declare = (name: string, value: Operand): Statement =>
  ({ kind: "declare", name, value: asExpression(value) });
/** name := value */
export const assign = (name: string, value: Operand): Statement =>
  ({ kind: "assign", name, value: asExpression(value) });
/** array[index] := value */
export const store = (array: string, index: Operand, value: Operand): Statement =>
  ({ kind: "store", array, index: asExpression(index), value: asExpression(value) });
/** if, and else */
export const when = (
  condition: Expression, then: readonly Statement[], otherwise?: readonly Statement[],
): Statement => ({ kind: "if", condition, then, otherwise });
/** Once for every output, ascending. */
export const forOutputs = (index: string, body: readonly Statement[]): Statement =>
  ({ kind: "forOutputs", index, body });
/** y1 of an output := value */
export const writePostTrace = (output: Operand, value: Operand): Statement =>
  ({ kind: "writePostTrace", output: asExpression(output), value: asExpression(value) });
/** A word to the host. */
export const send = (value: Operand): Statement => ({ kind: "send", value: asExpression(value) });
/** Clears the neuro cores' state; weights and time stay. */
export const resetState: Statement = { kind: "resetState" };
