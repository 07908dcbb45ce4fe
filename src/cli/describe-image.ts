/** An image in words and figures: what `inspect` prints. */
import { advisoryText, advisoryUse, coreUse, USE_LIMITS, worstUse, type CoreUse } from "../../compiler/core-use.js";
import type { ChipImage, CoreImage, SynapseFormat } from "../../hw/image.js";
import { CHIP_LIMITS, INDEX_BITS_BY_CODE, WEIGHT_BITS_BY_CODE } from "../../hw/limits.js";
import { decodeMicrocode, disassemble } from "../../hw/microcode.js";
import { describeTables, type CoreTables } from "./describe-tables.js";
import { floorplans, trafficByCore, trafficText } from "./floorplan.js";

/** One core with what it takes; `id` = chip·128 + core. */
export interface CoreDescription extends CoreUse, CoreTables {
  readonly id: number;
  readonly chip: number;
  readonly core: number;
  readonly layers: readonly string[];
  readonly padding: number;
  /** Messages sent and received if every neuron spikes once. */
  readonly messages: number;
  readonly formatList: readonly string[];
  readonly profileList: readonly string[];
}

const FANOUT = ["", "mixed", "excitatory", "inhibitory"] as const;

const formatText = (f: SynapseFormat): string =>
  `${f.compression} ${WEIGHT_BITS_BY_CODE[f.wgtBitsCode]} bits ${FANOUT[f.fanoutType]} exponent ${f.wgtExp} ` +
  `index ${INDEX_BITS_BY_CODE[f.idxBitsCode]} bits` +
  `${f.skipBits > 0 ? ` gap ${f.skipBits} bits` : ""}${f.learning ? ", learning" : ""}`;

const profileText =
  (core: CoreImage) =>
  (p: CoreImage["compartmentProfiles"][number]): string =>
    `decay u ${p.decayU + core.dsOffset} v ${p.decayV + core.dmOffset} refractory ${p.refractDelay}`;

/** All cores of an image, in its order. */
export function describeCores(image: ChipImage): CoreDescription[] {
  const traffic = trafficByCore(image);
  return image.cores.map((core) => {
    const own = image.symbols.filter((symbol) => symbol.chip === core.chip && symbol.core === core.core);
    return {
      id: core.chip * CHIP_LIMITS.cores + core.core,
      chip: core.chip,
      core: core.core,
      layers: [...new Set(own.map((symbol) => image.layers[symbol.layer].name))],
      ...coreUse(core),
      padding: own.reduce((sum, symbol) => sum + symbol.neurons.filter((neuron) => neuron < 0).length, 0),
      messages: traffic.get(core.chip * CHIP_LIMITS.cores + core.core) ?? 0,
      ...describeTables(image, core),
      formatList: core.synapseFormats.map(formatText),
      profileList: core.compartmentProfiles.map(profileText(core)),
    };
  });
}

/** Learning rules of an image as text, one core a paragraph; empty where nothing is plastic. */
export function microcodeText(image: ChipImage): string {
  return image.cores
    .flatMap((core) => {
      if (!core.learning) return [];
      const { stdpProfiles, microcode, preTrace, preTrace2 = [] } = core.learning;
      return [
        `core ${core.chip}:${core.core}`,
        ...[...preTrace.map((t) => ["x1", t] as const), ...preTrace2.map((t) => ["x2", t] as const)].map(
          ([name, t]) => `  ${name}: decay ${t.decay}/65536 a step, impulse ${t.impulse}`,
        ),
        ...stdpProfiles.map(
          (p) => `  ${disassemble(decodeMicrocode(microcode, p.pointer, p.numProducts), p.decimateExp)}`,
        ),
        `  words ${[...microcode].map((word) => `0x${word.toString(16).padStart(8, "0")}`).join(" ")}`,
      ];
    })
    .join("\n");
}

const percent = (found: number, limit: number): string => `${Math.round((100 * found) / limit)} %`;

/** Limits that the resources stand against. */
export const imageLimits = { ...USE_LIMITS, cores: CHIP_LIMITS.cores } as const;

/** Cores as a table, worst of each kind, floorplan and microcode. */
export function imageText(image: ChipImage): string {
  const cores = describeCores(image);
  return [
    `image "${image.name}" for ${image.board}: ${image.cores.length} cores on ${image.chips} ${image.chips === 1 ? "chip" : "chips"}`,
    `layers: ${image.layers.map((l) => `${l.name} ${l.shape.join("×")}${l.plastic ? " plastic" : ""}`).join(", ")}`,
    `input: ${image.contract.shape.join("×")}, ${image.contract.steps} steps of ${image.contract.timestepUs} µs, ` +
      `${image.contract.presentationSteps} a presentation; ${image.contract.axon.length} input axons`,
    "",
    "core     compartments  axons in  slots out (a population / a compartment)  words         layers",
    ...cores.map(
      (c) =>
        `${`${c.chip}:${c.core}`.padEnd(9)}${`${c.compartments}`.padEnd(14)}${`${c.inputAxons}`.padEnd(10)}` +
        `${`${c.outputAxons.perPopulation} / ${c.outputAxons.perCompartment}`.padEnd(42)}` +
        `${`${c.synapseWords} ${percent(c.synapseWords, USE_LIMITS.synapseWords)}`.padEnd(14)}${c.layers.join(", ")}`,
    ),
    "",
    "synapse formats (all cores): entries, synapses, bits:",
    ...formatTotals(cores),
    "",
    "worst core of each kind:",
    ...Object.entries(worstUse(image.cores)).map(
      ([kind, { worst, limit }]) => `  ${kind} ${worst} of ${limit} (${percent(worst, limit)})`,
    ),
    advisoryText(advisoryUse(image.cores)),
    "",
    ...floorplans(image),
    trafficText(image),
    "",
    "microcode:",
    microcodeText(image) || "  none",
    "",
    "symbols (layer: chip:core first compartment, compartments):",
    ...image.symbols.map(
      (s) => `  ${image.layers[s.layer].name}: ${s.chip}:${s.core} ${s.firstCompartment}, ${s.neurons.length}`,
    ),
  ].join("\n");
}

/** One line a kind of format, summed over cores. */
function formatTotals(cores: readonly CoreDescription[]): string[] {
  const totals = new Map<string, { entries: number; synapses: number; bits: number }>();
  for (const use of cores.flatMap((core) => core.formatUse)) {
    const key = `${use.compression}${use.skipBits > 0 ? ` gap ${use.skipBits}` : ""}, weights of ${use.weightBits} bits`;
    const sum = totals.get(key) ?? { entries: 0, synapses: 0, bits: 0 };
    totals.set(key, {
      entries: sum.entries + use.entries, synapses: sum.synapses + use.synapses, bits: sum.bits + use.bits,
    });
  }
  return [...totals].map(([key, { entries, synapses, bits }]) => `  ${key}: ${entries}, ${synapses}, ${bits}`);
}
