/** Text made safe for HTML and SVG. */
export const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c] ?? c);

/** A figure in a scalable box; colors come from the page's CSS classes, so that it follows light and dark.
 *  @param label  what a screen reader says */
export function svgFigure(width: number, height: number, label: string, body: string): string {
  return `<svg viewBox="0 0 ${round(width)} ${round(height)}" role="img" aria-label="${escapeText(label)}" ` +
    `style="min-width:${Math.min(560, Math.round(width * 0.66))}px">${body}</svg>`;
}

export const round = (x: number): number => Math.round(x * 10) / 10;

export const text = (x: number, y: number, content: string, attributes = ""): string =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeText(content)}</text>`;

export const line = (x1: number, y1: number, x2: number, y2: number, className: string): string =>
  `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" class="${className}"/>`;

export const rect = (x: number, y: number, width: number, height: number, attributes: string, title = ""): string =>
  `<rect x="${round(x)}" y="${round(y)}" width="${round(Math.max(0, width))}" height="${round(height)}" ${attributes}` +
  `${title ? `><title>${escapeText(title)}</title></rect>` : "/>"}`;

/** Linear map of [from, to] onto [low, high]. */
export const scale = (from: number, to: number, low: number, high: number) =>
  (x: number): number => low + ((x - from) / (to - from || 1)) * (high - low);

/** About `count` round numbers that span [0, max]. */
export function ticks(max: number, count: number): number[] {
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? rough;
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, k) => Math.round(k * step * 1e6) / 1e6);
}

/** 12345 → "12,345". */
export const grouped = (n: number): string => n.toLocaleString("en-US");

/** Percent with one digit: "92.8". */
export const percent = (x: number): string => (Number.isFinite(x) ? x.toFixed(1) : "–");

const PREFIXES = [["", 1], ["m", 1e-3], ["µ", 1e-6], ["n", 1e-9], ["p", 1e-12]] as const;

/** A quantity with the SI prefix that keeps it between 1 and 1000: 0.0000312 J → "31.2 µJ". */
export function withUnit(value: number, unit: string): string {
  if (value === 0) return `0 ${unit}`;
  const [prefix, factor] = PREFIXES.find(([, f]) => Math.abs(value) >= f) ?? PREFIXES[PREFIXES.length - 1];
  return `${(value / factor).toPrecision(3)} ${prefix}${unit}`;
}

/** A name that fits beside a row: long ones end in an ellipsis. */
export const shortened = (name: string, limit = 13): string => (name.length <= limit ? name : `${name.slice(0, limit - 1)}…`);
