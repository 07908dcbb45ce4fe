/** The part of Python's pickle that NumPy's arrays and plain containers need. Nothing is run: a pickle is a program for a stack
 *  machine, and of its calls only those that describe arrays are known here; any other is refused by its name.
 *  Source: CPython's pickletools (opcodes), NumPy's `ndarray.__reduce__`. */

/** Bytes are no pickle, or one that asks for more than is read here. */
export class PickleError extends Error {
  constructor(message: string, /** Position of the opcode. */ readonly at: number) {
    super(message);
  }
}

/** An array of numbers, or of objects (`items`). */
export class PickledArray {
  shape: readonly number[] = [];
  dtype = new PickledDtype("O");
  fortran = false;
  bytes: Uint8Array = new Uint8Array(0);
  items: readonly PickledValue[] | undefined;
}

/** Kind and bytes of an array's numbers, e.g. `i8`, with their order. */
export class PickledDtype {
  order = "<";

  constructor(readonly name: string) {}
}

/** Something that a pickle may name, by module and name. */
class Named {
  constructor(readonly name: string) {}
}

export type PickledValue =
  | null | boolean | number | bigint | string | Uint8Array | Named | PickledArray | PickledDtype | PickledValue[] | Map<PickledValue, PickledValue>;

const MARK = Symbol("mark");
type Slot = PickledValue | typeof MARK;

/** Calls that are known: what they give for their arguments. */
const CALLS: Readonly<Record<string, (args: readonly PickledValue[]) => PickledValue | undefined>> = {
  "multiarray._reconstruct": () => new PickledArray(),
  "numpy.dtype": ([name]) => (typeof name === "string" ? new PickledDtype(name) : undefined),
  "multiarray.scalar": ([dtype, bytes]) => {
    if (!(dtype instanceof PickledDtype && bytes instanceof Uint8Array)) return undefined;
    const array = new PickledArray();
    [array.dtype, array.bytes, array.shape] = [dtype, bytes, [1]];
    return array;
  },
  "numeric._frombuffer": ([bytes, dtype, shape, order]) => {
    if (!(dtype instanceof PickledDtype && bytes instanceof Uint8Array)) return undefined;
    const array = new PickledArray();
    [array.dtype, array.bytes, array.shape, array.fortran] = [dtype, bytes, numbersOf(shape), order === "F"];
    return array;
  },
  "_codecs.encode": ([text]) => (typeof text === "string" ? Uint8Array.from(text, (c) => c.charCodeAt(0)) : undefined),
};

/** NumPy moved its modules: `numpy.core.multiarray` became `numpy._core.multiarray`. */
const callName = (name: string): string => name.replace(/^numpy\.(?:_?core)\./, "");
/** Named without being called: the class that `_reconstruct` is told of. */
const CLASSES = ["numpy.ndarray"];

const numbersOf = (value: PickledValue | undefined): readonly number[] =>
  (Array.isArray(value) ? value.filter((n): n is number => typeof n === "number") : []);

/** Reads one pickled value. @throws PickleError */
export function readPickle(bytes: Uint8Array, from = 0): PickledValue {
  return new Machine(bytes, from).run();
}

class Machine {
  private readonly view: DataView;
  private readonly stack: Slot[] = [];
  private readonly memo = new Map<number, Slot>();
  /** Position of the opcode at hand. */
  private opcodeAt = 0;

