/** What `compile` and `estimate` take: a checkpoint, a bundle (its checkpoint), a configuration, or a preset's name. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { nearestName, userError } from "../base/errors.js";
import { isFolder, readFileBytes } from "../base/node/files.js";
import { decodeCheckpoint, encodeCheckpoint, freshCheckpoint, type Checkpoint } from "../model/checkpoint.js";
import { PRESETS } from "../model/presets.js";
import { quantizeNetwork } from "../model/quantize.js";
import { networkShapes, sizeOf } from "../model/shapes.js";
import { scaled, unitWeights } from "../model/start-weights.js";
import type { LoihiNeuron, NetworkSpec, Parameters } from "../model/types.js";
import { parseConfig, resolveConfig, type ResolvedConfig } from "../train/config.js";
import { BUNDLE_PART } from "./bundle.js";
import { openBundle } from "./open-bundle.js";

/** A checkpoint to compile, and its file's bytes. */
export interface Compilable {
  readonly checkpoint: Checkpoint;
  readonly bytes: Uint8Array;
  /** True for a configuration, which compiles with start weights. */
  readonly untrained: boolean;
}

const MAGIC = "metaloihi\n";

/** Reads what a user named. @throws UserError E-CLI-030 (nothing there), E-FILE, E-CKPT, E-CFG, E-BUNDLE */
export function readCompilable(path: string): Compilable {
  if (Object.hasOwn(PRESETS, path) && !existsSync(path))
    return untrained(resolveConfig({ name: path, preset: path }, `preset "${path}"`));
  if (!existsSync(path)) {
    const near = nearestName(path, Object.keys(PRESETS));
    throw userError({
      code: "E-CLI-030",
      at: path,
      found: "no such file, and no preset of that name",
      limit: `a checkpoint, a configuration, a bundle, or ${Object.keys(PRESETS).join(", ")}`,
      hint: near ? `"${near}"` : "check the path",
    });
  }
  if (isFolder(path)) return fromBundle(path);
  const bytes = readFileBytes(path);
  const text = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  return text === MAGIC
    ? { checkpoint: decodeCheckpoint(bytes, path), bytes, untrained: false }
    : untrained(parseConfig(new TextDecoder().decode(bytes), path));
}

function fromBundle(path: string): Compilable {
  const bytes = openBundle(path).files[BUNDLE_PART.checkpoint];
  if (!bytes) {
    throw userError({
      code: "E-CLI-031",
      at: path,
      found: `a bundle without ${BUNDLE_PART.checkpoint}`,
      limit: "a bundle that compile made",
      hint: "name the checkpoint itself",
    });
  }
  return { checkpoint: decodeCheckpoint(bytes, join(path, BUNDLE_PART.checkpoint)), bytes, untrained: false };
}

function untrained({ config, spec, geometry, text }: ResolvedConfig): Compilable {
  const checkpoint = freshCheckpoint(spec, geometry, startWeights(spec, config.seed), {
    seed: config.seed,
    chipSeed: config.seed,
    config: text,
    data: "simulated",
    protocol: config.data.protocol,
  });
  return { checkpoint, bytes: encodeCheckpoint(checkpoint), untrained: true };
}

/** The same network at other weight bits, rounded anew from its masters, or with another chip seed.
 *  Exponents are raised where fewer bits would lose mantissa bits. */
export function altered(
  source: Compilable,
  change: { readonly bits?: number; readonly chipSeed?: number },
): Compilable {
  if (change.bits === undefined && change.chipSeed === undefined) return source;
  const { bits, chipSeed = source.checkpoint.chipSeed } = change;
  const spec = bits === undefined ? source.checkpoint.spec : withBits(source.checkpoint.spec, bits);
  const quantized =
    bits === undefined ? source.checkpoint.quantized : quantizeNetwork(spec, source.checkpoint.masters);
  const checkpoint: Checkpoint = { ...source.checkpoint, spec, quantized, chipSeed };
  return { ...source, checkpoint, bytes: encodeCheckpoint(checkpoint) };
}

/** The network with other weight bits in every layer. @throws UserError E-CLI-032 */
export function withBits(spec: NetworkSpec, bits: number): NetworkSpec {
  if (!Number.isInteger(bits) || bits < 1 || bits > 8) {
    throw userError({
      code: "E-CLI-032",
      at: "--bits",
      found: `${bits}`,
      limit: "whole numbers 1…8",
      hint: "8",
    });
  }
  return {
    ...spec,
    layers: spec.layers.map((layer) =>
      layer.kind === "pool"
        ? layer
        : {
            ...layer,
            weight: { ...layer.weight, bits, wgtExp: Math.max(layer.weight.wgtExp, bits - 9) },
          },
    ),
  };
}

/** Spikes a step that the formula below takes for granted, and the voltage's spread that it wants, in thresholds: smaller
 *  before a pool, as an OR pool passes on four neurons' spikes. Seen with noise of that rate: 2–11 % spikes a step. */
const START = {
  inputRate: 0.03, rate: 0.07, rateBeforePool: 0.03, voltageSpread: 2, spreadBeforePool: 0.8, outputSigma: 0.001,
} as const;

/** Start weights without recordings: σ·N(0,1), biases 0, σ such that the voltage would spread by START's thresholds if
 *  nothing fired, its inputs being independent. (`train` finds σ on recordings, by bisection: more exact, and minutes slower.) */
function startWeights(spec: NetworkSpec, seed: number): Parameters {
  let masters: Parameters = unitWeights(spec, seed);
  const shapes = networkShapes(spec);
  let rate: number = START.inputRate;
  spec.layers.forEach((layer, k) => {
    if (layer.kind === "pool") {
      rate = 1 - (1 - rate) ** 4;
      return;
    }
    const fanIn =
      layer.kind === "dense"
        ? sizeOf(shapes[k])
        : (shapes[k][0] / layer.groups) * layer.kernel[0] * layer.kernel[1];
    const beforePool = spec.layers[k + 1]?.kind === "pool";
    const spread = beforePool ? START.spreadBeforePool : START.voltageSpread;
    const sigma = spread / Math.sqrt(fanIn * rate * responsePower(layer.loihi));
    masters = scaled(masters, `${layer.name}.weight`, k === spec.layers.length - 1 ? START.outputSigma : sigma);
    rate = beforePool ? START.rateBeforePool : START.rate;
  });
  return masters;
}

/** Σ h² of the voltage's response to one spike of weight 1. */
function responsePower({ decayU, decayV }: LoihiNeuron): number {
  const STEPS = 200;
  let [u, v, sum] = [1, 1, 1];
  for (let step = 1; step < STEPS; step++) {
    u *= 1 - decayU / 4096;
    v = v * (1 - decayV / 4096) + u;
    sum += v * v;
  }
  return sum;
}
