import { nearestName, userError } from "../base/errors.js";
import { AUTHORS_CHIP, LOIHI_NEURON, PRESETS, SOEL_CHIP, VTH_MANT, srmNeuron } from "../model/presets.js";
import type { InputGeometry, LayerSpec, NetworkSpec, SoelSpec } from "../model/types.js";
import { checkCombination } from "./check-config.js";
import { fieldError } from "./config-errors.js";
import { configSchema, type TrainConfig, type TrainConfigInput } from "./config-schema.js";

export { configJsonSchema, configSchema, type TrainConfig, type TrainConfigInput } from "./config-schema.js";

/** A configuration with the network it stands for. */
export interface ResolvedConfig {
  readonly config: TrainConfig;
  readonly spec: NetworkSpec;
  readonly geometry: InputGeometry;
  /** Canonical text: equal configurations, equal text. */
  readonly text: string;
}

/** Reads a configuration.
 *  @throws UserError E-CFG-001 (not JSON), E-CFG-002 (a field), E-CFG-003 (unknown preset), E-CFG-005 (fields that do not go
 *  together), E-CFG-006 (a layer that does not fit the one before it) */
export function parseConfig(text: string, fileName: string): ResolvedConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw userError({ code: "E-CFG-001", at: fileName, found: `not JSON: ${(error as Error).message}`, hint: "check quotes and commas" });
  }
  return resolveConfig(value, fileName);
}

/** Checks a configuration given as a value. @throws as parseConfig */
export function resolveConfig(value: unknown, fileName = "the configuration"): ResolvedConfig {
  const result = configSchema.safeParse(value);
  if (!result.success) throw fieldError(result.error.issues, value, fileName);
  const config = result.data;
  const { spec, geometry } = networkOf(config, fileName);
  checkCombination(config, spec, fileName);
  return { config, spec, geometry, text: JSON.stringify(config) };
}

const both = (x: number | readonly [number, number]): readonly [number, number] => (typeof x === "number" ? [x, x] : x);

function networkOf(config: TrainConfig, fileName: string): { spec: NetworkSpec; geometry: InputGeometry } {
  const presetName = config.preset ?? (config.network ? undefined : "demo");
  const preset = presetName !== undefined && Object.hasOwn(PRESETS, presetName) ? PRESETS[presetName] : undefined;
  if (presetName !== undefined && !preset) {
    const nearest = nearestName(presetName, Object.keys(PRESETS));
    throw userError({
      code: "E-CFG-003", at: `${fileName}, preset`, found: `"${presetName}"`, limit: Object.keys(PRESETS).join(", "),
      hint: nearest ? `"${nearest}"` : undefined,
    });
  }
  const geometry = config.geometry ?? preset?.geometry ?? PRESETS.demo.geometry;
  if (!config.network) {
    const base = (preset ?? PRESETS.demo).network;
    const spec = withBits(withWays(base, config.data.ways), config.bits);
    return { spec: { ...spec, soel: base.soel && soelOf(config, base.soel) }, geometry };
  }
  const { model, input, steps, readout } = config.network;
  let weighted = 0;
  const layers = config.network.layers.map((l, index): LayerSpec => {
    if (l.kind === "pool") return { kind: "pool", name: l.name };
    const last = index === (config.network?.layers.length ?? 0) - 1;
    const common = {
      name: l.name,
      weight: { bits: l.bits ?? config.bits, signMode: l.signMode ?? "mixed", wgtExp: l.wgtExp ?? 0 },
      loihi: {
        decayU: l.decayU ?? LOIHI_NEURON.decayU, decayV: l.decayV ?? LOIHI_NEURON.decayV, refractory: l.refractory ?? LOIHI_NEURON.refractory,
        biasExp: l.biasExp ?? LOIHI_NEURON.biasExp, vthMant: l.vthMant ?? (last ? VTH_MANT.plastic : VTH_MANT.hidden),
      },
      srm: srmNeuron(weighted++ === 0),
    } as const;
    if (l.kind === "dense") return { kind: "dense", outputs: l.outputs, ...common };
    const kernel = both(l.kernel);
    return {
      kind: "conv", outChannels: l.channels, kernel, stride: both(l.stride ?? 1), groups: l.groups ?? 1, ...common,
      padding: l.padding === undefined ? [Math.floor(kernel[0] / 2), Math.floor(kernel[1] / 2)] : both(l.padding),
    };
  });
  const spec: NetworkSpec = {
    name: config.name, neuronModel: model, input, steps, layers, readout, soel: model === "loihi" ? soelOf(config, SOEL_CHIP) : null,
  };
  return { spec, geometry };
}

/** The rule that a `loihi` network runs: what is given replaces the constants of the preset, or of the form. */
function soelOf({ soel }: TrainConfig, preset: SoelSpec): SoelSpec | null {
  if (soel === null) return null;
  const { order: _, divide: __, ...given } = soel ?? {};
  const base = given.form === "authors-chip" ? AUTHORS_CHIP : preset;
  return { ...base, ...given, form: given.form === "authors-chip" ? "authors-chip" : "chip" };
}

const withBits = (spec: NetworkSpec, bitCount: number): NetworkSpec => ({
  ...spec,
  layers: spec.layers.map((l) => (l.kind === "pool" ? l : { ...l, weight: { ...l.weight, bits: bitCount } })),
});

const withWays = (spec: NetworkSpec, ways: number): NetworkSpec => ({
  ...spec,
  layers: spec.layers.map((l, k) => (k === spec.layers.length - 1 && l.kind === "dense" ? { ...l, outputs: ways } : l)),
});

/** The demo's configuration. */
export const demoConfig = (): TrainConfigInput => ({ name: "demo", preset: "demo" });
