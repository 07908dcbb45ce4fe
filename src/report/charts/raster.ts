import type { RasterLayer, RasterSample } from "../report-data.js";
import { grouped, line, rect, round, scale, shortened, svgFigure, text, ticks } from "../svg.js";

const [WIDTH, LEFT, RIGHT, TOP] = [880, 112, 74, 8];
const [GAP, OUTPUT_ROW, AXIS] = [10, 15, 34];
const MIN_HEIGHT = 44;
const MAX_HEIGHT = 104;

/** Spikes of every layer in one presentation over chip steps, outputs one row each with their counts; window ends are
 *  dashed, the drain after the last input frame is part of the axis. */
export function rasterChart(sample: RasterSample, classNames: readonly string[]): string {
  const x = scale(0, sample.steps, LEFT, WIDTH - RIGHT);
  const parts: string[] = [];
  let y = TOP;
  const hidden = sample.layers.slice(0, -1);
  for (const layer of hidden) {
    const height = Math.round(Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, 14 * Math.log2(layer.neurons / 8 + 1))));
    parts.push(panel(layer, x, y, height));
    y += height + GAP;
  }
  const output = sample.layers[sample.layers.length - 1];
  parts.push(outputPanel(sample, output, classNames, x, y));
  const bottom = y + output.neurons * OUTPUT_ROW;
  const windows = sample.windowEnds.map((end) => line(x(end), TOP, x(end), bottom, "window"));
  const axis = ticks(sample.steps, 6).map((step) =>
    line(x(step), bottom, x(step), bottom + 4, "axis") + text(x(step), bottom + 17, `${step}`, 'class="tick" text-anchor="middle"'));
  return svgFigure(WIDTH, bottom + AXIS, `Spikes of ${sample.title}`, parts.join("") + windows.join("") + axis.join("") +
    text(WIDTH - RIGHT, bottom + 31, "chip step of the presentation", 'class="tick" text-anchor="end"'));
}

function panel(layer: RasterLayer, x: (v: number) => number, y: number, height: number): string {
  const at = scale(0, layer.neurons, y, y + height);
  return rect(LEFT, y, WIDTH - RIGHT - LEFT, height, 'class="panel"') + marks(layer, x, at, height / layer.neurons, "spikes") +
    text(LEFT - 12, y + height / 2 - 2, shortened(layer.name), 'class="label" text-anchor="end"') +
    text(LEFT - 12, y + height / 2 + 12, `${grouped(layer.neurons)}`, 'class="tick" text-anchor="end"') +
    text(WIDTH - RIGHT + 10, y + height / 2 + 4, `${grouped(layer.step.length)}`, 'class="tick"');
}

/** All spikes of a panel as one path: thousands of marks stay small and quick to draw. */
function marks(layer: RasterLayer, x: (v: number) => number, at: (n: number) => number, pitch: number, className: string): string {
  const mark = Math.max(1.2, Math.min(9, pitch * 0.7));
  const commands: string[] = [];
  for (let k = 0; k < layer.step.length; k++) {
    commands.push(`M${round(x(layer.step[k] - 0.5))} ${round(at(layer.neuron[k] + 0.5) - mark / 2)}v${round(mark)}`);
  }
  return commands.length === 0 ? "" : `<path class="${className}" d="${commands.join("")}"/>`;
}

function outputPanel(
  sample: RasterSample, layer: RasterLayer, classNames: readonly string[], x: (v: number) => number, y: number,
): string {
  const at = scale(0, layer.neurons, y, y + layer.neurons * OUTPUT_ROW);
  const rows = Array.from({ length: layer.neurons }, (_, output) => {
    const target = output === sample.target;
    const name = classNames[output] ?? `output ${output}`;
    const decided = output === sample.decision ? " ◂" : "";
    return rect(LEFT, at(output) + 0.5, WIDTH - RIGHT - LEFT, OUTPUT_ROW - 1, `class="${target ? "panel target" : "panel"}"`) +
      text(LEFT - 12, at(output) + 11.5, shortened(name), `class="${target ? "label strong" : "label"}" text-anchor="end"`) +
      text(WIDTH - RIGHT + 10, at(output) + 11.5, `${sample.outputSpikes[output]}${decided}`, `class="${decided ? "value strong" : "tick"}"`);
  });
  return rows.join("") + marks(layer, x, at, OUTPUT_ROW, "spikes output");
}
