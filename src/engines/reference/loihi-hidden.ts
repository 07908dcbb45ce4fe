import type { SpikeTensor } from "../../events/types.js";
import { networkShapes, presentationSteps, sizeOf } from "../../model/shapes.js";
import type { NetworkSpec } from "../../model/types.js";
import type { LoihiLayers } from "./loihi-parameters.js";
import { orPool, orPoolGradient, poolVoltage } from "./or-pool.js";
import { Population } from "./population.js";
import type { OnWrap } from "./population.js";

/** A hidden layer after one presentation. Arrays [S, n]. */
interface LayerTape {
  readonly spikes: Uint16Array;
  readonly vBeforeReset: Int32Array | null;
  readonly population: Population | null;
}

/** One sample's way through the static layers. */
export interface HiddenTape {
  /** [layers] the input first, then all layers but the last; each by the step it fires (or is sent) in. */
  readonly layers: readonly LayerTape[];
}

/** Input frames as spikes sent: frame f at r = f + 1; 1 a pixel, or its count. [S, P·H·W] */
export function inputSpikes(spec: NetworkSpec, sample: SpikeTensor): Uint16Array {
  const size = spec.input.polarities * spec.input.height * spec.input.width;
  const out = new Uint16Array(presentationSteps(spec) * size);
  for (let f = 0; f < Math.min(spec.steps, sample.rowStart.length - 1); f++) {
    for (let k = sample.rowStart[f]; k < sample.rowStart[f + 1]; k++) {
      out[f * size + sample.channel[k]] = spec.input.mode === "counts" ? sample.count[k] : 1;
    }
  }
  return out;
}

/** Runs the layers before the last. `onWrap` gets the layer's name first. */
export function runHidden(
  spec: NetworkSpec,
  layers: LoihiLayers,
  sample: SpikeTensor,
  onWrap: (layer: string) => OnWrap,
): HiddenTape {
  const shapes = networkShapes(spec);
  const steps = presentationSteps(spec);
  const tapes: LayerTape[] = [{ spikes: inputSpikes(spec, sample), vBeforeReset: null, population: null }];
  for (let index = 0; index + 1 < spec.layers.length; index++) {
    const below = tapes[index];
    const layer = layers[index];
    if (layer === null) {
      const spikes = orPool(below.spikes, shapes[index], steps);
      tapes.push({ spikes, vBeforeReset: poolVoltage(below.spikes, shapes[index], steps), population: null });
      continue;
    }
    const population = new Population(layer.spec.loihi, layer.map.outputSize, steps, layer.bias);
    const report = onWrap(layer.spec.name);
    const q = new Float64Array(layer.map.outputSize);
    for (let r = 1; r <= steps; r++) {
      q.fill(0);
      if (r > 1) layer.map.forward(layer.effective, below.spikes, (r - 2) * layer.map.inputSize, q, 0);
      population.step(r, q, report);
    }
    tapes.push({ spikes: population.spikes, vBeforeReset: population.vBeforeReset, population });
  }
  return { layers: tapes };
}

/** What arrives at each step of the last layer: the spikes of the step before. [S, J] */
export function arrivalsOf(tape: HiddenTape, steps: number): Uint16Array {
  const { spikes } = tape.layers[tape.layers.length - 1];
  const out = new Uint16Array(spikes.length);
  out.set(spikes.subarray(0, spikes.length - spikes.length / steps), spikes.length / steps);
  return out;
}

/** Adds the gradients of the static layers, from `gSpikes` [S, J] of the last of them (by the step they fire
 *  in).
 *  @param gRates [layer] gradient of every spike of a neuron at any step [n] from the rate penalty, or
 *  null */
export function hiddenGradient(
  spec: NetworkSpec,
  layers: LoihiLayers,
  tape: HiddenTape,
  gSpikes: Float64Array,
  gRates: readonly (Float64Array | null)[],
  gradients: Record<string, Float64Array>,
): void {
  const shapes = networkShapes(spec);
  const steps = presentationSteps(spec);
  let g = gSpikes;
  for (let index = spec.layers.length - 2; index >= 0; index--) {
    const [layer, below, rates] = [layers[index], tape.layers[index], gRates[index]];
    if (layer === null) {
      // Nothing learns below a pool on the network's input, so who won there does not matter.
      if (below.vBeforeReset === null) return;
      g = orPoolGradient(g, below.vBeforeReset, shapes[index], steps);
      continue;
    }
    const { map } = layer;
    const [weight, bias] = [gradients[`${layer.spec.name}.weight`], gradients[`${layer.spec.name}.bias`]];
    if (rates) for (let k = 0; k < g.length; k++) g[k] += rates[k % map.outputSize];
    const reverse = tape.layers[index + 1].population!.reverse();
    const gBelow = new Float64Array(steps * map.inputSize);
    const gWeight = new Float64Array(weight.length);
    for (let r = steps; r >= 1; r--) {
      reverse.step(r, g, (r - 1) * map.outputSize, null);
      if (r === 1) continue;
      map.weightGradient(below.spikes, (r - 2) * map.inputSize, reverse.q, 0, gWeight);
      if (index > 0) map.transpose(layer.effective, reverse.q, 0, gBelow, (r - 2) * map.inputSize);
    }
    for (let k = 0; k < weight.length; k++) weight[k] += gWeight[k] * layer.weightSlope[k];
    for (let i = 0; i < map.outputSize; i++) {
      const channel = Math.floor(i / layer.positions);
      bias[channel] += reverse.bias[i] * layer.biasSlope[channel];
    }
    g = gBelow;
  }
}

/** [layer] spikes of every neuron [n] over all steps, for the layers before the last. */
export function spikeCounts(spec: NetworkSpec, tape: HiddenTape): readonly Float64Array[] {
  const shapes = networkShapes(spec);
  return tape.layers.slice(1).map(({ spikes }, index) => {
    const counts = new Float64Array(sizeOf(shapes[index + 1]));
    for (let k = 0; k < spikes.length; k++) counts[k % counts.length] += spikes[k];
    return counts;
  });
}
