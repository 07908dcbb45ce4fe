/** What each stage promises, checked. A failure is a bug of the compiler, never the user's. */
import { BOARDS, CHIP_LIMITS, CORE_LIMITS, RANGE } from "../../hw/limits.js";
import { assert } from "../../src/base/errors.js";
import { decodeMicrocode } from "../../hw/microcode.js";
import { compartmentLimit } from "../formats.js";
import { arrange, compartmentsOf, neuronsOf } from "../geometry.js";
import type {
  LoweredNetwork,
  MappableNetwork,
  MappedCores,
  PartitionedNetwork,
  PlacedNetwork,
  RoutedNetwork,
} from "../ir.js";
import { countSlots } from "../slots.js";
import { tileCost } from "../search/tile.js";

const bug = (condition: boolean, what: string): void => assert(condition, `compiler bug: ${what}`);

/** Sources exist, shapes agree, weights are complete. */
export function verifyMappable(network: MappableNetwork): void {
  for (const layer of network.layers) {
    bug(layer.biasMant.length === layer.shape[0], `biases of layer "${layer.name}"`);
    for (const { source, sourceShape, kernel, groups, mantissa } of layer.projections) {
      const shape = source < 0 ? network.inputShape : network.layers[source].shape;
      bug(
        shape.every((size, k) => size === sourceShape[k]),
        `source shape of layer "${layer.name}"`,
      );
      const weights = (layer.shape[0] * sourceShape[0] * kernel[0] * kernel[1]) / groups;
      bug(
        mantissa === null || mantissa.length === weights,
        `${mantissa?.length} weights of layer "${layer.name}", not ${weights}`,
      );
    }
  }
}

/** One plastic layer, of discrete learning projections only; microcode that can be read. */
export function verifyLowered(network: LoweredNetwork): void {
  verifyMappable(network);
  const learning = network.layers.flatMap((layer, index) =>
    layer.projections.some((p) => p.learning) ? [index] : [],
  );
  bug(learning.length === (network.plasticity ? 1 : 0), "number of plastic layers");
  if (!network.plasticity) return;
  const { layer, stdpProfiles, microcode } = network.plasticity;
  bug(learning[0] === layer, "which layer is plastic");
  bug(
    network.layers[layer].projections.every((p) => p.learning && p.axons === "discrete"),
    "a plastic layer's axons",
  );
  for (const { pointer, numProducts } of stdpProfiles) decodeMicrocode(microcode, pointer, numProducts);
  bug(microcode.length <= CORE_LIMITS.microcodeWords, "microcode words");
}

/** Every neuron is in exactly one piece, every piece on exactly one core, no core is over its limits. */
export function verifyPartitioned(network: PartitionedNetwork): void {
  const seen = network.layers.map(({ shape: [c, h, w] }) => new Uint8Array(c * h * w));
  for (const { layer, box, layout } of network.pieces) {
    neuronsOf(network.layers[layer], box, layout).forEach((neuron) => {
      if (neuron >= 0) seen[layer][neuron]++;
    });
  }
  seen.forEach((counts, layer) => {
    bug(
      counts.every((n) => n === 1),
      `neurons of layer "${network.layers[layer].name}" lost or twice`,
    );
  });
  const held = network.cores.flatMap((core) => core.pieces).sort((a, b) => a - b);
  bug(
    held.length === network.pieces.length && held.every((piece, k) => piece === k),
    "a piece without a core, or on two",
  );
  const maxWords = Math.floor(CORE_LIMITS.synapseWords * network.synapseMargin);
  for (const { pieces, region } of network.cores) {
    let [compartments, words] = [0, 0];
    for (const index of pieces) {
      const piece = network.pieces[index];
      bug(piece.region === region, "a piece on another chip than its core");
      words += tileCost(network.layers[piece.layer], piece.box, piece.layout, compartments).words;
      compartments += compartmentsOf(arrange(piece.box, piece.layout));
    }
    bug(
      compartments <= compartmentLimit(pieces.map((p) => network.layers[network.pieces[p].layer])) &&
        words <= maxWords,
      `core with ${compartments} compartments, ${words} words`,
    );
    const plastic = pieces.filter((p) =>
      network.layers[network.pieces[p].layer].projections.some((q) => q.learning),
    );
    bug(plastic.length === 0 || plastic.length === pieces.length, "static synapses on a plastic core");
  }
}

