/** Printed forms of the stages: what the golden files under test/golden hold, and `passes.json` of a bundle. Short enough
 *  to review: one line a layer, piece, core, or kind of axon. */
import type { ChipImage } from "../../hw/image.js";
import { compartmentsOf, arrange } from "../geometry.js";
import type {
  Box,
  LoweredNetwork,
  MappableNetwork,
  MappedCores,
  PartitionedNetwork,
  PlacedNetwork,
  Projection,
  RoutedNetwork,
} from "../ir.js";
import { countSlots } from "../slots.js";
import { trafficOf } from "../passes/place.js";
import { coreUse } from "../core-use.js";

const lines = (parts: readonly string[]): string => `${parts.join("\n")}\n`;

function projectionText({
  source,
  kernel,
  stride,
  padding,
  groups,
  bits,
  signMode,
  wgtExp,
  axons,
  learning,
  delay,
}: Projection): string {
  const from = source < 0 ? "input" : `layer ${source}`;
  return (
    `${from} kernel ${kernel.join("x")} stride ${stride.join("x")} pad ${padding.join("x")} groups ${groups}, ` +
    `${bits} bits ${signMode} exp ${wgtExp}, ${axons} axons${learning ? ", learning" : ""}${delay > 0 ? `, delay ${delay}` : ""}`
  );
}

/** One line a layer, one a projection. */
export function printMappable(network: MappableNetwork): string {
  return lines([
    `input ${network.inputShape.join("x")} [C, H, W]`,
    ...network.layers.flatMap((layer, k) => [
      `layer ${k} "${layer.name}" ${layer.kind} ${layer.shape.join("x")} du ${layer.decayU} dv ${layer.decayV} ` +
        `vth ${layer.vthMant} refractory ${layer.refractory}`,
      ...layer.projections.map((projection) => `  from ${projectionText(projection)}`),
    ]),
  ]);
}

/** The plastic layer's rule, traces and words. */
export function printLowered({ plasticity, layers }: LoweredNetwork): string {
  if (!plasticity) return "no plastic layer\n";
  return lines([
    `layer "${layers[plasticity.layer].name}" learns from ${plasticity.inputs} inputs`,
    plasticity.rule,
    ...[...plasticity.preTrace, ...plasticity.preTrace2].map(
      (trace, k) => `x${k + 1}: decay ${trace.decay}/65536 impulse ${trace.impulse}`,
    ),
    ...plasticity.stdpProfiles.map(
      (p, k) => `profile ${k}: word ${p.pointer}, ${p.numProducts} products, every tepoch·2^${p.decimateExp}`,
    ),
    `microcode ${[...plasticity.microcode].map((word) => `0x${word.toString(16).padStart(8, "0")}`).join(" ")}`,
  ]);
}

const boxText = ({ c0, c1, y0, y1, x0, x1 }: Box): string =>
  `c ${c0}..${c1 - 1} y ${y0}..${y1 - 1} x ${x0}..${x1 - 1}`;

/** One line a piece, under its core. */
export function printPartitioned(network: PartitionedNetwork): string {
  return lines([
    `${network.cores.length} cores on ${network.chips} chips, words to ${Math.round(network.synapseMargin * 100)} %`,
    ...network.cores.flatMap((core, k) =>
      core.pieces.map((index) => {
        const { layer, box, layout } = network.pieces[index];
        const a = arrange(box, layout);
        return (
          `core ${k} "${network.layers[layer].name}" ${boxText(box)}: ${compartmentsOf(a)} compartments, ` +
          `groups of ${layout.group}, ${layout.inner} first, pad ${layout.padInner} ${layout.padOuter}`
        );
      }),
    ),
  ]);
}

/** Address of each core and its heaviest destinations. */
export function printPlaced(network: PlacedNetwork): string {
  const traffic = trafficOf(network);
  return lines(
    network.addresses.map(({ chip, core }, k) => {
      const to = [...traffic[k]]
        .sort((a, b) => b[1] - a[1] || a[0] - b[0])
        .slice(0, 3)
        .map(
          ([target, messages]) =>
            `${network.addresses[target].chip}:${network.addresses[target].core} (${messages})`,
        );
      return `core ${k} at ${chip}:${core}${to.length > 0 ? ` to ${to.join(" ")}` : ""}`;
    }),
  );
}

/** Axons of each kind, blocks and slots of each core. */
export function printRouted(network: RoutedNetwork): string {
  const slots = countSlots(network);
  return lines([
    `${network.populations.length} populations`,
    ...network.cores.map((_, k) => {
      const kinds = (["discrete", "pop16", "pop32"] as const).map(
        (kind) => `${network.links[k].filter((l) => l.kind === kind).length} ${kind}`,
      );
      return (
        `core ${k}: axons in ${kinds.join(", ")}; ${network.blocks[k].length} blocks; slots out ` +
        `${slots[k].perPopulation} a population, ${slots[k].perCompartment} a compartment`
      );
    }),
  ]);
}

/** Words, profiles, thresholds and formats of each core. */
export function printMapped(network: MappedCores): string {
  return lines(
    network.mapped.flatMap((core, k) => [
      `core ${k}: ${core.words} words, ${core.compartments} compartments, decay offsets ${core.dsOffset} ${core.dmOffset}, ` +
        `vth ${core.vthProfiles.join(" ")}`,
      ...core.profiles.map(
        (p, i) => `  profile ${i}: decay ${p.decayU} ${p.decayV} refractory ${p.refractDelay}`,
      ),
      ...core.formats.map(
        (f, i) =>
          `  format ${i + 1}: ${f.compression}${f.skipBits > 0 ? ` gap ${f.skipBits} bits` : ""} weight code ${f.wgtBitsCode} index code ${f.idxBitsCode} ` +
          `exp ${f.wgtExp} fanout ${f.fanoutType}${f.learning ? " learning" : ""}`,
      ),
    ]),
  );
}

/** What each core of the image takes. */
export function printImage(image: ChipImage): string {
  return lines([
    `image "${image.name}" for ${image.board}, ${image.chips} chips, seed ${image.chipSeed}`,
    ...image.cores.map((core) => {
      const use = coreUse(core);
      return (
        `${core.chip}:${core.core} compartments ${use.compartments} axons ${use.inputAxons} slots ` +
        `${use.outputAxons.perPopulation}/${use.outputAxons.perCompartment} words ${use.synapseWords}`
      );
    }),
    `input axons of the contract ${image.contract.axon.length}`,
  ]);
}
