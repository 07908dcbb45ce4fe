import type { ReportData } from "../report-data.js";
import { line, percent, rect, round, scale, svgFigure, text } from "../svg.js";

const WIDTH = 720;
const LEFT = 200;
const RIGHT = 96;
const ROW = 34;
const TOP = 8;

/** Accuracy before and after learning on the chip, with the interval, beside the comparisons on the same tasks. */
export function comparisonChart({ accuracy, floors, ways }: ReportData): string {
  const rows = [
    { name: "Chip, before learning", value: accuracy.before, className: "bar-quiet" },
    { name: "Chip, after one shot", value: accuracy.after, className: "bar-main", ci: accuracy.ci95 },
    { name: `Chance, ${ways} classes`, value: floors.chance, className: "bar-floor" },
    { name: "Prototypes on input frames", value: floors.frames, className: "bar-floor" },
    { name: "Prototypes on own features", value: floors.features, className: "bar-floor" },
    { name: "One float gradient step", value: floors.gradientStep, className: "bar-floor" },
  ];
  const x = scale(0, 100, LEFT, WIDTH - RIGHT);
  const bottom = TOP + rows.length * ROW + 12;
  const grid = [0, 25, 50, 75, 100].map((v) =>
    line(x(v), TOP, x(v), bottom - 6, "grid") + text(x(v), bottom + 12, `${v} %`, 'class="tick" text-anchor="middle"'));
  const bars = rows.map(({ name, value, className, ci }, k) => {
    const y = TOP + k * ROW + (k >= 2 ? 12 : 0);
    const known = Number.isFinite(value);
    const main = className === "bar-main";
    const whisker = ci === undefined ? "" :
      `<path class="whisker" d="M${round(x(value - ci))} ${y + 12}H${round(x(Math.min(100, value + ci)))}m0 -5v10M${round(x(value - ci))} ${y + 7}v10"/>`;
    const figure = known ? `${percent(value)}${ci === undefined ? "" : ` ± ${percent(ci)}`}` : "not measured";
    const end = known ? Math.max(x(value + (ci ?? 0)), x(0)) + 8 : x(0) + 8;
    return text(LEFT - 14, y + 16, name, `class="${main ? "label strong" : "label"}" text-anchor="end"`) +
      (known ? rect(x(0), y + 3, x(value) - x(0), 18, `class="${className}" rx="2"`) : "") + whisker +
      text(Math.min(end, WIDTH - RIGHT + 8), y + 16, figure, `class="${main ? "value strong" : "value"}"`);
  });
  return svgFigure(WIDTH, bottom + 20, "Accuracy of the chip before and after learning, beside the comparisons", grid.join("") + bars.join(""));
}

/** Accuracy after learning, one mark a task: how far single tasks are from the mean. */
export function perTaskChart(perTask: readonly number[]): string {
  const x = scale(0, 100, LEFT, WIDTH - RIGHT);
  const counts = new Map<number, number>();
  const tallest = (() => {
    for (const value of perTask) counts.set(Math.round(value * 10) / 10, (counts.get(Math.round(value * 10) / 10) ?? 0) + 1);
    return Math.max(1, ...counts.values());
  })();
  const height = 64;
  const unit = (height - 8) / tallest;
  const columns = [...counts].map(([value, n]) =>
    rect(x(value) - 3, height - n * unit, 6, n * unit, 'class="bar-main"', `${n} of ${perTask.length} tasks at ${percent(value)} %`));
  const axis = line(LEFT, height, WIDTH - RIGHT, height, "axis") +
    [0, 25, 50, 75, 100].map((v) => text(x(v), height + 18, `${v} %`, 'class="tick" text-anchor="middle"')).join("");
  return svgFigure(WIDTH, height + 26, "Tasks by their accuracy after learning", columns.join("") + axis +
    text(LEFT - 14, height / 2 + 4, `Tasks by accuracy (${perTask.length})`, 'class="label" text-anchor="end"'));
}
