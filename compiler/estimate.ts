/** What a network would need of the chip, before it is trained: cores, energy, time, and what other choices would need.
 *  Works on shapes and precisions alone; spike rates are assumed and said. */
import {
  COST_TABLES,
  dynamicEnergy,
  staticEnergy,
  stepSeconds,
  type CostModel,
  type CountedOperations,
} from "../hw/energy.js";
import { BOARDS, CHIP_LIMITS, DECAY_ONE, type BoardName } from "../hw/limits.js";
import { routeHops, tilesUsed } from "../hw/topology.js";
import { Diagnostics, UserError } from "../src/base/errors.js";
import { networkShapes, presentationSteps, sizeOf } from "../src/model/shapes.js";
import type { NetworkSpec, QuantizedNetwork } from "../src/model/types.js";
import type { PlacedNetwork } from "./ir.js";
import { lowerPlasticity } from "./passes/lower-plasticity.js";
import { partition } from "./passes/partition.js";
import { place, trafficOf } from "./passes/place.js";
import { verifyIntegers } from "./passes/verify-integers.js";
import { DEFAULT_SYNAPSE_MARGIN } from "./pipeline.js";
import { tileCost } from "./search/tile.js";

/** Spikes a step and neuron that an estimate assumes: the input as in the recordings, layers as training starts them
 *  (design §6); an OR pool fires if any of its four does. */
export const ASSUMED_RATES = { input: 0.03, layer: 0.07, beforePool: 0.03 } as const;

export interface EstimateOptions {
  readonly board?: BoardName;
  readonly synapseMargin?: number;
}

/** One mapping's needs. Joule and seconds by cost model, each from one public table only. */
export interface MappingEstimate {
  readonly cores: number;
  readonly chips: number;
  /** Worst core's share of its synapse words and compartments. */
  readonly worst: { readonly synapseWords: number; readonly compartments: number };
  /** Dynamic energy of one presentation without learning. */
  readonly energyPerSampleJ: Readonly<Record<CostModel, number>>;
  /** Dynamic energy to learn a class from one sample. */
  readonly energyPerClassJ: Readonly<Record<CostModel, number>>;
  /** Unthrottled, by the busiest core and the barrier. */
  readonly secondsPerSample: Readonly<Record<CostModel, number>>;
  /** Static energy of the chips over secondsPerSample; never part of the dynamic one. */
  readonly staticPerSampleJ: Readonly<Record<CostModel, number>>;
}

/** Another choice: its needs, or why it is refused. */
export interface Alternative {
  readonly change: string;
  readonly cores?: number;
  readonly chips?: number;
  readonly energyPerSampleJ?: Readonly<Record<CostModel, number>>;
  readonly refused?: string;
}

export interface Estimate extends MappingEstimate {
  readonly assumptions: readonly string[];
  readonly unknown: Readonly<Record<CostModel, readonly string[]>>;
  readonly alternatives: readonly Alternative[];
}

const MODELS = Object.keys(COST_TABLES) as CostModel[];
const byModel = <T>(make: (model: CostModel) => T): Record<CostModel, T> =>
  Object.fromEntries(MODELS.map((model) => [model, make(model)])) as Record<CostModel, T>;

/** Estimates a network and its alternatives. @throws UserError as compileNetwork, where the network itself is refused */
export function estimate(spec: NetworkSpec, options: EstimateOptions = {}): Estimate {
  const mapping = estimateMapping(spec, options);
  return {
    ...mapping,
    ...SAID,
    alternatives: [...alternativesOf(spec, options), ...boardAlternatives(mapping, options)],
  };
}

/** Prices a network that is on its cores already; no alternatives are searched. */
export const estimatePlaced = (placed: PlacedNetwork): Estimate => ({ ...summarize(placed), ...SAID, alternatives: [] });

/** What every estimate rests on and leaves out. */
const SAID: Pick<Estimate, "assumptions" | "unknown"> = {
  assumptions: [
    `spikes a step: input ${ASSUMED_RATES.input}, layers ${ASSUMED_RATES.layer}, ${ASSUMED_RATES.beforePool} before a pool`,
    "injecting spikes, reading them off the chip and the x86 cores are not counted",
    "time without the chip's management phases",
  ],
  unknown: byModel((model) => COST_TABLES[model].unknown),
};

function estimateMapping(spec: NetworkSpec, options: EstimateOptions): MappingEstimate {
  const diagnostics = new Diagnostics();
  const lowered = lowerPlasticity(verifyIntegers(blankIntegers(spec), diagnostics));
  const margin = options.synapseMargin ?? DEFAULT_SYNAPSE_MARGIN;
  const placed = place(partition(lowered, { board: options.board, synapseMargin: margin }, diagnostics));
  return summarize(placed);
}

