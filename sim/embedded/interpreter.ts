import { type ConstantValues, constantValues } from "../../hw/embedded/constants.js";
import type { BinaryOperator, EmbeddedProgram, Expression, Statement } from "../../hw/embedded/program-tree.js";
import { EMBEDDED_PROGRAMS } from "../../hw/embedded/soel-program.js";
import type { EmbeddedProgramImage } from "../../hw/image.js";
import { assert } from "../../src/base/errors.js";
import { bytesOfWords, messageWords, wordsOfBytes } from "./channel.js";
import type { EmbeddedCore, NeuroCoreAccess } from "./embedded-core.js";

type Evaluate = () => number;
type Execute = () => void;

/** The typed program as closures over one flat memory: the fast path. Same writes as the C and its machine code
 *  (test/sim/embedded). Nothing is allocated in a step. */
export function createInterpreter(program: EmbeddedProgramImage, access: NeuroCoreAccess): EmbeddedCore {
  const tree = EMBEDDED_PROGRAMS[program.form];
  const outputCount = program.outputs.length;
  const layout = layOut(tree, outputCount);
  const memory = new Int32Array(layout.words);
  /** Host's message, how much of it is read, and the decision, in one array, so that saving is a copy. */
  const channel = new Int32Array(CHANNEL_MESSAGE + 2 + outputCount);
  channel[CHANNEL_DECISION] = -1;
  const phase = compiler({ layout, memory, channel, access, program, constants: constantValues(program) });
  phase(tree.init)();
  const preLearning = phase(tree.preLearning);
  const management = phase(tree.management);
  return {
    beginPresentation(message) {
      channel.set(messageWords(message, outputCount), CHANNEL_MESSAGE);
      channel[CHANNEL_POSITION] = 0;
      channel[CHANNEL_DECISION] = -1;
    },
    preLearning,
    management,
    takeDecision() {
      const decision = channel[CHANNEL_DECISION];
      channel[CHANNEL_DECISION] = -1;
      return decision;
    },
    saveState: () => bytesOfWords(channel, memory),
    restoreState(state) {
      const words = wordsOfBytes(state, channel.length + memory.length);
      channel.set(words.subarray(0, channel.length));
      memory.set(words.subarray(channel.length));
    },
    dispose() {},
  };
}

const CHANNEL_DECISION = 0;
const CHANNEL_POSITION = 1;
const CHANNEL_MESSAGE = 2;

interface Layout {
  readonly variable: ReadonlyMap<string, number>;
  readonly array: ReadonlyMap<string, number>;
  readonly words: number;
}

/** A word for every variable, declared or local (a name has one place), and one a output for every array. */
function layOut(tree: EmbeddedProgram, outputCount: number): Layout {
  const variable = new Map<string, number>();
  const add = (name: string): void => void (variable.has(name) || variable.set(name, variable.size));
  for (const { name } of tree.variables) add(name);
  const visit = (statements: readonly Statement[]): void => {
    for (const s of statements) {
      if (s.kind === "declare") add(s.name);
      if (s.kind === "forOutputs") {
        add(s.index);
        visit(s.body);
      }
      if (s.kind === "if") {
        visit(s.then);
        visit(s.otherwise ?? []);
      }
    }
  };
  for (const phase of [tree.init, tree.preLearning, tree.management]) visit(phase);
  const array = new Map(tree.arrays.map(({ name }, k) => [name, variable.size + k * outputCount]));
  return { variable, array, words: variable.size + tree.arrays.length * outputCount };
}

interface Context {
  readonly layout: Layout;
  readonly memory: Int32Array;
  readonly channel: Int32Array;
  readonly access: NeuroCoreAccess;
  readonly program: EmbeddedProgramImage;
  readonly constants: ConstantValues;
}

