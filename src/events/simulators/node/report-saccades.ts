import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readFileBytes } from "../../../base/node/files.js";
import { frameFeatures, scoreClassifier, trainClassifier } from "../fit/classifier.js";
import { simulateAll } from "../fit/objective.js";
import { BINS, distancesOf, type SetStatistics, statisticsOf } from "../fit/statistics.js";
import { parseIdxImages, parseIdxLabels } from "../mnist-idx.js";
import { NMNIST_MODEL } from "../nmnist-model.js";
import { loadPaired } from "./paired.js";

/** Holds simulated recordings against real ones that the fit did not see, and writes the report into `README.md`:
 *  `npx tsx src/events/simulators/node/report-saccades.ts nmnist-real-800.zip train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz` */
const REPORT = { first: 521, last: 800, seed: 2, trainFirst: 1, trainLast: 520, otherFirst: 1001, otherCount: 10_000 } as const;
const MARKS = ["<!-- report -->", "<!-- end of report -->"] as const;

const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`;
const mean = (v: Float64Array): number => v.reduce((s, x) => s + x, 0) / v.length;
const deviation = (v: Float64Array): number => Math.sqrt(v.reduce((s, x) => s + (x - mean(v)) ** 2, 0) / v.length);

/** Value below which a share of a histogram lies, in bins. */
function quantile(histogram: Float64Array, share: number): number {
  const total = histogram.reduce((s, v) => s + v, 0);
  let below = 0;
  for (let k = 0; k < histogram.length; k++) {
    below += histogram[k];
    if (below >= share * total) return k;
  }
  return histogram.length - 1;
}

function distributionRows(real: SetStatistics, simulated: SetStatistics): string[] {
  const d = distancesOf(real, simulated);
  const both = (f: (s: SetStatistics) => string): string => `${f(real)} | ${f(simulated)}`;
  const deciles = (h: Float64Array, unit: number): string => [0.1, 0.5, 0.9].map((q) => (quantile(h, q) * unit).toFixed(unit < 1 ? 1 : 0)).join(" / ");
  const pixels = (s: SetStatistics): Float64Array => s.pixelCounts.map((v, k) => (k === 0 ? 0 : v));
  return [
    "| | real | simulated | distance |", "|---|---|---|---|",
    `| events of a recording, mean ± sd | ${both((s) => `${mean(s.counts).toFixed(0)} ± ${deviation(s.counts).toFixed(0)}`)} | KS ${d.counts.toFixed(3)}; by pairs: correlation ${d.countCorrelation.toFixed(3)}, mean error ${percent(d.countError)} |`,
    `| ON share | ${both((s) => percent(s.onShare, 2))} | ${(100 * d.onShareDifference).toFixed(2)} points |`,
    `| ON share by recording, sd | ${both((s) => percent(deviation(s.onShares), 2))} | |`,
    `| events of a pixel that has any, deciles 1 / 5 / 9 | ${both((s) => deciles(pixels(s), 1))} | KS ${d.pixelCounts.toFixed(3)} |`,
    `| pixels without an event | ${both((s) => percent(s.pixelCounts[0] / (s.recordings * 1156)))} | |`,
    `| interval at a pixel, polarity stays, ms, deciles | ${both((s) => deciles(s.sameIntervals, BINS.intervalUs / 1000))} | KS ${d.sameIntervals.toFixed(3)} |`,
    `| interval at a pixel, polarity turns, ms, deciles | ${both((s) => deciles(s.otherIntervals, BINS.intervalUs / 1000))} | KS ${d.otherIntervals.toFixed(3)} |`,
    `| share of intervals in which it stays | ${both((s) => percent(sum(s.sameIntervals) / (sum(s.sameIntervals) + sum(s.otherIntervals))))} | |`,
    `| interval in the stream, µs, deciles | ${both((s) => deciles(s.streamIntervals, 1))} | KS ${d.streamIntervals.toFixed(3)} |`,
    `| events by time and polarity, 5 ms | | | ½ L1 ${d.rates.toFixed(3)} |`,
  ];
}

const sum = (v: Float64Array): number => v.reduce((s, x) => s + x, 0);

async function main(zip: string, idx: string, idxLabels: string): Promise<void> {
  const { first, last, seed } = REPORT;
  const held = await loadPaired(zip, idx, first, last);
  const simulated = simulateAll(NMNIST_MODEL, held.images, seed);
  // What two halves of the real recordings have between them: a distance below this says nothing.
  const halves = [0, 1].map((odd) => statisticsOf(held.streams.filter((_, k) => k % 2 === odd)));
  const floor = distancesOf(halves[0], halves[1]);
  const rows = distributionRows(statisticsOf(held.streams), statisticsOf(simulated));

  const train = await loadPaired(zip, idx, REPORT.trainFirst, REPORT.trainLast);
  const features = (streams: typeof held.streams): Float32Array[] => streams.map(frameFeatures);
  const [realTrain, realTest, simulatedTest] = [features(train.streams), features(held.streams), features(simulated)];
  const simulatedTrain = features(simulateAll(NMNIST_MODEL, train.images, seed + 1));
  const others = otherImages(idx, idxLabels);
  const simulatedOthers = features(simulateAll(NMNIST_MODEL, others.images, seed + 2));
  const score = (name: string, samples: readonly Float32Array[], labels: readonly number[]): string => {
    const classifier = trainClassifier(samples, labels, 10, 1);
    return `| ${name} | ${samples.length} | ${percent(scoreClassifier(classifier, realTest, held.labels))} | ${percent(scoreClassifier(classifier, simulatedTest, held.labels))} |`;
  };
  const told = trainClassifier([...realTrain, ...simulatedTrain], [...realTrain.map(() => 0), ...simulatedTrain.map(() => 1)], 2, 1);
  const apart = (scoreClassifier(told, realTest, realTest.map(() => 0)) + scoreClassifier(told, simulatedTest, simulatedTest.map(() => 1))) / 2;
  const text = [
    `Real recordings ${first}…${last} (${held.streams.length}, none of them used for the fit) and simulated ones of the same images, seed ${seed}.`, "",
    ...rows, "",
    `Between the odd and the even ones of these real recordings: KS ${floor.counts.toFixed(3)} (counts), ${floor.pixelCounts.toFixed(3)} (pixels), ` +
      `${floor.sameIntervals.toFixed(3)} and ${floor.otherIntervals.toFixed(3)} (intervals), ${floor.streamIntervals.toFixed(3)} (stream); ½ L1 ${floor.rates.toFixed(3)}.`, "",
    `Softmax regression on event counts (3 saccades × 2 polarities × 17×17 cells), tested on the held-out recordings ${first}…${last}:`, "",
    "| trained on | recordings | score on real | score on simulated |", "|---|---|---|---|",
    score(`real ${REPORT.trainFirst}…${REPORT.trainLast}`, realTrain, train.labels),
    score("simulated, the same images", simulatedTrain, train.labels),
    score("both of these", [...realTrain, ...simulatedTrain], [...train.labels, ...train.labels]),
    score(`simulated, other images (from MNIST ${REPORT.otherFirst} on)`, simulatedOthers, others.labels),
    score("the same, and real", [...simulatedOthers, ...realTrain], [...others.labels, ...train.labels]), "",
    `The same regression asked whether a recording is real or simulated is right in ${percent(apart)} (50 % would be: cannot tell).`,
  ].join("\n");
  const readme = join(dirname(fileURLToPath(import.meta.url)), "..", "README.md");
  const [before, rest] = readFileSync(readme, "utf8").split(MARKS[0]);
  writeFileSync(readme, `${before}${MARKS[0]}\n${text}\n${MARKS[1]}${rest.split(MARKS[1])[1]}`);
  process.stdout.write(`${text}\n`);
}

function otherImages(idx: string, idxLabels: string): { images: Uint8Array[]; labels: number[] } {
  const { pixels } = parseIdxImages(readFileBytes(idx), idx);
  const labels = parseIdxLabels(readFileBytes(idxLabels), idxLabels);
  const numbers = Array.from({ length: REPORT.otherCount }, (_, k) => REPORT.otherFirst - 1 + k);
  return { images: numbers.map((k) => pixels.subarray(784 * k, 784 * (k + 1))), labels: numbers.map((k) => labels[k]) };
}

await main(process.argv[2], process.argv[3], process.argv[4]);