/** The network with all weights 0: shapes and precisions are all that a mapping needs. */
function blankIntegers(spec: NetworkSpec): QuantizedNetwork {
  const shapes = networkShapes(spec);
  const layers = spec.layers.flatMap((layer, k) => {
    if (layer.kind === "pool") return [];
    const outputs = shapes[k + 1][0];
    const perOutput =
      layer.kind === "dense"
        ? sizeOf(shapes[k])
        : (shapes[k][0] / layer.groups) * layer.kernel[0] * layer.kernel[1];
    const { biasExp } = layer.loihi;
    const mantissa = new Int16Array(Math.max(0, Math.floor(outputs * perOutput)));
    return [{ name: layer.name, mantissa, biasMant: new Int16Array(outputs), biasExp }];
  });
  const soel = spec.soel && {
    hi: spec.soel.hi,
    lo: spec.soel.lo,
    theta: Math.max(1, Math.round(spec.soel.theta)),
    rateMant: spec.soel.rateMant,
    rateExp: spec.soel.rateExp,
    traceDecay: 0,
  };
  return { spec, layers, soel };
}

/** [layer + 1] spikes a step and neuron, the input's first. */
function ratesOf(network: PlacedNetwork): number[] {
  const rates = [ASSUMED_RATES.input as number];
  network.layers.forEach((layer, k) => {
    const next = network.layers[k + 1];
    const source = rates[layer.projections[0].source + 1];
    rates.push(
      layer.kind === "pool"
        ? 1 - (1 - source) ** 4
        : next?.kind === "pool"
          ? ASSUMED_RATES.beforePool
          : ASSUMED_RATES.layer,
    );
  });
  return rates;
}

type Counts = { -readonly [K in keyof CountedOperations]: number };
const zero = (): Counts => ({
  steps: 0,
  sparseOperations: 0,
  denseOperations: 0,
  populationOperations: 0,
  activeUpdates: 0,
  inactiveUpdates: 0,
  spikes: 0,
  messages: 0,
  hopsEastWest: 0,
  hopsNorthSouth: 0,
  synapticUpdates: 0,
});

/** Expected operations of every core in one step. */
function stepCounts(network: PlacedNetwork): Counts[] {
  const rates = ratesOf(network);
  const counts = network.cores.map(() => ({ ...zero(), steps: 1 }));
  network.cores.forEach((core, index) => {
    core.pieces.forEach((pieceIndex) => {
      const { layer: layerIndex, box, layout } = network.pieces[pieceIndex];
      const layer = network.layers[layerIndex];
      const cost = tileCost(layer, box, layout);
      const rate = rates[layer.projections[0].source + 1];
      const operations = cost.synapticOperations * rate;
      const own = counts[index];
      if (layer.projections[0].axons === "discrete") own.denseOperations += operations;
      else own.populationOperations += operations;
      // A compartment that forgets at once (an OR pool's) is active if a spike arrives, one that leaks nearly always.
      const active = layer.decayV === DECAY_ONE ? 1 - Math.exp(-operations / cost.compartments) : 1;
      own.activeUpdates += active * cost.compartments;
      own.inactiveUpdates += (1 - active) * cost.compartments;
      own.spikes += rates[layerIndex + 1] * (box.c1 - box.c0) * (box.y1 - box.y0) * (box.x1 - box.x0);
    });
  });
  const traffic = trafficOf(network);
  traffic.forEach((row, from) => {
    row.forEach((messages, to) => {
      const expected = messages * rateOfCore(network, rates, from);
      const hops = routeHops(network.addresses[from], network.addresses[to]);
      counts[from].messages += expected;
      counts[from].hopsEastWest += expected * hops.eastWest;
      counts[from].hopsNorthSouth += expected * hops.northSouth;
    });
  });
  return counts;
}

/** Mean rate of the neurons of a core. */
function rateOfCore(network: PlacedNetwork, rates: readonly number[], core: number): number {
  let [neurons, spikes] = [0, 0];
  for (const piece of network.cores[core].pieces) {
    const { layer, box } = network.pieces[piece];
    const size = (box.c1 - box.c0) * (box.y1 - box.y0) * (box.x1 - box.x0);
    neurons += size;
    spikes += size * rates[layer + 1];
  }
  return spikes / neurons;
}

