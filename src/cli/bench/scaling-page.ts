/** The curves of `bench scaling` as one page, without script or outside file. */
import { STYLE } from "../../report/style.js";
import { escapeText, grouped, line, round, scale, svgFigure, text, ticks } from "../../report/svg.js";
import type { ScalingCurve, ScalingReport } from "./scaling.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 260, 64, 24, 14, 46];

/** The page as HTML. */
export function scalingPage(report: ScalingReport): string {
  const title = `Cost of a meta-step: ${report.network}, engine ${report.engine}, ${report.threads} threads`;
  const sections = report.curves.map((curve) =>
    `<section><h2>${escapeText(curve.axis)}</h2><figure>${curveChart(curve)}<figcaption>${escapeText(caption(curve))}</figcaption></figure></section>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeText(title)}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body><main><h1>${escapeText(title)}</h1><p class="lead">CPU time of all threads, median of the repeats, on made-up events. Dashed: the line
through the points. Peak memory ${grouped(Math.round(report.peak_rss_mib))} MiB.</p>${sections.join("\n")}</main></body></html>
`;
}

const caption = ({ axis, points, line: fit }: ScalingCurve): string => axis === "threads"
  ? `On the clock: ${points.map((p) => `${p.value}: ${p.wall_ms.toFixed(0)} ms`).join(", ")}.`
  : `${fit.offset_ms.toFixed(1)} ms + ${fit.slope_ms.toPrecision(3)} ms each; no point is further than ${fit.worst_percent.toFixed(0)} % from the line.`;

function curveChart({ unit, points, line: fit }: ScalingCurve): string {
  const right = Math.max(...points.map((p) => p.value));
  const top = 1.1 * Math.max(...points.map((p) => p.cpu_ms));
  const x = scale(0, right, LEFT, WIDTH - RIGHT);
  const y = scale(0, top, HEIGHT - BOTTOM, TOP);
  const grid = ticks(top, 4).map((v) => line(LEFT, y(v), WIDTH - RIGHT, y(v), v === 0 ? "axis" : "grid") +
    text(LEFT - 8, y(v) + 4, `${grouped(v)} ms`, 'class="tick" text-anchor="end"'));
  const marks = points.map((p) => text(x(p.value), HEIGHT - BOTTOM + 18, String(p.value), 'class="tick" text-anchor="middle"'));
  const at = (v: number): number => y(Math.max(0, fit.offset_ms + fit.slope_ms * v));
  const path = points.map((p, k) => `${k === 0 ? "M" : "L"}${round(x(p.value))} ${round(y(p.cpu_ms))}`).join("");
  const dots = points.map((p) => `<circle class="dot" cx="${round(x(p.value))}" cy="${round(y(p.cpu_ms))}" r="4"><title>` +
    `${p.value}: ${p.cpu_ms.toFixed(1)} ms of CPU</title></circle>`);
  return svgFigure(WIDTH, HEIGHT, `CPU time of a meta-step over ${unit}`,
    grid.join("") + marks.join("") + line(x(points[0].value), at(points[0].value), x(right), at(right), "chance") +
    `<path class="curve-validation" d="${path}"/>` + dots.join("") +
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, unit, 'class="tick" text-anchor="middle"'));
}
