import { writeFileSync } from "node:fs";
import { sha256Hex } from "../../../base/bytes.js";
import { readFileBytes } from "../../../base/node/files.js";
import { fitBackground } from "../fit/background.js";
import { fitMismatch } from "../fit/mismatch.js";
import { objective, type Paired } from "../fit/objective.js";
import { fitOffsets } from "../fit/offsets.js";
import { fitPath } from "../fit/path.js";
import { type FitParameter, patternSearch } from "../fit/search.js";
import type { SaccadeModel } from "../saccades.js";
import { loadPaired } from "./paired.js";

/** Fits the saccade simulator on real recordings and writes `nmnist-model.ts`:
 *  `npx tsx src/events/simulators/node/fit-saccades.ts nmnist-real-800.zip train-images-idx3-ubyte.gz`
 *  Only recordings 1…520 are read: 521…800 are for the report (README.md), and for validation and test of training. */
const FIT = { first: 1, last: 520, pathEvery: 3, searchEvery: 9, seed: 1, sweeps: 9, knotSweeps: 2, pathStepUs: 5000, restUs: 10_000 } as const;

/** Start of the fit: rest, and corners of the triangle where the events' centers of mass turn. */
const CORNERS: readonly (readonly [tMs: number, x: number, y: number])[] = [
  [0, 1, 1], [15, 1, 1], [80, 2, 6], [115, 2, 6], [190, 5, 2], [225, 5, 2], [290, 1, 1], [320, 1, 1],
];

const START: SaccadeModel = {
  pixel: {
    thresholdOn: 0.2, thresholdOff: 0.2, mismatch: 0, thresholdNoise: 0.4, tauUs: 600, tauMaxUs: 20_000, refractoryUs: 1200, latencyUs: 200,
    noiseHz: 0.4, noiseSpread: 0.7, noiseOnShare: 0.95, hotPixels: [],
  },
  display: { black: 0.15, gamma: 1, blur: 0.5 }, path: [], pathStepUs: FIT.pathStepUs,
  startSpreadUs: 0, placeSpread: 0, extentSpread: 0, durationUs: 307_000, durationSpreadUs: 2500, initialSpread: 0.5,
};

const report = (line: string): void => void process.stderr.write(`${line}\n`);

const every = ({ streams, images }: Paired, n: number): Paired => ({
  streams: streams.filter((_, k) => k % n === 0), images: images.filter((_, k) => k % n === 0),
});

type PixelNumber = "thresholdOn" | "thresholdOff" | "thresholdNoise" | "tauUs" | "tauMaxUs" | "refractoryUs" | "latencyUs" | "noiseHz";

const ofPixel = (name: PixelNumber, step: number, least?: number, most?: number): FitParameter<SaccadeModel> => ({
  name, step, scale: "factor", least, most, get: (m) => m.pixel[name], set: (m, v) => ({ ...m, pixel: { ...m.pixel, [name]: v } }),
});

const ofDisplay = (name: "black" | "gamma" | "blur", step: number, least: number, most: number): FitParameter<SaccadeModel> => ({
  name, step, scale: "factor", least, most, get: (m) => m.display[name], set: (m, v) => ({ ...m, display: { ...m.display, [name]: v } }),
});

/** The whole path earlier by v µs: what the linear fit saw is late by the pixels' own delay. */
function shifted(path: SaccadeModel["path"], knots: number): SaccadeModel["path"] {
  const last = path.length - 1;
  return path.map((_, k) => {
    const at = Math.max(0, Math.min(last, k + knots));
    const [i, f] = [Math.min(last - 1, Math.floor(at)), at - Math.min(last - 1, Math.floor(at))];
    return [0, 1].map((axis) => path[i][axis] + f * (path[i + 1][axis] - path[i][axis])) as unknown as readonly [number, number];
  });
}

function parameters(base: SaccadeModel["path"]): FitParameter<SaccadeModel>[] {
  const shifts = new Map([[base, 0]]);
  const shiftedBy = (knots: number): SaccadeModel["path"] => {
    const path = shifted(base, knots);
    shifts.set(path, knots);
    return path;
  };
  return [
    ofPixel("thresholdOn", 0.1), ofPixel("thresholdOff", 0.1), ofPixel("refractoryUs", 0.2, 100, 6000), ofPixel("tauUs", 0.3, 50, 20_000),
    {
      name: "shift", step: 0.2, scale: "plain", least: -2, most: 2, get: (m) => shifts.get(m.path) ?? 0,
      set: (m, v) => ({ ...m, path: shiftedBy(v) }),
    },
    ofDisplay("black", 0.2, 0.02, 0.9), ofDisplay("gamma", 0.15, 0.3, 3), ofDisplay("blur", 0.1, 0.2, 1.2),
    ofPixel("thresholdNoise", 0.3, 0.005, 0.6), ofPixel("latencyUs", 0.5, 1, 5000),
    ofPixel("tauMaxUs", 0.4, 500, 100_000), ofPixel("noiseHz", 0.1),
    { name: "initialSpread", step: 0.2, scale: "plain", least: 0, most: 1, get: (m) => m.initialSpread, set: (m, v) => ({ ...m, initialSpread: v }) },
  ];
}

