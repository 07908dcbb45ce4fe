import { comparisonChart, perTaskChart } from "./charts/comparison.js";
import { learningCurveChart } from "./charts/learning-curve.js";
import { rasterChart } from "./charts/raster.js";
import { weightChangesChart } from "./charts/weight-changes.js";
import { windowErrorsChart } from "./charts/window-errors.js";
import type { ExampleTask, ReportData } from "./report-data.js";
import { certificateSection, chipSection, costSection } from "./sections.js";
import { STYLE } from "./style.js";
import { escapeText, grouped, percent } from "./svg.js";

/** The whole page as one HTML text: no script, no file from elsewhere, opens offline. Equal data give equal bytes. */
export function renderReport(data: ReportData): string {
  const sections = [
    header(data), resultSection(data), trainingSection(data), data.example ? exampleSections(data.example) : "",
    chipSection(data), costSection(data), certificateSection(data.certificate), commandsSection(data), footer(data),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeText(data.title)}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body><main>${sections.join("\n")}</main></body></html>
`;
}

const plural = (n: number, one: string, many: string): string => `${grouped(n)} ${n === 1 ? one : many}`;

function header(data: ReportData): string {
  const { accuracy, certificate, cores, tasks } = data;
  const badges = [
    `${data.data} recordings`, `protocol ${data.protocol}`, `${data.split} classes, never trained on`,
    `${data.ways}-way ${data.shots}-shot`, "simulated chip, not silicon", `${data.engine} engine`,
  ];
  const figures = [
    { name: "After learning", value: `${percent(accuracy.after)} %`, note: `± ${percent(accuracy.ci95)} over ${plural(tasks.tested, "task", "tasks")}`, main: true },
    { name: "Before learning", value: `${percent(accuracy.before)} %`, note: `chance is ${percent(data.floors.chance)} %` },
    {
      name: "Parity", value: certificate ? grouped(certificate.comparison.differences) : "–",
      note: certificate ? `${certificate.comparison.differences === 1 ? "difference" : "differences"} in ${grouped(certificate.comparison.compared.spikes)} spikes` : "not checked",
    },
    { name: "Neuro cores", value: `${cores.length}`, note: `of ${data.mesh.positions.length} on a chip` },
    ...(data.seconds === undefined ? [] : [{ name: "All of it took", value: duration(data.seconds), note: `${grouped(tasks.trained)} tasks trained` }]),
  ];
  return `<header><h1>${escapeText(data.title)}</h1>
<p class="lead">Meta-trained on ${grouped(tasks.trained)} tasks, compiled for one Loihi chip, and replayed on a simulator that runs only what
was compiled: each new class was learned on the chip from ${data.shots === 1 ? "a single recording" : `${data.shots} recordings`}.</p>
<ul class="badges">${badges.map((b) => `<li>${escapeText(b)}</li>`).join("")}</ul>
<dl class="figures">${figures.map((f) => `<div${"main" in f && f.main ? ' class="main"' : ""}><dt>${escapeText(f.name)}</dt>` +
    `<dd>${escapeText(f.value)}<small>${escapeText(f.note)}</small></dd></div>`).join("")}</dl></header>`;
}

const duration = (seconds: number): string =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`;

const figure = (svg: string, caption: string, className = ""): string =>
  `<figure${className ? ` class="${className}"` : ""}>${svg}<figcaption>${caption}</figcaption></figure>`;

function resultSection(data: ReportData): string {
  const chart = figure(comparisonChart(data), "All on the same tasks. Frames: nearest prototype on summed input frames. Own features: " +
    "nearest prototype on the spike counts of the network’s last hidden layer. Gradient step: one float step of the last layer on the support.", "compact");
  const spread = data.perTask.length > 1 ? figure(perTaskChart(data.perTask), "Accuracy of single tasks after learning.", "compact") : "";
  return `<section id="result"><h2>One look at each new class</h2>
<p>${grouped(data.tasks.tested)} tasks of ${escapeText(data.split)} classes, ${escapeText(data.source)}. Whiskers are the 95 % interval over tasks.</p>${chart}${spread}</section>`;
}

function trainingSection(data: ReportData): string {
  const { training, validation } = data.learningCurve;
  const { network } = data;
  const text = `<p>${escapeText(network.name)}: ${network.layers.map(escapeText).join(" – ")}; ${grouped(network.parameters)} parameters, ` +
    `${network.weightBits}-bit weights. The training forward pass is the chip’s integer arithmetic, and its inner loop is the learning rule that runs on the chip.</p>`;
  const chart = training.length + validation.length > 1
    ? figure(learningCurveChart(data), "Query accuracy after learning, on training tasks (gray, averaged) and on meta-validation classes (dots).")
    : "<p>The parameters came ready-made, so there is no learning curve.</p>";
  return `<section id="training"><h2>Meta-training</h2>${text}${chart}</section>`;
}

function exampleSections(example: ExampleTask): string {
  const key = '<span class="key" style="background:var(--positive)"></span>more spikes wanted, weights rise; ' +
    '<span class="key" style="background:var(--negative)"></span>fewer wanted, weights fall';
  return `<section id="rasters"><h2>One sample learned, one asked</h2>
<p>Task ${example.number}: classes ${example.classNames.map(escapeText).join(", ")}. Each mark is a spike; the shaded output row is the sample’s class.</p>
<h3>${escapeText(example.support.title)}</h3>
${figure(rasterChart(example.support, example.classNames), "Learning is on. At each dashed line a window ends: the x86 program reads the output counters and writes the errors. Right: spikes in the layer.")}
<h3>${escapeText(example.query.title)}</h3>
${figure(rasterChart(example.query, example.classNames), "Learning is off. Right: spikes of each output; ◂ marks the decision.")}</section>
<section id="errors"><h2>What the errors did to the weights</h2>
<p>The support samples in the order they were shown. The embedded program turns each output’s spikes of a window into an error e, and the
learning engine moves the weights of the inputs that were active: ${key}. The outlined row is the class being shown.</p>
${figure(windowErrorsChart(example), "Numbers are e = y1 − 64 as written at the end of each window; bars are the sum of the weight changes of that presentation. Hover for counts.")}
<h3>Weights after all lessons</h3>
${figure(weightChangesChart(example), "Every plastic weight, change against the start weights; right: how many changed.")}</section>`;
}

function commandsSection({ commands }: ReportData): string {
  if (commands.length === 0) return "";
  const lines = commands.map(({ line, what }) => `<span style="color:var(--soft)"># ${escapeText(what)}</span>\n${escapeText(line)}`);
  return `<section id="commands"><h2>Check it, or go on</h2><pre><code>${lines.join("\n\n")}</code></pre></section>`;
}

const footer = (data: ReportData): string =>
  `<footer>Measured on ${data.data} recordings (${escapeText(data.source)}), protocol ${data.protocol}, with a simulator of the chip, not silicon. ` +
  "Made by metaloihi; the page holds everything it shows and loads nothing.</footer>";