/** Turns statements into one closure. */
function compiler(context: Context): (statements: readonly Statement[]) => Execute {
  const { layout, memory, channel, access, constants } = context;
  const count = context.program.outputs.length;
  const chip = Int32Array.from(context.program.outputs, (o) => o.chip);
  const core = Int32Array.from(context.program.outputs, (o) => o.core);
  const compartment = Int32Array.from(context.program.outputs, (o) => o.compartment);
  const place = (map: ReadonlyMap<string, number>, name: string): number => {
    const at = map.get(name);
    assert(at !== undefined, `embedded program bug: ${name} is not declared`);
    return at;
  };

  const expression = (e: Expression): Evaluate => {
    switch (e.kind) {
      case "number": { const { value } = e; return () => value; }
      case "constant": { const value = constants[e.name]; return () => value; }
      case "variable": { const at = place(layout.variable, e.name); return () => memory[at]; }
      case "element": {
        const at = place(layout.array, e.array);
        const index = expression(e.index);
        return () => memory[at + index()];
      }
      case "binary": return binaryOperation(e.operator, expression(e.left), expression(e.right));
      case "time": return () => access.time;
      case "channel": return () => {
        assert(CHANNEL_MESSAGE + channel[CHANNEL_POSITION] < channel.length, "simulator bug: the message has been read");
        return channel[CHANNEL_MESSAGE + channel[CHANNEL_POSITION]++];
      };
      case "spikeCount": {
        const output = expression(e.output);
        return () => { const i = output(); return access.readAndClearSpikeCount(chip[i], core[i], compartment[i]); };
      }
      case "u": {
        const output = expression(e.output);
        return () => { const i = output(); return access.readU(chip[i], core[i], compartment[i]); };
      }
    }
  };

  const statement = (s: Statement): Execute | null => {
    switch (s.kind) {
      case "comment": return null;
      case "declare":
      case "assign": {
        const at = place(layout.variable, s.name);
        const value = expression(s.value);
        return () => { memory[at] = value(); };
      }
      case "store": {
        const at = place(layout.array, s.array);
        const index = expression(s.index);
        const value = expression(s.value);
        return () => { memory[at + index()] = value(); };
      }
      case "if": {
        const condition = expression(s.condition);
        const then = block(s.then);
        const otherwise = block(s.otherwise ?? []);
        return () => { if (condition() !== 0) then(); else otherwise(); };
      }
      case "forOutputs": {
        const at = place(layout.variable, s.index);
        const body = block(s.body);
        return () => { for (let i = 0; i < count; i++) { memory[at] = i; body(); } };
      }
      case "writePostTrace": {
        const output = expression(s.output);
        const value = expression(s.value);
        return () => { const i = output(); access.writePostTrace(chip[i], core[i], compartment[i], value()); };
      }
      case "send": { const value = expression(s.value); return () => { channel[CHANNEL_DECISION] = value(); }; }
      case "resetState": return () => access.resetState();
    }
  };

  const block = (statements: readonly Statement[]): Execute => {
    const parts = statements.map(statement).filter((x): x is Execute => x !== null);
    if (parts.length === 1) return parts[0];
    return () => { for (let k = 0; k < parts.length; k++) parts[k](); };
  };
  return block;
}

/** 32-bit arithmetic as the C has it. */
function binaryOperation(operator: BinaryOperator, a: Evaluate, b: Evaluate): Evaluate {
  switch (operator) {
    case "+": return () => (a() + b()) | 0;
    case "-": return () => (a() - b()) | 0;
    case "*": return () => Math.imul(a(), b());
    case "/": return () => (a() / b()) | 0;
    case "%": return () => (a() % b()) | 0;
    case "<": return () => Number(a() < b());
    case ">": return () => Number(a() > b());
    case "==": return () => Number(a() === b());
    case "!=": return () => Number(a() !== b());
    case "&&": return () => Number(a() !== 0 && b() !== 0);
    case "||": return () => Number(a() !== 0 || b() !== 0);
  }
}