const knotParameters = (count: number): FitParameter<SaccadeModel>[] => Array.from({ length: count }, (_, k) => [0, 1].map((axis): FitParameter<SaccadeModel> => ({
  name: `knot ${k}.${axis}`, step: 0.06, scale: "plain",
  get: (m) => m.path[k][axis],
  set: (m, v) => ({ ...m, path: m.path.map((knot, i) => (i === k ? ([axis === 0 ? v : knot[0], axis === 1 ? v : knot[1]] as const) : knot)) }),
}))).flat();

function startPath(): [number, number][] {
  return Array.from({ length: 66 }, (_, k) => {
    const t = k * FIT.pathStepUs / 1000;
    const after = Math.max(1, CORNERS.findIndex(([ms]) => ms >= t));
    const [a, b] = [CORNERS[after - 1], CORNERS[after]] as const;
    const f = b ? Math.min(1, (t - a[0]) / (b[0] - a[0])) : 0;
    return [a[1] + f * ((b ?? a)[1] - a[1]), a[2] + f * ((b ?? a)[2] - a[2])];
  });
}

async function main(zip: string, idx: string): Promise<void> {
  const all = await loadPaired(zip, idx, FIT.first, FIT.last);
  report(`${all.streams.length} recordings`);
  const background = fitBackground(all.streams);
  report(`background ${JSON.stringify(background)}`);
  const lasts = all.streams.map(({ tUs }) => tUs[tUs.length - 1]);
  const durationUs = lasts.reduce((s, v) => s + v, 0) / lasts.length;
  const durationSpreadUs = Math.sqrt(lasts.reduce((s, v) => s + (v - durationUs) ** 2, 0) / lasts.length);
  const forPath = every(all, FIT.pathEvery);
  // The last knots are past the end of most recordings: they stay where the image comes to rest.
  const known = 62;
  const fitted = fitPath(forPath.streams, forPath.images, START.display, startPath().slice(0, known), FIT.pathStepUs, FIT.restUs, 14);
  report(`path: gain ${fitted.gain.toFixed(3)}, unexplained ${(100 * fitted.unexplained).toFixed(2)} %`);
  const offsets = fitOffsets(forPath.streams, forPath.images, START.display, fitted.path, FIT.pathStepUs, FIT.restUs);
  report(`offsets ${JSON.stringify(offsets)}`);
  const path = [...fitted.path, ...Array.from({ length: 66 - known }, () => fitted.path[known - 1])];
  let model: SaccadeModel = { ...START, pixel: { ...START.pixel, ...background }, path, ...offsets, durationUs, durationSpreadUs };
  const sample = every(all, FIT.searchEvery);
  const loss = objective(sample, FIT.seed);
  for (let round = 0; round < FIT.knotSweeps; round++) {
    const mismatch = fitMismatch(model, every(all, 2), FIT.seed);
    report(`mismatch ${mismatch.toFixed(4)}`);
    model = { ...model, pixel: { ...model.pixel, mismatch } };
    model = patternSearch(model, parameters(model.path), loss, FIT.sweeps, report).model;
    report(JSON.stringify({ ...model, path: undefined }));
    model = patternSearch(model, knotParameters(known), loss, 1, report).model;
  }
  model = patternSearch(model, parameters(model.path), loss, FIT.sweeps, report).model;
  const target = new URL("../nmnist-model.ts", import.meta.url);
  writeFileSync(target, modelText(model, sha256Hex(readFileBytes(zip))));
  report(`${target.pathname} written`);
}

/** The constants as source, with where they come from. */
function modelText(model: SaccadeModel, hash: string): string {
  const { path, ...rest } = model;
  const knots = path.map(([x, y]) => `[${x.toFixed(3)}, ${y.toFixed(3)}]`);
  const rows = Array.from({ length: Math.ceil(knots.length / 6) }, (_, k) => `  ${knots.slice(6 * k, 6 * k + 6).join(", ")},`);
  const json = JSON.stringify(rest, (_, v: unknown) => (typeof v === "number" ? Number(v.toPrecision(4)) : v), 2)
    .replace(/"([A-Za-z]+)":/g, "$1:").split("\n").slice(1, -1).join("\n");
  return `import type { SaccadeModel } from "./saccades.js";

/** Where the image stands during the three saccades, every 5 ms: see \`NMNIST_MODEL\`. */
const PATH: SaccadeModel["path"] = [
${rows.join("\n")}
];

/** The saccade simulator as fitted on N-MNIST recordings ${FIT.first}…${FIT.last} (zip of SHA-256 ${hash.slice(0, 16)}…); written by
 *  \`npx tsx src/events/simulators/node/fit-saccades.ts nmnist-real-800.zip train-images-idx3-ubyte.gz\`. Do not edit. */
export const NMNIST_MODEL: SaccadeModel = {
  path: PATH,
${json},
};
`;
}

await main(process.argv[2], process.argv[3]);
