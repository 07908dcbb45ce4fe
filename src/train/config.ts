import { z } from "zod";
import { transformSchema } from "../events/transform-schema.js";
import { nearestName, userError } from "../base/errors.js";
import { LOIHI_NEURON, PRESETS, SOEL_CHIP, VTH_MANT, asSrm, srmNeuron } from "../model/presets.js";
import type { InputGeometry, LayerSpec, NetworkSpec } from "../model/types.js";

const pair = z.union([z.int().min(1), z.tuple([z.int().min(1), z.int().min(1)])]);
const padding = z.union([z.int().min(0), z.tuple([z.int().min(0), z.int().min(0)])]);
const name = z.string().min(1).max(40).regex(/^[A-Za-z_][A-Za-z0-9_-]*$/);
const bits = z.int().min(1).max(8);

const neuron = {
  bits: bits.optional(), signMode: z.enum(["mixed", "excitatory", "inhibitory"]).optional(), wgtExp: z.int().min(-8).max(7).optional(),
  vthMant: z.int().min(1).max(131_071).optional(), decayU: z.int().min(0).max(4096).optional(), decayV: z.int().min(0).max(4096).optional(),
  refractory: z.int().min(1).max(63).optional(), biasExp: z.int().min(0).max(7).optional(),
};
const layer = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("conv"), name, channels: z.int().min(1).max(4096), kernel: pair, stride: pair.optional(), padding: padding.optional(),
    groups: z.int().min(1).optional(), ...neuron,
  }),
  z.strictObject({ kind: z.literal("pool"), name }),
  z.strictObject({ kind: z.literal("dense"), name, outputs: z.int().min(1).max(1024), ...neuron }),
]);

const networkSchema = z.strictObject({
  /** `loihi` is the chip's integer network, `srm` the paper's float model. */
  model: z.enum(["loihi", "srm"]).default("loihi"),
  input: z.strictObject({
    polarities: z.int().min(1).max(2).default(2), height: z.int().min(1).max(1024), width: z.int().min(1).max(1024),
    mode: z.enum(["binary", "counts"]).default("binary"),
  }),
  steps: z.int().min(1).max(10_000).default(100),
  layers: z.array(layer).min(1).max(64),
  readout: z.strictObject({ kappa: z.number(), lambda: z.number() }).default({ kappa: 0.1, lambda: 1 }),
});

const soelSchema = z.strictObject({
  form: z.enum(["chip", "authors-chip"]), windowSteps: z.int().min(1).max(1000), epochExp: z.int().min(0).max(9), gamma: z.int().min(1).max(7),
  tau: z.number().positive(), impulse: z.int().min(0).max(127), theta: z.number().min(1), lo: z.number(), hi: z.number(),
  rateMant: z.int().min(-8).max(7), rateExp: z.int().min(-7).max(8), passes: z.int().min(1).max(20), resetPreTrace: z.boolean(),
  learned: z.array(z.enum(["hi", "lo", "theta", "rho"])),
}).partial();

const dataSchema = z.strictObject({
  /** `double-nmnist`: the embedded recordings, or those under --data; `folder`: one folder a class, under --data. */
  set: z.enum(["double-nmnist", "folder", "n-omniglot", "double-asl-dvs"]).default("double-nmnist"),
  protocol: z.enum(["A", "B"]).default("B"),
  ways: z.int().min(2).max(64).default(5), shots: z.int().min(1).max(100).default(1),
  queries: z.int().min(1).max(1000).default(15), testQueries: z.int().min(1).max(1000).default(10),
  shiftPixels: z.int().min(0).max(16).default(2), dropShare: z.number().min(0).max(0.9).default(0.1),
  /** Applied to every recording of a folder before frames are made, in this order. */
  transforms: z.array(transformSchema).max(32).optional(),
  /** Classes of each split of a folder; dealt 64 : 16 : 20 by seed where not given. */
  split: z.strictObject({ train: z.array(z.string()), validation: z.array(z.string()), test: z.array(z.string()) }).optional(),
});

const trainingSchema = z.strictObject({
  tasks: z.int().min(1).max(10_000_000).default(4000), metaBatch: z.int().min(1).max(1024).default(1),
  outer: z.enum(["maml", "fomaml", "anil", "reptile"]).default("maml"),
  schedule: z.enum(["cosine", "cyclic"]).default("cosine"),
  /** Tasks of half a period of `cyclic`: the authors' epoch. */
  epochTasks: z.int().min(1).default(200),
  learningRate: z.strictObject({
    hidden: z.number().positive().default(2e-3), output: z.number().positive().default(4e-4), bias: z.number().positive().default(1e-3),
    soel: z.number().positive().default(1e-2),
  }).default({ hidden: 2e-3, output: 4e-4, bias: 1e-3, soel: 1e-2 }),
  ratePenalty: z.strictObject({ weight: z.number().min(0), low: z.number(), high: z.number() }).default({ weight: 0.5, low: 0.03, high: 0.3 }),
  rounding: z.enum(["nearest", "stochastic"]).default("nearest"),
  validateEvery: z.int().min(1).default(500), validationTasks: z.int().min(1).default(40),
  inner: z.strictObject({
    steps: z.int().min(1).max(100).default(1), rate: z.union([z.number(), z.record(z.string(), z.number())]).default(1),
    frozen: z.array(z.string()).default([]), burnIn: z.int().min(0).default(70), truncation: z.int().min(1).optional(),
  }).default({ steps: 1, rate: 1, frozen: [], burnIn: 70 }),
});

