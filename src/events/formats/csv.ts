import type { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import { latin } from "../detect-header.js";
import { decodeKernels, STATE, startState } from "../kernels.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { guessRoles, type Role, ROLES, roleOf, RowSink } from "./rows.js";

const NEWLINE = 0x0a;
const SAMPLE_ROWS = 1000;
/** A line longer than this is no line of events. */
const LINE_LIMIT_BYTES = 4096;

/** CSV and other text tables: one event a line; commas, semicolons, tabs or blanks between; columns by the names of a
 *  first line, else by content. Lines that begin with # or % are comments. A comment `# width height` of two
 *  numbers, or a first line of two numbers as in the text files of the Event Camera Dataset's tools, is the sensor. */
export class CsvDecoder implements StreamDecoder {
  readonly jitterUs = 0;
  size: SensorSize | undefined;
  private roles: Readonly<Record<Role, number>> | undefined;
  private kernels = decodeKernels();
  private readonly state = startState();
  private columns = 4;
  private row = 0;
  private scale = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private offset = 0;
  private headerEnd = 0;

  constructor(_options: DecodeOptions, private readonly problems: Problems) {}

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    const end = final ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    [this.bytes, this.offset, this.headerEnd] = [bytes, offset, 0];
    if (!this.roles) this.headerEnd = this.readHead(bytes.subarray(0, end), offset);
    const sink = new RowSink(out, this.problems, this.scale);
    if (this.scale === 0) this.scale = sink.decideUnit(this.sampleTimes(bytes.subarray(0, end)));
    this.readRows(bytes, this.runKernel(bytes, end, out), end, offset, sink);
    return end;
  }

  /** Lets the kernel read rows of four whole numbers; the twin does the rest of the file. @returns where it goes on */
  private runKernel(bytes: Uint8Array, end: number, out: EventColumns): number {
    if (!this.kernels || this.columns !== 4 || this.scale !== 1) return this.headerEnd;
    const { t, x, y, p } = this.roles!;
    const { state } = this;
    [state[STATE.low], state[STATE.line], state[STATE.vectorX], state[STATE.vectorOn]] = [t, x, y, p];
    const before = out.length;
    const { used, sound } = this.kernels.run("csv", bytes, this.headerEnd, end, state, out);
    if (!sound) this.kernels = null;
    this.row += out.length - before;
    return this.headerEnd + used;
  }

  private readHead(bytes: Uint8Array, offset: number): number {
    const lines: string[] = [];
    let dataAt = -1;
    let at = 0;
    let sample: number[][] = [];
    while (at < bytes.length && sample.length < SAMPLE_ROWS) {
      let end = bytes.indexOf(NEWLINE, at);
      if (end < 0) end = bytes.length;
      const line = latin(bytes, at, Math.min(end, at + LINE_LIMIT_BYTES)).trim();
      const cells = split(line);
      const numbers = cells.map(Number);
      if (/^[#%]/.test(line) || line === "" || (dataAt < 0 && cells.some((c) => Number.isNaN(Number(c))))) {
        if (dataAt < 0 && line !== "") lines.push(line);
        this.noteSize(line);
      } else if (dataAt < 0 && numbers.length === 2) this.noteSize(line);
      else {
        if (dataAt < 0) dataAt = at;
        sample.push(numbers);
      }
      at = end + 1;
    }
    if (dataAt < 0) dataAt = bytes.length;
    // A table has one line of titles; a page of text has many lines without numbers.
    const titles = lines.filter((line) => !/^[#%]/.test(line));
    if (titles.length > 1) {
      this.problems.fail("E-EVT-001", offset, { found: "text that is no table of numbers", limit: "one event a line: t, x, y and polarity" });
    }
    const names = split((lines.at(-1) ?? "").replace(/^[#%]\s*/, "")).map((n) => roleOf(n.replace(/"/g, "")));
    if (ROLES.every((role) => names.includes(role))) {
      this.roles = Object.fromEntries(ROLES.map((role) => [role, names.indexOf(role)])) as Record<Role, number>;
      this.columns = names.length;
      return dataAt;
    }
    if (sample.length === 0) {
      this.problems.fail("E-EVT-001", offset, { found: "text without a row of numbers", limit: "one event a line: t, x, y and polarity" });
    }
    sample = sample.filter((cells) => cells.length === sample[0].length);
    this.columns = sample[0].length;
    this.roles = guessRoles(Array.from({ length: this.columns }, (_, c) => sample.map((cells) => cells[c])));
    if (!this.roles) {
      this.problems.fail("E-EVT-005", offset + dataAt, {
        found: `${this.columns} columns whose meaning the content does not tell`, limit: "t, x, y and polarity",
        hint: "a first line with their names, e.g. t,x,y,p",
      });
    }
    return dataAt;
  }

  private noteSize(line: string): void {
    const numbers = /^[#%]?\s*(?:size\s*)?(\d+)\s*[ ,x]\s*(\d+)$/.exec(line);
    if (numbers && Number(numbers[1]) > 0 && Number(numbers[2]) > 0) this.size = { width: Number(numbers[1]), height: Number(numbers[2]) };
  }

  private sampleTimes(bytes: Uint8Array): number[] {
    const text = latin(bytes, this.headerEnd, this.headerEnd + 65_536);
    const lines = text.split("\n").slice(0, SAMPLE_ROWS);
    return lines.slice(0, lines.length > 1 ? -1 : 1).map((line) => Number(split(line)[this.roles!.t])).filter((t) => !Number.isNaN(t));
  }

  private readRows(bytes: Uint8Array, from: number, end: number, offset: number, sink: RowSink): void {
    const cells = new Float64Array(this.columns);
    const { t, x, y, p } = this.roles!;
    for (let at = from; at < end; ) {
      const lineAt = at;
      let lineEnd = bytes.indexOf(NEWLINE, at);
      if (lineEnd < 0 || lineEnd > end) lineEnd = end;
      at = lineEnd + 1;
      const read = readLine(bytes, lineAt, lineEnd, cells);
      if (read === 0) continue;
      this.row++;
      if (read === this.columns) sink.add(cells[t], cells[x], cells[y], cells[p], offset + lineAt, this.row);
      else {
        this.problems.report("E-EVT-006", offset + lineAt, {
          found: `row ${this.row} is no row of ${this.columns} numbers: "${latin(bytes, lineAt, Math.min(lineEnd, lineAt + 40)).replace(/[^\x20-\x7e]/g, "?")}"`,
          dropped: "rows that cannot be read dropped",
        });
      }
    }
  }

  locate(index: number): number {
    let event = -1;
    for (let at = this.headerEnd; at < this.bytes.length; ) {
      const end = this.bytes.indexOf(NEWLINE, at);
      const line = this.bytes.subarray(at, end < 0 ? this.bytes.length : end);
      if (line.some((b) => b > 0x20) && line[0] !== 0x23 && line[0] !== 0x25 && ++event === index) return this.offset + at;
      if (end < 0) break;
      at = end + 1;
    }
    return this.offset;
  }
}

const split = (line: string): string[] => line.trim().split(/\s*[,;\t]\s*|\s+/).filter((cell) => cell !== "");

const isBreak = (b: number): boolean => b === 0x2c || b === 0x3b || b <= 0x20;

/** Reads the numbers of one line into `cells`. @returns how many; 0 for an empty line or a comment; −1 where a cell
 *  is no number or there are too many */
function readLine(bytes: Uint8Array, from: number, end: number, cells: Float64Array): number {
  let count = 0;
  let at = from;
  for (;;) {
    while (at < end && isBreak(bytes[at])) at++;
    if (at >= end) return count;
    if (count === 0 && (bytes[at] === 0x23 || bytes[at] === 0x25)) return 0;
    if (count === cells.length) return -1;
    const start = at;
    let value = 0;
    // Plain integers of up to 15 digits are what nearly every cell is; the rest goes through Number().
    while (at < end && bytes[at] >= 0x30 && bytes[at] <= 0x39) value = value * 10 + bytes[at++] - 0x30;
    if (at - start > 15 || at === start || (at < end && !isBreak(bytes[at]))) {
      while (at < end && !isBreak(bytes[at])) at++;
      const cell = latin(bytes, start, at);
      value = /^true$/i.test(cell) ? 1 : /^false$/i.test(cell) ? 0 : Number(cell);
      if (Number.isNaN(value)) return -1;
    }
    cells[count++] = value;
  }
}

/** Writes CSV with the columns t (µs), x, y, p (1 = ON), and the sensor in a comment. Digits go into bytes at once: as
 *  strings, 10 million events take gigabytes. */
export function encodeCsv(stream: EventStream): Uint8Array {
  const { tUs, x, y, polarity, width, height } = stream;
  const head = new TextEncoder().encode(`# ${width} ${height}\nt,x,y,p\n`);
  const digits = (value: number): number => String(value).length;
  const rowBytes = digits(tUs[tUs.length - 1] ?? 0) + digits(width) + digits(height) + 5;
  const out = new Uint8Array(head.length + tUs.length * rowBytes);
  out.set(head);
  let at = head.length;
  for (let i = 0; i < tUs.length; i++) {
    at = writeNumber(out, at, tUs[i]);
    out[at++] = COMMA;
    at = writeNumber(out, at, x[i]);
    out[at++] = COMMA;
    at = writeNumber(out, at, y[i]);
    out[at++] = COMMA;
    out[at++] = ZERO + polarity[i];
    out[at++] = NEWLINE;
  }
  return out.subarray(0, at);
}

const COMMA = 0x2c;
const ZERO = 0x30;

/** Writes a whole number in decimal. @returns where it ends */
function writeNumber(out: Uint8Array, at: number, value: number): number {
  let end = at + 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
  let rest = value;
  for (let k = end - 1; k >= at; k--) {
    const next = Math.floor(rest / 10);
    out[k] = ZERO + rest - 10 * next;
    rest = next;
  }
  return end;
}
