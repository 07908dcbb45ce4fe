import { floorplanChart, fullest } from "./charts/floorplan.js";
import type { CoreFill, ReportCertificate, ReportData } from "./report-data.js";
import { escapeText, grouped, withUnit } from "./svg.js";

const cell = (content: string, className = ""): string => `<td${className ? ` class="${className}"` : ""}>${content}</td>`;

/** Cores in use with their fill: a floorplan, and a table of counts beside the limits. */
export function chipSection(data: ReportData): string {
  const { cores, limits } = data;
  const chips = new Set(cores.map((c) => c.chip)).size;
  const share = (n: number, limit: number): string => `${grouped(n)} <small style="color:var(--soft)">${Math.round((100 * n) / limit)} %</small>`;
  const worst = cores.reduce((a, b) => (fullest(b, limits).share > fullest(a, limits).share ? b : a), cores[0]);
  const row = (core: CoreFill): string => `<tr${core === worst && cores.length > 1 ? ' class="worst"' : ""}>` +
    cell(`${chips > 1 ? `${core.chip}.` : ""}${core.core}`) + cell(core.layers.map(escapeText).join(", ") + (core.plastic ? " (learns)" : ""), "left") +
    cell(share(core.compartments, limits.compartments)) + cell(share(core.synapseWords, limits.synapseWords)) +
    cell(share(core.inputAxons, limits.inputAxons)) + cell(share(core.outputAxonSlots, limits.outputAxonSlots)) + "</tr>";
  const head = `<tr><th>core</th><th class="left">layers</th><th>compartments<br>of ${grouped(limits.compartments)}</th>` +
    `<th>synapse words<br>of ${grouped(limits.synapseWords)}</th><th>input axons<br>of ${grouped(limits.inputAxons)}</th>` +
    `<th>output axon slots<br>of ${grouped(limits.outputAxonSlots)}</th></tr>`;
  return `<section id="chip"><h2>On the chip</h2>
<p>${cores.length} ${cores.length === 1 ? "core" : "cores"} on ${chips} ${chips === 1 ? "chip" : "chips"} of ${escapeText(data.board)}.
Squares are cores in tiles of four, the stronger the color the fuller; outlined: the core that learns. Bold in the table: the core nearest to a limit.</p>
<figure class="floorplan${chips > 1 ? " wide" : ""}">${floorplanChart(data)}</figure>
<div class="scroll"><table><thead>${head}</thead><tbody>${cores.map(row).join("")}</tbody></table></div></section>`;
}

/** Energy and time by both public cost models, side by side and never mixed. */
export function costSection({ costs, shots }: ReportData): string {
  if (costs.length === 0) return "";
  const rows = costs.map((c) => `<tr>${cell(escapeText(c.model))}${cell(withUnit(c.energyPerSampleJ, "J"))}` +
    `${cell(withUnit(c.energyPerClassJ, "J"))}${cell(withUnit(c.secondsPerSample, "s"))}</tr>`);
  const notes = costs.flatMap((c) => c.notes.map((n) => `<li><b>${escapeText(c.model)}</b>: ${escapeText(n)}</li>`));
  return `<section id="cost"><h2>Energy and time, estimated</h2>
<p>Operations counted in the simulator, priced by two public models. They were measured differently and disagree; no figure mixes them. No silicon was measured here.
A step takes as long as its busiest core, counted step by step, and the barrier.</p>
<div class="scroll"><table><thead><tr><th>cost model</th><th>energy a sample</th><th>energy to learn a class (${shots} ${shots === 1 ? "shot" : "shots"})</th><th>time a sample</th></tr></thead>
<tbody>${rows.join("")}</tbody></table></div><ul class="statements">${notes.join("")}</ul></section>`;
}

/** The parity certificate: verdict, what was compared, on what, and everything needed to repeat it. */
export function certificateSection(certificate: ReportCertificate | null): string {
  if (!certificate) {
    return '<section id="parity"><h2>Parity certificate</h2><p>Parity was not checked in this run: <code>metaloihi verify BUNDLE</code> does.</p></section>';
  }
  const { compared, differences } = certificate.comparison;
  const counts = [
    ["presentations", compared.presentations], ["spikes of all layers", compared.spikes], ["weights after each presentation", compared.weights],
    ["values of u and v", compared.potentials], ["y1 written", compared.y1], ["output spike counts", compared.outputSpikes], ["decisions", compared.decisions],
    ["differences", differences],
  ] as const;
  const facts = [
    ["engine", certificate.engine], ["program", certificate.programText], ["tasks", taskRange(certificate.tasks)],
    ["seed of the tasks", `${certificate.taskSeed}`], ["seed of the chip", `${certificate.chipSeed}`],
    ["resetPreTrace", certificate.resetPreTrace ? "on" : "off"],
  ] as const;
  return `<section id="parity"><h2>Parity certificate</h2>
<p>The training engine predicts the whole run; the simulator, written apart from it, executes the compiled image. They must agree in every integer.</p>
<p><span class="verdict ${certificate.verdict}">${certificate.verdict === "equal" ? "Equal in every integer" : "Different"}</span></p>
${certificate.firstText === null ? "" : `<p>First difference: ${escapeText(certificate.firstText)}</p>`}
<ul class="statements">${certificate.statements.map((s) => `<li>${escapeText(s)}</li>`).join("")}</ul>
<div class="scroll narrow"><table><thead><tr><th>compared</th><th>values</th></tr></thead><tbody>${counts.map(([name, n]) =>
    `<tr>${cell(name)}${cell(grouped(n))}</tr>`).join("")}</tbody></table></div>
<h3>To repeat it</h3><div class="scroll"><table><tbody>${facts.map(([name, value]) => `<tr>${cell(name)}${cell(escapeText(value), "left wrap")}</tr>`).join("")}
${Object.entries(certificate.hashes).map(([part, hash]) => `<tr>${cell(escapeText(part))}<td class="left"><span class="hash">${escapeText(hash)}</span></td></tr>`).join("")}</tbody></table></div></section>`;
}

/** 0, 1, 2, 3 → "0–3 (4)". */
function taskRange(tasks: readonly number[]): string {
  if (tasks.length === 0) return "none";
  const consecutive = tasks.every((t, k) => k === 0 || t === tasks[k - 1] + 1);
  return consecutive && tasks.length > 1 ? `${tasks[0]}–${tasks[tasks.length - 1]} (${tasks.length})` : tasks.join(", ");
}