const geometrySchema = z.strictObject({
  sensor: z.strictObject({ width: z.int().min(1), height: z.int().min(1) }),
  crop: z.strictObject({ x: z.int().min(0), y: z.int().min(0), width: z.int().min(1), height: z.int().min(1) }),
  downsample: z.int().min(1), compose: z.int().min(1).max(2), timestepUs: z.number().positive(),
});

/** The configuration of a training run, as the JSON file has it. */
export const configSchema = z.strictObject({
  $schema: z.string().optional(),
  name: name.default("network"),
  /** Start from a preset; what else is given replaces its parts. */
  preset: z.string().optional(),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1),
  /** Weight bits of every layer that does not say its own. */
  bits: bits.default(8),
  data: dataSchema.prefault({}),
  geometry: geometrySchema.optional(),
  network: networkSchema.optional(),
  soel: z.union([soelSchema, z.null()]).optional(),
  training: trainingSchema.prefault({}),
});

export type TrainConfig = z.output<typeof configSchema>;
export type TrainConfigInput = z.input<typeof configSchema>;

/** A configuration with the network it stands for. */
export interface ResolvedConfig {
  readonly config: TrainConfig;
  readonly spec: NetworkSpec;
  readonly geometry: InputGeometry;
  /** Canonical text: equal configurations, equal text. */
  readonly text: string;
}

/** JSON Schema of the configuration, for editors. */
export const configJsonSchema = (): object => z.toJSONSchema(configSchema, { io: "input" });

/** Reads a configuration. @throws UserError E-CFG-001 (not JSON), E-CFG-002 (a field), E-CFG-003 (unknown preset) */
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
  if (!result.success) throw fieldError(result.error.issues[0], value, fileName);
  const config = result.data;
  const { spec, geometry } = networkOf(config, fileName);
  return { config, spec, geometry, text: JSON.stringify(config) };
}

type Issue = z.core.$ZodIssue;

function fieldError(issue: Issue, value: unknown, fileName: string) {
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0];
    const nearest = nearestName(key, knownKeys(issue.path, value));
    return userError({
      code: "E-CFG-002", at: `${fileName}, ${path ? `${path}.` : ""}${key}`, found: "an unknown key",
      hint: nearest ? `"${nearest}"` : "leave it out",
    });
  }
  return userError({ code: "E-CFG-002", at: `${fileName}, ${path || "the whole"}`, found: issue.message, hint: "a value that the schema allows" });
}

/** Keys that the schema knows at a path. */
function knownKeys(path: readonly PropertyKey[], value: unknown): string[] {
  let schema: unknown = z.toJSONSchema(configSchema, { io: "input" });
  let at: unknown = value;
  for (const key of path) {
    const s = schema as { properties?: Record<string, unknown>; items?: unknown; anyOf?: unknown[]; oneOf?: unknown[] };
    at = (at as Record<PropertyKey, unknown>)?.[key];
    schema = typeof key === "number" ? s.items : s.properties?.[String(key)];
    const options = (schema as { anyOf?: unknown[]; oneOf?: unknown[] })?.anyOf ?? (schema as { oneOf?: unknown[] })?.oneOf;
    if (options) {
      const kind = (at as { kind?: string })?.kind;
      schema = options.find((o) => (o as { properties?: { kind?: { const?: string } } }).properties?.kind?.const === kind) ?? options[0];
    }
  }
  return Object.keys((schema as { properties?: Record<string, unknown> })?.properties ?? {});
}

const both = (x: number | readonly [number, number]): readonly [number, number] => (typeof x === "number" ? [x, x] : x);

function networkOf(config: TrainConfig, fileName: string): { spec: NetworkSpec; geometry: InputGeometry } {
  const presetName = config.preset ?? (config.network ? undefined : "demo");
  const preset = presetName === undefined ? undefined : PRESETS[presetName];
  if (presetName !== undefined && !preset) {
    const nearest = nearestName(presetName, Object.keys(PRESETS));
    throw userError({
      code: "E-CFG-003", at: `${fileName}, preset`, found: `"${presetName}"`, limit: Object.keys(PRESETS).join(", "),
      hint: nearest ? `"${nearest}"` : undefined,
    });
  }
  const geometry = config.geometry ?? preset?.geometry ?? PRESETS.demo.geometry;
  const soel = config.soel === null ? null : { ...SOEL_CHIP, ...config.soel };
  if (!config.network) {
    const base = (preset ?? PRESETS.demo).network;
    const spec = withBits(withWays(base, config.data.ways), config.bits);
    return { spec: { ...spec, soel: base.soel && (config.soel === undefined ? base.soel : soel) }, geometry };
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
    name: config.name, neuronModel: model, input, steps, layers, readout, soel: model === "loihi" ? soel : null,
  };
  return { spec: model === "srm" ? asSrm(spec) : spec, geometry };
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
