// biome-ignore-all lint/suspicious/noApproximativeNumericConstant: positions as fitted
import type { SaccadeModel } from "./saccades.js";

/** Where the image stands during the three saccades, every 5 ms: see `NMNIST_MODEL`. */
const PATH: SaccadeModel["path"] = [
  [0.516, 1.231], [0.516, 1.231], [0.434, 1.380], [0.452, 1.508], [0.407, 1.763], [0.369, 2.177],
  [0.338, 2.584], [0.329, 3.123], [0.348, 3.654], [0.396, 4.350], [0.532, 4.963], [0.795, 5.499],
  [1.103, 5.929], [1.410, 6.252], [1.688, 6.457], [1.912, 6.553], [1.921, 6.596], [1.959, 6.607],
  [1.990, 6.535], [2.031, 6.572], [2.085, 6.545], [2.152, 6.517], [2.238, 6.503], [2.402, 6.436],
  [2.488, 6.460], [2.734, 6.349], [3.056, 6.122], [3.406, 5.763], [3.770, 5.286], [4.087, 4.722],
  [4.307, 4.120], [4.457, 3.528], [4.606, 2.951], [4.799, 2.410], [4.994, 1.933], [5.205, 1.728],
  [5.257, 1.571], [5.335, 1.496], [5.398, 1.474], [5.476, 1.469], [5.575, 1.528], [5.681, 1.468],
  [5.770, 1.519], [5.824, 1.443], [5.846, 1.430], [5.813, 1.423], [5.631, 1.427], [5.197, 1.447],
  [4.774, 1.468], [4.274, 1.535], [3.764, 1.530], [3.221, 1.510], [2.670, 1.354], [2.161, 1.310],
  [1.675, 1.320], [1.341, 1.326], [1.132, 1.220], [0.905, 1.198], [0.738, 1.197], [0.646, 1.205],
  [0.613, 1.212], [0.606, 1.215], [0.606, 1.215], [0.606, 1.215], [0.606, 1.215], [0.606, 1.215],
];

/** The saccade simulator as fitted on N-MNIST recordings 1…520 (zip of SHA-256 080804ab9a7a9139…); written by
 *  `npx tsx src/events/simulators/node/fit-saccades.ts nmnist-real-800.zip train-images-idx3-ubyte.gz`. Do not edit. */
export const NMNIST_MODEL: SaccadeModel = {
  path: PATH,
  pixel: {
    thresholdOn: 0.2,
    thresholdOff: 0.2001,
    mismatch: 0.1234,
    thresholdNoise: 0.514,
    tauUs: 760.2,
    tauMaxUs: 20000,
    refractoryUs: 1203,
    latencyUs: 293.1,
    noiseHz: 0.3018,
    noiseSpread: 0.5744,
    noiseOnShare: 0.9307,
    hotPixels: [
      {
        x: 29,
        y: 1,
        hz: 2.351,
        onShare: 0.6259
      },
      {
        x: 1,
        y: 13,
        hz: 4.67,
        onShare: 0.5817
      },
      {
        x: 18,
        y: 30,
        hz: 43.9,
        onShare: 0.5626
      }
    ]
  },
  display: {
    black: 0.1502,
    gamma: 1.021,
    blur: 0.5008
  },
  pathStepUs: 5000,
  startSpreadUs: 1534,
  placeSpread: 0.06168,
  extentSpread: 0.01288,
  durationUs: 307600,
  durationSpreadUs: 2904,
  initialSpread: 0.2359,
};
