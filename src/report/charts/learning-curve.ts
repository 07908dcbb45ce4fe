import type { ReportData } from "../report-data.js";
import { grouped, line, percent, round, scale, svgFigure, text, ticks } from "../svg.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [880, 300, 52, 110, 14, 42];
/** Tasks of a bin over which training accuracy is averaged, at least. */
const BINS = 120;

interface Point { readonly task: number; readonly accuracy: number }

/** Meta-training accuracy (binned, its spread behind it) and meta-validation over the tasks trained. */
export function learningCurveChart({ learningCurve, floors, ways }: ReportData): string {
  const { training, validation } = learningCurve;
  const last = Math.max(1, ...training.map((p) => p.task), ...validation.map((p) => p.task));
  const x = scale(0, last, LEFT, WIDTH - RIGHT);
  const y = scale(0, 100, HEIGHT - BOTTOM, TOP);
  const grid = [0, 20, 40, 60, 80, 100].map((v) =>
    line(LEFT, y(v), WIDTH - RIGHT, y(v), v === 0 ? "axis" : "grid") + text(LEFT - 10, y(v) + 4, `${v} %`, 'class="tick" text-anchor="end"'));
  const marks = ticks(last, 6).map((v) => text(x(v), HEIGHT - BOTTOM + 20, grouped(v), 'class="tick" text-anchor="middle"'));
  const chance = line(LEFT, y(floors.chance), WIDTH - RIGHT, y(floors.chance), "chance") +
    text(WIDTH - RIGHT + 8, y(floors.chance) + 4, `chance (${ways} ways)`, 'class="tick"');
  const bins = binned(training, last);
  const curve = bins.length > 1 ? `<path class="curve-training" d="${path(bins, x, y)}"/>` : "";
  const dots = validation.map((p) => `<circle class="dot" cx="${round(x(p.task))}" cy="${round(y(p.accuracy))}" r="3.5"><title>` +
    `validation after ${grouped(p.task)} tasks: ${percent(p.accuracy)} %</title></circle>`).join("");
  const ends = endLabels([
    ...(bins.length > 1 ? [{ at: bins[bins.length - 1].accuracy, label: "training", className: "tick" }] : []),
    ...(validation.length > 0 ? [{ at: validation[validation.length - 1].accuracy, label: "validation", className: "tick accent" }] : []),
  ], y);
  const validationLine = validation.length > 1 ? `<path class="curve-validation" d="${path(validation, x, y)}"/>` : "";
  return svgFigure(WIDTH, HEIGHT, "Accuracy over the tasks of meta-training",
    grid.join("") + marks.join("") + chance + curve + validationLine + dots + ends +
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "tasks of meta-training", 'class="tick" text-anchor="middle"'));
}

/** Labels at the right end, pushed apart where they would overlap. */
function endLabels(items: readonly { at: number; label: string; className: string }[], y: (v: number) => number): string {
  const placed = [...items].sort((a, b) => b.at - a.at).map((item) => ({ ...item, y: y(item.at) + 4 }));
  placed.forEach((item, k) => { if (k > 0) item.y = Math.max(item.y, placed[k - 1].y + 15); });
  return placed.map((item) => text(WIDTH - RIGHT + 8, item.y, item.label, `class="${item.className}"`)).join("");
}

const path = (points: readonly Point[], x: (v: number) => number, y: (v: number) => number): string =>
  points.map((p, k) => `${k === 0 ? "M" : "L"}${round(x(p.task))} ${round(y(p.accuracy))}`).join("");

/** Means over bins of equal width in tasks: single tasks are too noisy to read. */
function binned(points: readonly Point[], last: number): Point[] {
  const sums = new Map<number, { tasks: number; accuracy: number; n: number }>();
  for (const p of points) {
    const bin = Math.min(BINS - 1, Math.floor((p.task / (last + 1)) * BINS));
    const sum = sums.get(bin) ?? { tasks: 0, accuracy: 0, n: 0 };
    sums.set(bin, { tasks: sum.tasks + p.task, accuracy: sum.accuracy + p.accuracy, n: sum.n + 1 });
  }
  return [...sums].sort((a, b) => a[0] - b[0]).map(([, s]) => ({ task: s.tasks / s.n, accuracy: s.accuracy / s.n }));
}
