import type { ExampleTask } from "../report-data.js";
import { line, rect, round, scale, shortened, svgFigure, text } from "../svg.js";

const [WIDTH, LEFT, RIGHT, TOP, ROW] = [880, 96, 110, 6, 34];
const MAX_COLUMNS = 512;

/** Change of every weight of the plastic layer over the support, one strip an output: up from the middle line where it
 *  rose, down where it fell. Wide layers are binned to the largest change of each bin. */
export function weightChangesChart({ weightChange, classNames }: ExampleTask): string {
  const inputs = weightChange[0]?.length ?? 0;
  const columns = Math.min(MAX_COLUMNS, inputs);
  const largest = Math.max(1, ...weightChange.map((row) => Array.from(row).reduce((max, d) => Math.max(max, Math.abs(d)), 0)));
  const x = scale(0, columns, LEFT, WIDTH - RIGHT);
  const strips = weightChange.map((row, output) => {
    const top = TOP + output * ROW;
    const middle = top + (ROW - 6) / 2;
    const half = scale(0, largest, 0, (ROW - 6) / 2);
    const [rises, falls]: [string[], string[]] = [[], []];
    for (let column = 0; column < columns; column++) {
      const d = largestIn(row, Math.floor((column * inputs) / columns), Math.floor(((column + 1) * inputs) / columns));
      if (d !== 0) (d > 0 ? rises : falls).push(`M${round(x(column + 0.5))} ${round(middle)}v${round(-Math.sign(d) * half(Math.abs(d)))}`);
    }
    const changed = Array.from(row).filter((d) => d !== 0).length;
    return rect(LEFT, top, WIDTH - RIGHT - LEFT, ROW - 6, 'class="panel"') +
      `<path class="rise" d="${rises.join("")}"/><path class="fall" d="${falls.join("")}"/>` +
      line(LEFT, middle, WIDTH - RIGHT, middle, "axis") +
      text(LEFT - 12, middle + 4, shortened(classNames[output] ?? `output ${output}`), 'class="label" text-anchor="end"') +
      text(WIDTH - RIGHT + 10, middle + 4, `${changed} of ${inputs}`, 'class="tick"');
  });
  const bottom = TOP + weightChange.length * ROW;
  return svgFigure(WIDTH, bottom + 22, "Change of each plastic weight", strips.join("") +
    text(LEFT, bottom + 12, "input of the layer, in [C, H, W] order", 'class="tick"') +
    text(WIDTH - RIGHT, bottom + 12, `full height: ±${largest} of 256`, 'class="tick" text-anchor="end"'));
}

function largestIn(row: ArrayLike<number>, from: number, to: number): number {
  let best = 0;
  for (let k = from; k < Math.max(to, from + 1); k++) if (Math.abs(row[k]) > Math.abs(best)) best = row[k];
  return best;
}
