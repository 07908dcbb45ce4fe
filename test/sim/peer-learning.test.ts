import { describe, expect, it } from "vitest";
import { assembleRules } from "../../hw/assembler.js";
import { BrianLearning } from "../../sim/compat/brian-learning.js";
import { NengoPesLearning } from "../../sim/compat/nengo-pes.js";
import { hasShared, readShared } from "../support/shared.js";

interface PesCase { case: string; tracing_mag: number; tracing_tau: number; train_epoch: number; learn_epoch: number; lr_int: number;
  lr_exp: number; shift_bits: number; W0: number[][];
  steps: { t: number; error: number; axon_spikes: number[]; trace: number[]; w: number[][]; rand_trace: number[] | null; rand_w: number[][][] }[] }

describe.skipIf(!hasShared)("nengo-loihi's PES, fed with its random numbers", () => {
  const { cases } = hasShared ? readShared<{ cases: PesCase[] }>("golden/learning_nengo_pes.json") : { cases: [] };
  it.each(cases)("case $case: traces and weights of all steps", (c) => {
    const learning = new NengoPesLearning({
      tracingMag: c.tracing_mag, tracingTau: c.tracing_tau, trainEpoch: c.train_epoch, learnEpoch: c.learn_epoch, rateInt: c.lr_int,
      rateExp: c.lr_exp, shiftBits: c.shift_bits, weights: c.W0,
    });
    for (const step of c.steps) {
      learning.receive(step.axon_spikes);
      expect(step.rand_trace !== null).toBe(step.t % c.train_epoch === 0);
      if (step.rand_trace !== null) learning.updateTraces(step.rand_trace);
      if (step.t % c.learn_epoch === 0) learning.updateWeights([-step.error, step.error], step.rand_w.map(([row]) => row));
      expect({ trace: learning.trace, w: learning.w }, `step ${step.t}`).toEqual({ trace: step.trace, w: step.w });
    }
  });
});

interface BrianCase { dw: string; sign_mode: 1 | 2 | 3; num_weight_bits: number; imp_x1: number; imp_y1: number; w0: number;
  pre: number[]; post: number[]; w: number[]; x1: number[] }

describe.skipIf(!hasShared)("Brian2Loihi's rules where no random number matters", () => {
  const { cases } = hasShared ? readShared<{ cases: BrianCase[] }>("golden/learning_brian2loihi_deterministic.json") : { cases: [] };
  it.each(cases)("dw = $dw: trace and weight of all steps", (c) => {
    const learning = new BrianLearning({
      rule: assembleRules({ dw: c.dw }), signMode: c.sign_mode, weightBits: c.num_weight_bits, impulseX1: c.imp_x1,
      impulseY1: c.imp_y1, w0: c.w0,
    });
    const rows = c.w.map((_, t) => {
      learning.step(t, c.pre.includes(t) ? 1 : 0, c.post.includes(t) ? 1 : 0);
      return [learning.w, learning.x1];
    });
    expect(rows).toEqual(c.w.map((w, t) => [w, c.x1[t]]));
  });
});