  constructor(private readonly bytes: Uint8Array, private at: number) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): PickledValue {
    for (;;) {
      this.opcodeAt = this.at;
      const code = String.fromCharCode(this.byte());
      if (code === ".") return this.pop();
      const step = OPCODES[code];
      if (!step) this.fail(`opcode 0x${code.charCodeAt(0).toString(16)}, which arrays do not need`);
      step(this);
    }
  }

  fail(message: string): never {
    throw new PickleError(message, this.opcodeAt);
  }

  private need(count: number): number {
    const from = this.at;
    if (!(count >= 0) || from + count > this.bytes.length) this.fail("the pickle is cut short");
    this.at += count;
    return from;
  }

  byte(): number {
    return this.bytes[this.need(1)];
  }

  u16(): number {
    return this.view.getUint16(this.need(2), true);
  }

  u32(): number {
    return this.view.getUint32(this.need(4), true);
  }

  i32(): number {
    return this.view.getInt32(this.need(4), true);
  }

  u64(): number {
    return Number(this.view.getBigUint64(this.need(8), true));
  }

  float(): number {
    return this.view.getFloat64(this.need(8), false);
  }

  take(count: number): Uint8Array {
    const from = this.need(count);
    return this.bytes.subarray(from, from + count);
  }

  text(count: number): string {
    return new TextDecoder().decode(this.take(count).slice());
  }

  /** @param latin  bytes are characters as they are */
  line(latin = false): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) this.fail("the pickle is cut short");
    const text = latin ? latinOf(this.take(end - this.at)) : this.text(end - this.at);
    this.at = end + 1;
    return text;
  }

  /** Signed integer of that many bytes. */
  long(count: number): number | bigint {
    const digits = this.take(count);
    let value = 0n;
    for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]);
    if (count > 0 && digits[count - 1] & 0x80) value -= 1n << BigInt(8 * count);
    return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value;
  }

  push(value: Slot): void {
    this.stack.push(value);
  }

  pop(): PickledValue {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) this.fail("the pickle takes from an empty stack");
    return value;
  }

  top(): PickledValue {
    const value = this.stack[this.stack.length - 1];
    if (value === undefined || value === MARK) this.fail("the pickle takes from an empty stack");
    return value;
  }

  /** The values behind the last mark, which goes too. */
  toMark(): PickledValue[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) this.fail("the pickle looks for a mark that is not there");
    const values = this.stack.splice(mark) as Slot[];
    return values.slice(1) as PickledValue[];
  }

  last(count: number): PickledValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  put(index: number): void {
    this.memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.memo.size);
  }

  get(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) this.fail(`the pickle asks for value ${index}, which it never kept`);
    this.push(value);
  }

  name(module: string, name: string): void {
    const full = callName(`${module}.${name}`);
    if (!Object.hasOwn(CALLS, full) && !CLASSES.includes(full)) this.fail(`a call of ${module}.${name}, which is not run`);
    this.push(new Named(full));
  }

  stackGlobal(): void {
    const [module, name] = this.last(2);
    if (typeof module !== "string" || typeof name !== "string") this.fail("a name that is no text");
    this.name(module, name);
  }

  reduce(): void {
    const [called, args] = this.last(2);
    const call = called instanceof Named && Object.hasOwn(CALLS, called.name) ? CALLS[called.name] : undefined;
    const value = call && Array.isArray(args) ? call(args) : undefined;
    if (value === undefined) this.fail("a call that gives no array");
    this.push(value);
  }

  build(): void {
    const [object, state] = this.last(2);
    if (object instanceof PickledDtype && Array.isArray(state)) {
      if (typeof state[1] === "string") object.order = state[1];
      if (state[3] !== null && state[3] !== undefined) this.fail("an array of records within the pickle");
    } else if (object instanceof PickledArray && Array.isArray(state)) {
      const [, shape, dtype, fortran, content] = state;
      if (!(dtype instanceof PickledDtype)) this.fail("an array without a type");
      [object.shape, object.dtype, object.fortran] = [numbersOf(shape), dtype, fortran === true];
      if (content instanceof Uint8Array) object.bytes = content;
      else if (Array.isArray(content)) object.items = content;
      // Protocol 2 of Python 2 keeps bytes as text.
      else if (typeof content === "string") object.bytes = Uint8Array.from(content, (c) => c.charCodeAt(0));
      else this.fail("an array without content");
    } else this.fail("an object that is no array");
    this.push(object);
  }

  append(values: readonly PickledValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) this.fail("the pickle appends to what is no list");
    for (const value of values) list.push(value);
  }

  setItems(values: readonly PickledValue[]): void {
    const map = this.top();
    if (!(map instanceof Map) || values.length % 2 !== 0) this.fail("the pickle sets items of what is no dictionary");
    for (let k = 0; k < values.length; k += 2) map.set(values[k], values[k + 1]);
  }
}

const mapOf = (values: readonly PickledValue[]): Map<PickledValue, PickledValue> =>
  new Map(Array.from({ length: values.length >> 1 }, (_, k) => [values[2 * k], values[2 * k + 1]] as const));

const OPCODES: Readonly<Record<string, (m: Machine) => void>> = {
  "\x80": (m) => { m.byte(); }, "\x95": (m) => { m.u64(); },
  "(": (m) => m.push(MARK), "0": (m) => { m.pop(); }, "1": (m) => { m.toMark(); }, "2": (m) => m.push(m.top()),
  N: (m) => m.push(null), "\x88": (m) => m.push(true), "\x89": (m) => m.push(false),
  J: (m) => m.push(m.i32()), K: (m) => m.push(m.byte()), M: (m) => m.push(m.u16()),
  "\x8a": (m) => m.push(m.long(m.byte())), "\x8b": (m) => m.push(m.long(m.u32())),
  I: (m) => { const text = m.line(); m.push(text === "01" ? true : text === "00" ? false : Number(text)); },
  L: (m) => m.push(Number(m.line().replace(/L$/, ""))), F: (m) => m.push(Number(m.line())), G: (m) => m.push(m.float()),
  C: (m) => m.push(m.take(m.byte())), B: (m) => m.push(m.take(m.u32())), "\x8e": (m) => m.push(m.take(m.u64())), "\x96": (m) => m.push(m.take(m.u64())),
  "\x8c": (m) => m.push(m.text(m.byte())), X: (m) => m.push(m.text(m.u32())), "\x8d": (m) => m.push(m.text(m.u64())), V: (m) => m.push(unescaped(m.line(true))),
  U: (m) => m.push(String.fromCharCode(...m.take(m.byte()))), T: (m) => m.push(latinOf(m.take(m.u32()))),
  ")": (m) => m.push([]), "]": (m) => m.push([]), "}": (m) => m.push(new Map()),
  t: (m) => m.push(m.toMark()), l: (m) => m.push(m.toMark()), d: (m) => m.push(mapOf(m.toMark())),
  "\x85": (m) => m.push(m.last(1)), "\x86": (m) => m.push(m.last(2)), "\x87": (m) => m.push(m.last(3)),
  a: (m) => { const value = m.pop(); m.append([value]); }, e: (m) => { const values = m.toMark(); m.append(values); },
  s: (m) => { const values = m.last(2); m.setItems(values); }, u: (m) => { const values = m.toMark(); m.setItems(values); },
  q: (m) => m.put(m.byte()), r: (m) => m.put(m.u32()), p: (m) => m.put(Number(m.line())), "\x94": (m) => m.memoize(),
  h: (m) => m.get(m.byte()), j: (m) => m.get(m.u32()), g: (m) => m.get(Number(m.line())),
  c: (m) => { const module = m.line(); m.name(module, m.line()); },
  "\x93": (m) => m.stackGlobal(),
  R: (m) => m.reduce(), b: (m) => m.build(),
};

/** Text of protocol 0: `\\u` and four digits for what a line cannot hold. */
const unescaped = (text: string): string => text.replace(/\\u([0-9a-fA-F]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

function latinOf(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return parts.join("");
}
