import { userError } from "../../base/errors.js";
import { Rng, STREAM } from "../../base/rng.js";
import type { Drawing, StrokePoint } from "./stroke-drawing.js";

/** Reads a drawing of Omniglot's stroke files: `START`, lines `x,y,t` (y negative downwards, t in ms), `BREAK` after each
 *  stroke. @throws UserError E-CAM-003 where a line is none of these, or there is no point */
export function parseStrokeText(text: string, name: string): Drawing {
  const strokes: StrokePoint[][] = [];
  let stroke: StrokePoint[] = [];
  text.split(/\r?\n/).forEach((raw, k) => {
    const line = raw.trim();
    if (line === "" || line === "START") return;
    if (line === "BREAK") {
      if (stroke.length > 0) strokes.push(stroke);
      stroke = [];
      return;
    }
    const numbers = line.split(",").map(Number);
    if (numbers.length !== 3 || numbers.some((v) => !Number.isFinite(v))) {
      throw userError({ code: "E-CAM-003", at: `${name}, line ${k + 1}`, found: `"${line.slice(0, 40)}"`, limit: "START, BREAK or x,y,t" });
    }
    stroke.push({ x: numbers[0], y: -numbers[1], tMs: numbers[2] });
  });
  if (stroke.length > 0) strokes.push(stroke);
  if (strokes.length === 0) throw userError({ code: "E-CAM-003", at: name, found: "no point", limit: "lines x,y,t between START and BREAK" });
  return { strokes, timing: "measured" };
}

/** A drawing without times, by character and drawer. */
export interface UntimedDrawing {
  /** 1…1623, as `classes.csv` counts. */
  readonly id: number;
  /** 1…20. */
  readonly drawer: number;
  readonly strokes: readonly (readonly (readonly [x: number, y: number])[])[];
}

const MAGIC = "OMS3";
/** Units of a pixel of the 105×105 page. */
const UNITS = 6;

/** Reads `strokes-simplified` (unpacked): real drawings of all 1,623 characters as simplified strokes without time;
 *  1–4 % of the labels are wrong, as they were recovered by matching. Layout: shared/data/README.md.
 *  @throws UserError E-CAM-004 where it is not that file, or ends early */
export function parseSimplifiedStrokes(bytes: Uint8Array, name: string): UntimedDrawing[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || String.fromCharCode(...bytes.subarray(0, 4)) !== MAGIC) {
    throw userError({ code: "E-CAM-004", at: name, found: "no file of simplified strokes", limit: `its first bytes are ${MAGIC}` });
  }
  const count = view.getUint32(4, true);
  const drawings: UntimedDrawing[] = [];
  let at = 8;
  const need = (length: number): void => {
    if (at + length <= bytes.length) return;
    throw userError({ code: "E-CAM-004", at: name, found: `it ends within drawing ${drawings.length + 1} of ${count}`, hint: "an undamaged copy" });
  };
  for (let k = 0; k < count; k++) {
    need(6);
    const [id, drawer, points] = [view.getUint16(at, true), bytes[at + 2], view.getUint16(at + 4, true)];
    at += 6;
    need(5 * points);
    const strokes: [number, number][][] = [];
    let stroke: [number, number][] = [];
    for (let i = 0; i < points; i++, at += 5) {
      stroke.push([view.getInt16(at, true) / UNITS, view.getInt16(at + 2, true) / UNITS]);
      if (bytes[at + 4] !== 1) continue;
      strokes.push(stroke);
      stroke = [];
    }
    if (stroke.length > 0) strokes.push(stroke);
    drawings.push({ id, drawer, strokes });
  }
  return drawings;
}

/** How people draw: medians, and spreads of the logarithm (quartile distance over 1.349). */
export interface PenHabits {
  /** Length of a drawing over the time that the pen is down, page pixels/ms. */
  readonly speed: number;
  readonly speedSpread: number;
  /** Time between strokes, ms. */
  readonly pauseMs: number;
  readonly pauseSpread: number;
}

/** Habits over the 4,840 timed drawings of Omniglot's `strokes_background_small1` and `2`: `measureHabits` of them
 *  (test/events/simulators/strokes.test.ts). */
export const PEN_HABITS: PenHabits = { speed: 0.0661, speedSpread: 0.552, pauseMs: 947, pauseSpread: 0.573 };

/** Habits of timed drawings. */
export function measureHabits(drawings: readonly Drawing[]): PenHabits {
  const [speeds, pauses]: number[][] = [[], []];
  for (const { strokes } of drawings) {
    let [length, ms] = [0, 0];
    strokes.forEach((stroke, k) => {
      for (let i = 1; i < stroke.length; i++) length += Math.hypot(stroke[i].x - stroke[i - 1].x, stroke[i].y - stroke[i - 1].y);
      ms += stroke[stroke.length - 1].tMs - stroke[0].tMs;
      if (k === 0) return;
      const before = strokes[k - 1];
      pauses.push(stroke[0].tMs - before[before.length - 1].tMs);
    });
    if (ms > 0 && length > 0) speeds.push(length / ms);
  }
  const [speed, speedSpread] = logSummary(speeds);
  const [pauseMs, pauseSpread] = logSummary(pauses.filter((p) => p > 0));
  return { speed, speedSpread, pauseMs, pauseSpread };
}

function logSummary(values: readonly number[]): [median: number, spread: number] {
  const logs = values.map(Math.log).sort((a, b) => a - b);
  const at = (share: number): number => logs[Math.floor(share * (logs.length - 1))];
  return [Math.exp(at(0.5)), (at(0.75) - at(0.25)) / 1.349];
}

/** Gives an untimed drawing times: constant speed along its strokes, drawn once a drawing, and a pause before each further
 *  stroke, drawn each time. What it cannot give is the hand's own rhythm, so such drawings are labeled `estimated`. */
export function timeStrokes(drawing: UntimedDrawing, habits: PenHabits, seed: number, timing: "estimated" | "traced" = "estimated"): Drawing {
  const rng = new Rng(seed, STREAM.eventCamera, 0x4000_0000 + drawing.id * 32 + drawing.drawer);
  const speed = habits.speed * Math.exp(habits.speedSpread * rng.normal());
  let t = 0;
  const strokes = drawing.strokes.map((stroke, k) => {
    if (k > 0) t += habits.pauseMs * Math.exp(habits.pauseSpread * rng.normal());
    return stroke.map(([x, y], i) => {
      if (i > 0) t += Math.hypot(x - stroke[i - 1][0], y - stroke[i - 1][1]) / speed;
      return { x, y, tMs: t };
    });
  });
  return { strokes, timing };
}
