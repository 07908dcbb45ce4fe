import { unpackCompartment } from "../hw/compartment-word.js";
import type { ChipImage, CoreImage } from "../hw/image.js";
import { CHIP_LIMITS, DECAY_ONE, VTH_EXP } from "../hw/limits.js";
import { routeHops } from "../hw/topology.js";
import { ATOM_BITS, type CoreState, createQueue, noWork, PADDING_BIT, ROUTE_HEAD, type RouteTable } from "./core-state.js";
import { hasDelays, type SynapseDecoder } from "./decode-synapses.js";
import { loadLearning } from "./learning/load-learning.js";

/** What a core is loaded with beside its image. */
export interface CoreLoadOptions {
  readonly seed: number;
  readonly strict: boolean;
  readonly decoder: SynapseDecoder;
}

const INITIAL_QUEUE = 64;

/** Number of a core on the board. */
export const coreKey = (chip: number, core: number): number => chip * CHIP_LIMITS.cores + core;

/** [layer] bit of the raster that its neuron 0 has; the last element is the number of bits. Layers start on whole words. */
export function rasterOffsets(image: ChipImage): Int32Array {
  const offsets = new Int32Array(image.layers.length + 1);
  image.layers.forEach(({ shape: [c, h, w] }, layer) => {
    offsets[layer + 1] = offsets[layer] + Math.ceil((c * h * w) / 32) * 32;
  });
  return offsets;
}

/** A core at rest, from its part of the image alone. @param indexOf coreKey → index in the chip's list of cores */
export function loadCore(
  image: ChipImage, core: CoreImage, indexOf: ReadonlyMap<number, number>, options: CoreLoadOptions,
): CoreState {
  const n = core.compartments.length;
  const configs = Array.from(core.compartments, unpackCompartment);
  const profiles = configs.map((config) => core.compartmentProfiles[config.profile]);
  const decoded = options.decoder.decode(core);
  const delaySlots = hasDelays(core) ? 2 ** core.delayBits : 1;
  return {
    image: core, compartmentCount: n, synapses: decoded.table, routes: loadRoutes(core, indexOf),
    keepU: Int32Array.from(profiles, (profile) => DECAY_ONE - profile.decayU - core.dsOffset),
    keepV: Int32Array.from(profiles, (profile) => DECAY_ONE - profile.decayV - core.dmOffset),
    vth: Int32Array.from(configs, (config) => core.vthProfiles[config.vthProfile] * 2 ** VTH_EXP),
    bias: Int32Array.from(configs, (config) => config.biasMant * 2 ** config.biasExp),
    blockedSteps: Uint8Array.from(profiles, (profile) => profile.refractDelay - 1),
    vMin: -(2 ** core.negVmLimit) + 1, vMax: 2 ** (9 + 2 * core.posVmLimit) - 1,
    u: new Int32Array(n), v: new Int32Array(n), refractory: new Uint8Array(n), q: new Int32Array(n),
    delayRing: new Float64Array(delaySlots > 1 ? delaySlots * n : 0), delaySlots,
    arrivals: createQueue(INITIAL_QUEUE), nextArrivals: createQueue(INITIAL_QUEUE),
    fired: createQueue(n), firedBefore: createQueue(n),
    spikeCounter: new Int32Array(n), rasterBit: rasterBits(image, core),
    learning: loadLearning(core, decoded, options.seed), work: noWork(), strict: options.strict,
    kernels: null, overflowLog: null,
  };
}

function loadRoutes(core: CoreImage, indexOf: ReadonlyMap<number, number>): RouteTable {
  const n = core.compartments.length;
  const messages = new Int32Array(n);
  for (const out of core.outputAxons) messages[out.compartment]++;
  const start = new Int32Array(n);
  for (let c = 1; c < n; c++) start[c] = start[c - 1] + ROUTE_HEAD + 2 * messages[c - 1];
  const records = new Int32Array(n * ROUTE_HEAD + 2 * core.outputAxons.length);
  for (const out of core.outputAxons) {
    const hops = routeHops(core, out);
    const record = start[out.compartment];
    const at = record + ROUTE_HEAD + 2 * records[record];
    records[record]++;
    records[record + 1] += hops.eastWest;
    records[record + 2] += hops.northSouth;
    records[record + 3] += hops.offChip > 0 ? 1 : 0;
    records[at] = indexOf.get(coreKey(out.chip, out.core))!;
    records[at + 1] = out.axon * 2 ** ATOM_BITS + out.atom;
  }
  return { start, records };
}

function rasterBits(image: ChipImage, core: CoreImage): Int32Array {
  const bits = new Int32Array(core.compartments.length).fill(-1);
  const offsets = rasterOffsets(image);
  for (const range of image.symbols) {
    if (range.chip !== core.chip || range.core !== core.core) continue;
    range.neurons.forEach((neuron, k) => {
      bits[range.firstCompartment + k] = neuron >= 0 ? offsets[range.layer] + neuron : PADDING_BIT;
    });
  }
  return bits;
}
