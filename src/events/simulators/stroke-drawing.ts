/** One drawing: pen strokes with the time of every point. */
export interface Drawing {
  /** Strokes of points; x right and y down in pixels of the 105×105 page, t in ms from the first point. */
  readonly strokes: readonly (readonly StrokePoint[])[];
  /** `measured`: as the pen went. `estimated`: strokes of the pen, with times by `timeStrokes`. `traced`: strokes found in
   *  the picture alone (`traceStrokes`), so their order and direction are guesses too. */
  readonly timing: "measured" | "estimated" | "traced";
}

export interface StrokePoint {
  readonly x: number;
  readonly y: number;
  readonly tMs: number;
}

/** A pen that rests or is in the air longer than this is taken to wait so long: some drawers went away for minutes. */
const LONGEST_PAUSE_MS = 3000;

/** The same drawing with long pauses shortened, and times that never run back (the set has 16 places where they do). */
export function withoutLongPauses(drawing: Drawing, longestMs = LONGEST_PAUSE_MS): Drawing {
  let [before, now] = [drawing.strokes[0]?.[0]?.tMs ?? 0, 0];
  const strokes = drawing.strokes.map((stroke) => stroke.map(({ x, y, tMs }) => {
    now += Math.max(0, Math.min(longestMs, tMs - before));
    before = tMs;
    return { x, y, tMs: now };
  }));
  return { ...drawing, strokes };
}
