import { describe, expect, it } from "vitest";
import { assembleRules } from "../../hw/assembler.js";
import { LavaLearning, type LavaRandoms, type LavaTraceName } from "../../sim/compat/lava-learning.js";
import { hasShared, readShared } from "../support/shared.js";

interface Step { t: number; learn: 0 | 1; tx: number[]; ty: number[]; rnd?: LavaRandoms; x1: number[]; x2?: number[]; y1: number[];
  y2?: number[]; y3?: number[]; w?: number[][]; tag1?: number[][]; tag2?: number[][] }
interface Case { case: string; rule: Record<string, string | number>; sign_mode: "MIXED" | "EXCITATORY" | "INHIBITORY";
  W0: number[][]; pre: number[][]; post: number[][]; steps: Step[] }

describe.skipIf(!hasShared)("Lava's bit-approximate learning, fed with its random numbers", () => {
  const { cases } = hasShared ? readShared<{ cases: Case[] }>("golden/learning_lava_bitapprox.json") : { cases: [] };
  it.each(cases)("$case: traces, weights, delays and tags of every epoch", (c) => {
    const { dw, dd, dt } = c.rule as Record<string, string>;
    const traces = Object.fromEntries((["x1", "x2", "y1", "y2", "y3"] as LavaTraceName[]).flatMap((name) =>
      c.rule[`${name}_impulse`] === undefined ? []
        : [[name, { impulse: Number(c.rule[`${name}_impulse`]), tau: Number(c.rule[`${name}_tau`]) }]]));
    const learning = new LavaLearning({
      rule: assembleRules({ dw, dd, dt }), tepoch: Number(c.rule.t_epoch), signMode: c.sign_mode, traces, weights: c.W0,
    });
    expect(c.steps.length).toBeGreaterThan(20);
    for (const step of c.steps) {
      learning.receive(c.pre[step.t - 1], c.post[step.t - 1]);
      expect([learning.tx, learning.ty], `spike times, step ${step.t}`).toEqual([step.tx, step.ty]);
      expect(learning.epochEnds).toBe(step.learn === 1);
      if (step.rnd) learning.learn(step.rnd);
      const { trace } = learning;
      expect([trace.x1, trace.y1], `traces, step ${step.t}`).toEqual([step.x1, step.y1]);
      if (step.w === undefined) continue;
      expect([trace.x2, trace.y2, trace.y3]).toEqual([step.x2, step.y2, step.y3]);
      expect(learning.w, `weights, step ${step.t}`).toEqual(step.w);
      expect(dd === undefined ? learning.t : learning.d, `tags or delays, step ${step.t}`).toEqual(dd === undefined ? step.tag1 : step.tag2);
    }
  });
});
