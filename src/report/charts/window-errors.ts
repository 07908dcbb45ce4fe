import type { ExampleTask, LessonRow } from "../report-data.js";
import { rect, round, shortened, svgFigure, text } from "../svg.js";

const [WIDTH, LEFT, TOP] = [880, 96, 44];
const PER_LINE = 5;
const CELL = 20;
const BAR = 46;
/** |e| from which a cell has its full color; larger errors are rare. */
const FULL_ERROR = 42;

/** Errors of every window of every support presentation, in the order shown, and the net change of each output's
 *  weights beside them: what the rule saw, and what it did. */
export function windowErrorsChart({ lessons, classNames, windowEnds }: ExampleTask): string {
  const outputs = classNames.length;
  const blockWidth = (WIDTH - LEFT) / PER_LINE;
  const cell = Math.min(CELL, (blockWidth - BAR - 18) / Math.max(1, windowEnds.length));
  const lineHeight = TOP + outputs * CELL + 22;
  const largest = Math.max(1, ...lessons.flatMap((l) => l.sum.map(Math.abs)));
  const blocks = lessons.map((lesson, k) => {
    const [x, y] = [LEFT + (k % PER_LINE) * blockWidth, Math.floor(k / PER_LINE) * lineHeight];
    return block(lesson, k, classNames, x, y, cell, windowEnds, largest);
  });
  const lines = Math.ceil(lessons.length / PER_LINE);
  const names = Array.from({ length: lines }, (_, l) => classNames.map((name, output) =>
    text(LEFT - 12, l * lineHeight + TOP + output * CELL + 14, shortened(name), 'class="label" text-anchor="end"')).join(""));
  return svgFigure(WIDTH, lines * lineHeight, "Window errors and the weight changes they caused", names.join("") + blocks.join(""));
}

function block(
  lesson: LessonRow, index: number, classNames: readonly string[], x: number, y: number, cell: number,
  windowEnds: readonly number[], largest: number,
): string {
  const barLeft = x + windowEnds.length * cell + 6;
  const middle = barLeft + BAR / 2;
  const rows = classNames.map((name, output) => {
    const rowY = y + TOP + output * CELL;
    const cells = lesson.errors.map((errors, w) => errorCell(errors[output], x + w * cell, rowY, cell,
      `${name}, window to step ${windowEnds[w]}: e = ${errors[output]}`));
    const length = (Math.abs(lesson.sum[output]) / largest) * (BAR / 2 - 1);
    const sign = lesson.sum[output] < 0 ? "negative" : "positive";
    const bar = rect(lesson.sum[output] < 0 ? middle - length : middle, rowY + 5, length, 9, `class="${sign}"`,
      `${name}: ${lesson.raised[output]} weights rose, ${lesson.lowered[output]} fell, sum ${lesson.sum[output]}`);
    return cells.join("") + bar;
  });
  const height = classNames.length * CELL;
  const frame = rect(x - 1, y + TOP + lesson.label * CELL - 0.5, windowEnds.length * cell + 1, CELL, 'class="outline" rx="2"');
  return text(x, y + 18, `${index + 1}.  ${shortened(classNames[lesson.label] ?? "")}`, 'class="label strong"') +
    text(x, y + 36, "e by window", 'class="tick"') + text(middle, y + 36, "Σ Δw", 'class="tick" text-anchor="middle"') +
    rows.join("") + frame + `<path class="axis" d="M${round(middle)} ${y + TOP}v${height}"/>`;
}

function errorCell(e: number, x: number, y: number, width: number, title: string): string {
  if (e === 0) return rect(x, y, width - 1.5, CELL - 1.5, 'class="panel"', title);
  const opacity = Math.max(0.18, Math.min(1, Math.abs(e) / FULL_ERROR));
  const className = e < 0 ? "negative" : "positive";
  const figure = width < 17 ? "" :
    text(x + (width - 1.5) / 2, y + 13.5, `${e}`.replace("-", "−"), `class="in-cell${opacity > 0.6 ? " on-color" : ""}" text-anchor="middle"`);
  return rect(x, y, width - 1.5, CELL - 1.5, `class="${className}" fill-opacity="${opacity.toFixed(2)}"`, title) + figure;
}
