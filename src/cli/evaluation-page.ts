/** What `evaluate` found, and the training curves of the checkpoints, as one page without script or outside file. */
import { STYLE } from "../report/style.js";
import { escapeText, grouped, line, percent, round, scale, svgFigure, text, ticks } from "../report/svg.js";
import type { Split } from "../tasks/index.js";
import type { Evaluated } from "./commands/evaluate.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [880, 300, 52, 24, 14, 42];

/** The page as HTML. Equal results give equal bytes. */
export function evaluationPage(results: readonly Evaluated[], split: Split): string {
  const [{ source, ways, report, trainedOn }] = results;
  const title = `One-shot accuracy on meta-${split}: ${results.map((r) => r.checkpoint.spec.name).filter((n, k, all) => all.indexOf(n) === k).join(", ")}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeText(title)}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body><main><h1>${escapeText(title)}</h1><p class="lead">${escapeText(`${report.tasks} tasks of ${ways} classes each, ${source.name}, ${source.data} recordings, ` +
    `protocol ${source.protocol}; trained on ${trainedOn}. ± 95 % over tasks. Simulator, not silicon.`)}</p>
<section><h2>Accuracy, percent</h2>${table(results)}</section>
<section><h2>Training curves</h2><figure>${curves(results, 100 / ways)}<figcaption>Meta-validation after learning (line) and accuracy of the training
tasks since the last point (gray), for each checkpoint.</figcaption></figure></section></main></body></html>
`;
}

function table(results: readonly Evaluated[]): string {
  const cell = (mean: number, ci?: number): string => `<td>${percent(100 * mean)}${ci === undefined ? "" : ` ± ${percent(100 * ci)}`}</td>`;
  const head = ["checkpoint", "seed", "tasks trained", "before", "after one shot", "frames", "own hidden prototypes", "one float step"];
  const rows = results.map(({ path, checkpoint, report: r }) => `<tr><td>${escapeText(path)}</td><td>${checkpoint.seed}</td><td>${grouped(checkpoint.step)}</td>` +
    cell(r.before.mean, r.before.ci95) + cell(r.accuracy.mean, r.accuracy.ci95) + cell(r.floors.frames, r.floorsCi95.frames) +
    cell(r.floors.features, r.floorsCi95.features) + cell(r.floors.gradientStep, r.floorsCi95.gradientStep) + "</tr>");
  return `<div class="scroll"><table><thead><tr>${head.map((h) => `<th>${h}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function curves(results: readonly Evaluated[], chance: number): string {
  const last = Math.max(1, ...results.flatMap(({ checkpoint }) => checkpoint.history.map((h) => h.tasks)));
  const x = scale(0, last, LEFT, WIDTH - RIGHT);
  const y = scale(0, 100, HEIGHT - BOTTOM, TOP);
  const grid = [0, 20, 40, 60, 80, 100].map((v) =>
    line(LEFT, y(v), WIDTH - RIGHT, y(v), v === 0 ? "axis" : "grid") + text(LEFT - 10, y(v) + 4, `${v} %`, 'class="tick" text-anchor="end"'));
  const marks = ticks(last, 6).map((v) => text(x(v), HEIGHT - BOTTOM + 20, grouped(v), 'class="tick" text-anchor="middle"'));
  const path = (points: readonly (readonly [number, number])[], name: string, label: string): string => points.length < 2 ? "" :
    `<path class="${name}" d="${points.map(([a, b], k) => `${k === 0 ? "M" : "L"}${round(x(a))} ${round(y(100 * b))}`).join("")}"><title>${escapeText(label)}</title></path>`;
  const drawn = results.map(({ path: file, checkpoint: { history } }) =>
    path(history.map((h) => [h.tasks, h.accuracy] as const), "curve-training", `${file}, training`) +
    path(history.map((h) => [h.tasks, h.validation] as const), "curve-validation", `${file}, meta-validation`));
  return svgFigure(WIDTH, HEIGHT, "Accuracy over the tasks of meta-training",
    grid.join("") + marks.join("") + line(LEFT, y(chance), WIDTH - RIGHT, y(chance), "chance") + drawn.join("") +
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "tasks of meta-training", 'class="tick" text-anchor="middle"'));
}
