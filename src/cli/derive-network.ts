/** Frames and a network for recordings that no configuration was written for. */
import { userError } from "../base/errors.js";
import type { InputGeometry } from "../model/types.js";
import { resolveConfig, type ResolvedConfig, type TrainConfig } from "../train/config.js";

/** What a folder of recordings turned out to be. */
export interface Found {
  readonly classes: number;
  readonly sensor: { readonly width: number; readonly height: number };
  /** Median length of a recording. */
  readonly spanUs: number;
}

/** Widest input that is chosen unasked: small enough for a few cores. */
const WIDEST = 40;
/** Most pixels of the last convolution, so that the plastic layer's inputs fit a core: 8 of 64 channels. */
const LAST_PIXELS = 8;
const CHANNELS = [16, 32, 64, 64, 64] as const;

/** Completes a configuration by what was found: geometry where it has none, and a network where it has none either. One
 *  whose geometry is given, or whose preset is for that sensor, stays as it is.
 *  @throws UserError E-DATA-006 where the given network's input is larger than the sensor */
export function deriveFor(resolved: ResolvedConfig, found: Found): { readonly resolved: ResolvedConfig; readonly chosen?: string } {
  const { config } = resolved;
  if (config.geometry) return { resolved };
  const { sensor } = resolved.geometry;
  const presetFits = sensor.width === found.sensor.width && sensor.height === found.sensor.height;
  if (config.preset !== undefined && presetFits && enough(found.classes, resolved.geometry.compose, config)) return { resolved };
  const compose = enough(found.classes, 1, config) ? 1 : 2;
  const geometry = config.network ? geometryOf(config.network.input, compose, found, config.network.steps) : freeGeometry(compose, found);
  const { crop, downsample, timestepUs } = geometry;
  const [height, width] = [Math.floor(crop.height / downsample), Math.floor(crop.width / downsample) * compose];
  const network = config.network ?? networkFor(height, width, config.data.ways);
  const next = resolveConfig({ ...config, preset: undefined, geometry, network, soel: config.soel === undefined ? { passes: 8, rateExp: -6 } : config.soel });
  return {
    resolved: next,
    chosen: `chosen: ${compose === 2 ? "two recordings side by side a sample, " : ""}crop ${crop.width}×${crop.height} at ${crop.x}, ${crop.y}, ÷${downsample}, ` +
      `input ${width}×${height}, ${next.spec.steps} steps of ${timestepUs / 1000} ms` +
      (config.network ? "" : `; network ${network.layers.map((l) => (l.kind === "conv" ? `conv ${l.channels}` : l.kind)).join(" – ")}`),
  };
}

/** Classes enough for tasks of every split. */
const enough = (classes: number, compose: number, config: TrainConfig): boolean => classes ** compose >= 3 * config.data.ways;

const stepFor = (spanUs: number, steps: number): number => Math.max(1000, Math.ceil(spanUs / steps / 1000) * 1000);

function freeGeometry(compose: number, { sensor, spanUs }: Found): InputGeometry {
  const downsample = Math.max(1, Math.ceil((Math.max(sensor.width, sensor.height) * compose) / WIDEST));
  return { sensor, crop: { x: 0, y: 0, ...sensor }, downsample, compose, timestepUs: stepFor(spanUs, 100) };
}

/** The largest centered window that the given network's input is a down-sampling of. */
function geometryOf(input: { readonly width: number; readonly height: number }, compose: number, { sensor, spanUs }: Found, steps: number): InputGeometry {
  const width = Math.floor(input.width / compose);
  const downsample = Math.floor(Math.min(sensor.width / width, sensor.height / input.height));
  if (downsample < 1 || width * compose !== input.width) {
    throw userError({
      code: "E-DATA-006", at: "network.input", found: `${input.width}×${input.height}, ${compose} recordings of ${sensor.width}×${sensor.height} side by side`,
      limit: "an input that the recordings fill", hint: "leave `network` out, and one is derived from the recordings",
    });
  }
  const crop = { width: width * downsample, height: input.height * downsample };
  return {
    sensor, downsample, compose, timestepUs: stepFor(spanUs, steps),
    crop: { x: Math.floor((sensor.width - crop.width) / 2), y: Math.floor((sensor.height - crop.height) / 2), ...crop },
  };
}

/** Strided convolutions as in the demo's network, until few enough pixels are left. */
function networkFor(height: number, width: number, ways: number): NonNullable<TrainConfig["network"]> {
  const layers: NonNullable<TrainConfig["network"]>["layers"] = [];
  for (let [h, w] = [height, width]; layers.length === 0 || (h * w > LAST_PIXELS && layers.length < CHANNELS.length);) {
    const first = layers.length === 0;
    const kernel = first ? 5 : 3;
    layers.push({
      kind: "conv", name: `conv${layers.length + 1}`, channels: CHANNELS[layers.length], kernel, stride: 2, padding: first ? 2 : 1,
      ...(first ? { vthMant: 256 } : {}),
    });
    [h, w] = [Math.ceil(h / 2), Math.ceil(w / 2)];
  }
  layers.push({ kind: "dense", name: "output", outputs: ways });
  return { model: "loihi", input: { polarities: 2, height, width, mode: "binary" }, steps: 100, layers, readout: { kappa: 0.1, lambda: 1 } };
}