/** Addresses exist and differ. */
export function verifyPlaced(network: PlacedNetwork): void {
  bug(network.addresses.length === network.cores.length, "a core without an address");
  bug(network.chips <= BOARDS["pohoiki-springs"], "chips");
  const used = new Set(network.addresses.map(({ chip, core }) => chip * CHIP_LIMITS.cores + core));
  bug(used.size === network.addresses.length, "two cores at one address");
  network.addresses.forEach(({ chip, core }, k) => {
    bug(chip === network.cores[k].region && core >= 0 && core < CHIP_LIMITS.cores, `address ${chip}:${core}`);
  });
}

/** Populations are disjoint; axons are numbered without gaps; bases and atoms are in range. */
export function verifyRouted(network: RoutedNetwork): void {
  const owned = new Set<number>();
  for (const { piece, y, x, c0, c1 } of network.populations) {
    const shape = piece < 0 ? network.inputShape : network.layers[network.pieces[piece].layer].shape;
    const layer = piece < 0 ? 0 : network.pieces[piece].layer + 1;
    for (let c = c0; c < c1; c++) {
      const key = ((layer * shape[0] + c) * shape[1] + y) * shape[2] + x + layer * 2 ** 32;
      bug(!owned.has(key), "a compartment in two populations");
      owned.add(key);
    }
  }
  network.links.forEach((links, core) => {
    links.forEach(({ axon, cxBase, block, kind, population }, k) => {
      bug(axon === k && cxBase >= 0 && cxBase <= CORE_LIMITS.cxBase, `axon ${axon}, cxBase ${cxBase}`);
      bug(block < network.blocks[core].length, "an axon without a block");
      const { c0, c1 } = network.populations[population];
      bug(kind !== "discrete" || c1 - c0 === 1, "a discrete axon of several sources");
      bug(kind !== "pop16" || cxBase % 4 === 0, "a pop16 axon between its steps");
    });
  });
}

/** Registers are in range; blocks lie one after another; slots fit. */
export function verifyMapped(network: MappedCores): void {
  network.mapped.forEach((core, index) => {
    bug(core.profiles.length <= CORE_LIMITS.compartmentProfiles, "compartment profiles");
    bug(core.vthProfiles.length <= CORE_LIMITS.vthProfiles, "vth profiles");
    bug(core.formats.length <= CORE_LIMITS.synapseFormats, "synapse formats");
    for (const { decayU, decayV, refractDelay } of core.profiles) {
      bug(
        [decayU, decayV].every((d) => d >= 0 && d < 4096),
        `decay registers ${decayU}, ${decayV}`,
      );
      bug(refractDelay >= RANGE.refractory[0] && refractDelay <= RANGE.refractory[1], "refractory");
    }
    let next = 0;
    network.blocks[index].forEach(({ c0, c1 }, k) => {
      bug(
        core.blockPtr[k] === next && core.blockLen[k] <= CORE_LIMITS.wordsPerAxon,
        "weight blocks overlap or are too long",
      );
      next += core.blockLen[k] * (c1 - c0);
    });
    const margin = Math.floor(CORE_LIMITS.synapseWords * network.synapseMargin);
    bug(next === core.words && core.words <= margin, `${core.words} synapse words, counted ${next}, allowed ${margin}`);
  });
  for (const { perPopulation } of countSlots(network))
    bug(perPopulation <= CORE_LIMITS.outputAxonSlots, "output-axon slots");
}
