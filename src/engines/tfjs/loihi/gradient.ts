import type { Task } from "../../../tasks/types.js";
import type { RatePenalty } from "../../engine.js";
import type { Tensor } from "../ops/custom-op.js";
import { runHidden } from "./hidden.js";
import { type LoihiNetwork, SCALARS, plasticLayer, plasticParameters, scalarTensors } from "./network.js";
import { masterTensors } from "./parameters.js";
import type { PlasticRun } from "./plastic.js";
import { type TaskRun, sampleChunks, sentSpikes } from "./task.js";

type Gradients = Record<string, Float32Array>;

/** Gradient of the query loss and of the rate penalty for all parameters, through the learned weights, by automatic
 *  differentiation in two parts, so that the tape of the static layers holds some samples at a time: the last layer
 *  through all its presentations, by its parameters and by what fired below it; then the static layers. Source: design
 *  §6. */
export function taskGradient(
  net: LoihiNetwork,
  task: Task,
  run: TaskRun,
  chipSeed: number,
  penalty?: RatePenalty,
): { readonly loss: number; readonly gradients: Gradients } {
  const { tf } = net;
  const gradients: Gradients = {};
  const below = lastLayer(net, task, run, chipSeed, gradients);
  hiddenLayers(net, task, below.byFired, layerPenalties(net, run, penalty), gradients);
  for (const tensor of below.byFired) tf.dispose(tensor);
  return { loss: below.loss, gradients };
}

/** Writes the gradients of the last layer and of the rule; gives those of what fired below, [S, J] a sample. */
function lastLayer(net: LoihiNetwork, task: Task, run: TaskRun, chipSeed: number, gradients: Gradients) {
  const { tf, last } = net;
  const supports = task.support.length;
  const plastic = plasticLayer(net, task, chipSeed);
  const inputs = [...masterTensors(tf, last), ...scalarTensors(net), ...run.fired];
  const lossOf = (): Tensor => {
    const parameters = plasticParameters(net, [inputs[0], inputs[1]], inputs.slice(2, 6));
    const fired = inputs.slice(6);
    const mantissa = plastic.learnSupport(parameters, fired, task.presentation, task.supportLabels);
    const answers = plastic.answer({ mantissa, bias: parameters.bias }, tf.stack(fired.slice(supports), 1));
    return queryLoss(net, task, answers);
  };
  let loss = 0;
  const byFired = tf.tidy(() => {
    // Some inputs may lead nowhere: a sample that is never presented, scalars where nothing learns.
    const { value, grads } = tf.engine().gradients(lossOf, inputs, undefined, true);
    loss = value.dataSync()[0];
    const names = [`${last.spec.name}.weight`, `${last.spec.name}.bias`, ...(net.spec.soel ? SCALARS : [])];
    names.forEach((name, k) => {
      // In `authors-chip` the scalars are the rule's own constants.
      const learned = k < 2 || net.rule?.form === "chip";
      gradients[name] = learned && grads[k] ? grads[k].dataSync<"float32">().slice() : new Float32Array(inputs[k].size);
    });
    return run.fired.map((fired, k): Tensor => grads[6 + k] ?? tf.zerosLike(fired));
  });
  return { loss, byFired };
}

/** Mean cross-entropy of the queries; logit = κ·N + λ·mean over r of u/vth, outputs with a class only. */
function queryLoss(net: LoihiNetwork, task: Task, { compartments }: PlasticRun): Tensor {
  const { tf, steps, smooth } = net;
  const { kappa, lambda } = net.spec.readout;
  const vth = net.last.spec.loihi.vthMant * 64;
  const [n, ways] = [task.query.length, Math.min(net.outputs, task.classNames.length)];
  const spikes = tf.mul(tf.addN(compartments.spikes.slice(0, -1)), kappa);
  // Each u by itself first: their sum would need more digits than float32 has.
  const currents = tf.addN(compartments.u.map((u): Tensor => tf.mul(u, lambda / (steps * vth))));
  const logits = tf.slice(tf.add(spikes, currents), [0, 0], [n, ways]);
  const oneHot = task.queryLabels.flatMap((label) => Array.from({ length: ways }, (_, i) => (i === label ? 1 : 0)));
  return tf.div(smooth.crossEntropySum(logits, tf.tensor2d(oneHot, [n, ways])), n);
}

/** [hidden layer] gradient of every spike of a neuron, [H, W, C], from the rate penalty: the mean over channels of
 *  (max(0, low−rate)/low)² + (max(0, rate−high)/high)², times the weight. Null for pools. */
function layerPenalties(net: LoihiNetwork, run: TaskRun, penalty?: RatePenalty): (Tensor | null)[] {
  const { tf } = net;
  return run.counts.map((counts, k) => {
    if (!penalty || net.layers[k] === null) return null;
    const all = run.fired.length * net.steps;
    const loss = (spikes: Tensor): Tensor => {
      const rate = tf.div(tf.mean(tf.mean(spikes, 0), 0), all);
      const low = tf.mul(tf.relu(tf.sub(penalty.low, rate)), 1 / penalty.low);
      const high = tf.mul(tf.relu(tf.sub(rate, penalty.high)), 1 / penalty.high);
      return tf.mul(tf.mean(tf.add(tf.square(low), tf.square(high))), penalty.weight);
    };
    return tf.grad(loss as never)(counts);
  });
}

/** Writes the gradients of the static layers, some samples at a time. */
function hiddenLayers(
  net: LoihiNetwork,
  task: Task,
  byFired: readonly Tensor[],
  perSpike: readonly (Tensor | null)[],
  gradients: Gradients,
): void {
  const { tf, hidden, spec } = net;
  if (hidden.length === 0) return;
  const samples = [...task.support, ...task.query];
  const names = hidden.flatMap((layer) => [`${layer.spec.name}.weight`, `${layer.spec.name}.bias`]);
  const sums = hidden.flatMap((layer) => [layer.master, layer.biasMaster]).map((t) => new Float64Array(t.length));
  for (const { first, count } of sampleChunks(net, samples.length, "backward")) {
    tf.tidy(() => {
      const masters = hidden.flatMap((layer) => masterTensors(tf, layer));
      const input = sentSpikes(net, samples.slice(first, first + count));
      const wanted = tf.stack([...byFired.slice(first, first + count)], 1);
      const objective = (...ms: Tensor[]): Tensor => {
        const terms: Tensor[] = [];
        const last = runHidden(tf, net.chip, net.pool, spec, net.layers, ms, input, (layer, { spikes }) => {
          const rate = perSpike[layer];
          if (rate) terms.push(tf.sum(tf.mul(tf.sum(tf.sum(spikes, 0), 0), rate)));
        });
        return tf.addN([...terms, tf.sum(tf.mul(last, wanted))]);
      };
      tf.grads(objective as never)(masters).forEach((g, k) => {
        const [to, from] = [sums[k], g.dataSync()];
        for (let i = 0; i < to.length; i++) to[i] += from[i];
      });
    });
  }
  names.forEach((name, k) => {
    gradients[name] = Float32Array.from(sums[k]);
  });
}