function total(counts: readonly Counts[], steps: number): Counts {
  const sum = zero();
  for (const core of counts)
    for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += core[key] * steps;
  return { ...sum, steps };
}

function summarize(network: PlacedNetwork): MappingEstimate {
  const steps = presentationSteps(network.spec);
  const counts = stepCounts(network);
  const sample = total(counts, steps);
  const { soel } = network.spec;
  const last = network.layers[network.layers.length - 1];
  const windows = soel ? Math.floor(steps / soel.windowSteps) * soel.passes : 0;
  const synapticUpdates = network.plasticity ? windows * network.plasticity.inputs * last.shape[0] : 0;
  const lesson = { ...total(counts, steps * (soel?.passes ?? 1)), synapticUpdates };
  const tiles = Math.max(
    ...Array.from({ length: network.chips }, (_, chip) =>
      tilesUsed(network.addresses.filter((address) => address.chip === chip).map((address) => address.core)),
    ),
  );
  const secondsPerSample = byModel(
    (model) => steps * Math.max(...counts.map((core) => stepSeconds(core, tiles, model))),
  );
  const uses = network.cores.map((core) =>
    core.pieces.map((index) => {
      const piece = network.pieces[index];
      return tileCost(network.layers[piece.layer], piece.box, piece.layout);
    }),
  );
  const worst = (key: "words" | "compartments"): number =>
    Math.max(...uses.map((own) => own.reduce((sum, cost) => sum + cost[key], 0)));
  return {
    cores: network.cores.length,
    chips: network.chips,
    worst: { synapseWords: worst("words"), compartments: worst("compartments") },
    energyPerSampleJ: byModel((model) => dynamicEnergy(sample, model).dynamicJ),
    energyPerClassJ: byModel((model) => dynamicEnergy(lesson, model).dynamicJ),
    secondsPerSample,
    staticPerSampleJ: byModel((model) => staticEnergy(network.chips, secondsPerSample[model])),
  };
}

/** Other weight bits, half the channels, the whole of the synapse words. */
function alternativesOf(spec: NetworkSpec, options: EstimateOptions): Alternative[] {
  const bitsInUse = new Set(spec.layers.map((layer) => (layer.kind === "pool" ? 0 : layer.weight.bits)));
  const changed: [string, NetworkSpec, EstimateOptions][] = [8, 6, 4, 2]
    .filter((bits) => bitsInUse.size > 2 || !bitsInUse.has(bits))
    .map((bits) => [`weights of ${bits} bits`, withBits(spec, bits), options]);
  if (spec.layers.some((layer) => layer.kind === "conv" && layer.outChannels > 1)) {
    changed.push(["half the channels of every convolution", halfChannels(spec), options]);
  }
  if ((options.synapseMargin ?? DEFAULT_SYNAPSE_MARGIN) < 1)
    changed.push(["a synapse margin of 1", spec, { ...options, synapseMargin: 1 }]);
  return changed.map(([change, other, choice]) => alternative(change, other, choice));
}

function alternative(change: string, spec: NetworkSpec, options: EstimateOptions): Alternative {
  try {
    const { cores, chips, energyPerSampleJ } = estimateMapping(spec, options);
    return { change, cores, chips, energyPerSampleJ };
  } catch (error) {
    if (error instanceof UserError) return { change, refused: error.message };
    throw error;
  }
}

/** Which boards the mapping fits: it takes the fewest chips on any board, so no board is searched anew. */
function boardAlternatives({ cores, chips }: MappingEstimate, options: EstimateOptions): Alternative[] {
  return (Object.keys(BOARDS) as BoardName[])
    .filter((name) => name !== options.board)
    .map((name) => {
      const fits = chips <= BOARDS[name];
      const change = `board "${name}" (${BOARDS[name]} × ${CHIP_LIMITS.cores} cores)`;
      return fits ? { change, cores, chips } : { change, refused: `${chips} chips needed` };
    });
}

const withBits = (spec: NetworkSpec, bits: number): NetworkSpec => ({
  ...spec,
  layers: spec.layers.map((layer) =>
    layer.kind === "pool"
      ? layer
      : {
          ...layer,
          weight: { ...layer.weight, bits, wgtExp: Math.max(layer.weight.wgtExp, bits - 9) },
        },
  ),
});

const halfChannels = (spec: NetworkSpec): NetworkSpec => ({
  ...spec,
  layers: spec.layers.map((layer) =>
    layer.kind !== "conv"
      ? layer
      : {
          ...layer,
          outChannels: layer.groups * Math.ceil(layer.outChannels / layer.groups / 2),
        },
  ),
});
