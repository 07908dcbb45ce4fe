import { describe, expect, it } from "vitest";
import type { SmallNetwork, SmallNeuron, SmallSynapses } from "../../src/interop/cases/small-network.js";
import { biasParts, smallImage } from "../../src/interop/cases/small-network.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { loadCase } from "../../src/cli/cases/load-case.js";
import { updateCompartments } from "../../sim/phases/compartments.js";
import { hasShared, readShared } from "../support/shared.js";

interface Rows { u: number[][]; v: number[][]; s: number[][] }

/** Runs a small network from its image; input spikes as [step r, input], arriving in row r (from 0). */
async function run(network: SmallNetwork, steps: number, spikes: [number, number][]): Promise<Rows> {
  const { image } = smallImage(network, { steps, presentationSteps: steps, mode: "counts", chipSeed: 1 });
  const machine = await loadCase(image, 1);
  const rows: Rows = { u: [], v: [], s: [] };
  machine.probe = ({ cores: [core] }) => {
    rows.u.push(Array.from(core.u));
    rows.v.push(Array.from(core.v));
    const fired = new Array<number>(core.compartmentCount).fill(0);
    for (let k = 0; k < core.fired.count; k++) fired[core.fired.items[k]] = 1;
    rows.s.push(fired);
  };
  const frames = framesOfSpikes(spikes.filter(([r]) => r >= 1 && r <= steps).map(([r, i]) => [r - 1, i] as const), steps);
  await machine.present(frames, { learn: false, label: -1 });
  return rows;
}

const neuron = (given: Partial<SmallNeuron>): SmallNeuron =>
  ({ decayU: 4096, decayV: 0, vthMant: 100, refractory: 1, biasMant: 0, biasExp: 0, ...given });

const row = (mantissa: number[], delay = 0): SmallSynapses =>
  ({ target: mantissa.map((_, n) => n), mantissa, delay: mantissa.map(() => delay) });

interface ThreeWay { case: number; du: number; dv: number; vth_mant: number; refractory: number; w: number[]; S: number[][];
  u: number[]; v: number[]; s: number[] }

describe.skipIf(!hasShared)("neurons that three emulators agree on", () => {
  const { cases } = hasShared ? readShared<{ cases: ThreeWay[] }>("golden/lif_threeway.json") : { cases: [] };
  it.each(cases)("case $case: u, v and spikes of all steps", async (c) => {
    // Row t of the file is one step later here: a spike sent in step r arrives in row r.
    const spikes = c.S.flatMap((axons, t) => axons.flatMap((on, i) => (on ? [[t + 1, i] as [number, number]] : [])));
    const network: SmallNetwork = {
      name: "three-way", neurons: [neuron({ decayU: c.du + 1, decayV: c.dv, vthMant: c.vth_mant, refractory: c.refractory })],
      inputs: c.w.map((w) => row([w])), recurrent: null, weightBits: 8, signMode: 1, wgtExp: 0,
    };
    const rows = await run(network, c.S.length + 1, spikes);
    expect({ u: rows.u.slice(1).flat(), v: rows.v.slice(1).flat(), s: rows.s.slice(1).flat() }).toEqual({ u: c.u, v: c.v, s: c.s });
  });
});

interface NengoParams { du: number; dv: number; vth: number; bias: number | number[]; ref: number; vmin?: number; vmax?: number; n?: number }
interface NengoCase { case: string; params: NengoParams & { block1?: NengoParams; block2?: NengoParams };
  weights_mant?: number[][]; weight_exp?: number; input_spikes?: Record<string, number[]>; w12?: number[][]; w21?: number[][];
  u: number[][]; v: number[][]; s: number[][] }

describe.skipIf(!hasShared)("nengo-loihi's emulator", () => {
  const { cases } = hasShared ? readShared<{ cases: NengoCase[] }>("golden/lif_nengo_emulator.json") : { cases: [] };
  const neuronsOf = (p: NengoParams, n: number) => Array.from({ length: n }, (_, k) => neuron({
    decayU: p.du + 1, decayV: p.dv, vthMant: p.vth / 64, refractory: p.ref, ...biasParts(Array.isArray(p.bias) ? p.bias[k] : p.bias),
  }));
  it.each(cases)("$case: u, v and spikes of all steps", async (c) => {
    const { block1, block2, vmin = -8388607, vmax = 8388607 } = c.params;
    const network: SmallNetwork = {
      name: c.case, weightBits: 8, signMode: 1, wgtExp: c.weight_exp ?? 0,
      negVmLimit: Math.log2(1 - vmin), posVmLimit: (Math.log2(vmax + 1) - 9) / 2,
      neurons: block1 && block2
        ? [...neuronsOf(block1, block1.n!), ...neuronsOf(block2, block2.n!)]
        : neuronsOf(c.params, c.weights_mant![0].length),
      inputs: (c.weights_mant ?? [[0]]).map((w) => row(w)),
      recurrent: c.w12
        ? [...c.w12.map((w) => ({ target: [4, 5, 6], mantissa: w, delay: [0, 0, 0] })),
          ...c.w21!.map((w) => ({ target: [0, 1, 2, 3], mantissa: w, delay: [0, 0, 0, 0] }))]
        : null,
    };
    const spikes = Object.entries(c.input_spikes ?? {}).flatMap(([t, axons]) => axons.map((i) => [Number(t), i] as [number, number]));
    expect(await run(network, c.u.length, spikes)).toEqual({ u: c.u, v: c.v, s: c.s });
  });
});

interface BrianCase { case: string; T: number;
  neuron: { N: number; refractory: number; threshold_v_mant: number; decay_v: number; decay_I: number };
  synapses: { W: number[][]; idx: number[]; times: number[]; sign_mode: 1 | 2 | 3; w_act: number[]; w_exp?: number; delay?: number }[];
  I: number[][]; v: number[][]; spikes: { t: number[] } }

describe.skipIf(!hasShared)("Brian2Loihi", () => {
  const { cases } = hasShared ? readShared<{ cases: BrianCase[] }>("golden/lif_brian2loihi.json") : { cases: [] };
  it.each(cases)("$case: I, v and spikes of all steps", async (c) => {
    const wgtExp = exponentOf(c.case);
    // The mantissas behind the peer's effective weights: what it truncated away never reaches a chip.
    const inputs = c.synapses.flatMap((g) => g.w_act.map((w) => row([mantissaOf(w, wgtExp, g.sign_mode)], c.case === "delay3" ? 3 : 0)));
    const signMode = c.synapses.length === 1 ? c.synapses[0].sign_mode : 1;
    let first = 0;
    const spikes = c.synapses.flatMap((g) => {
      const own = g.times.map((t, k) => [t, first + g.idx[k]] as [number, number]);
      first += g.W.length;
      return own;
    });
    const { decay_I: decayU, decay_v: decayV, threshold_v_mant: vthMant, refractory } = c.neuron;
    const rows = await run({
      name: c.case, neurons: [neuron({ decayU, decayV, vthMant, refractory })], inputs, recurrent: null, weightBits: 8,
      signMode, wgtExp,
    }, c.T, spikes);
    expect([rows.u.flat(), rows.v.flat()]).toEqual([c.I[0], c.v[0]]);
    expect(rows.s.flatMap(([s], t) => (s ? [t] : []))).toEqual(c.spikes.t);
  });
  const exponentOf = (name: string) => (name === "wexp2_bits4" ? 2 : name === "wexp_m3" ? -3 : 0);
  /** A mantissa that has the effective weight; any of those that the floor maps there. */
  const mantissaOf = (w: number, wgtExp: number, signMode: number): number => {
    const step = signMode === 1 ? 2 : 1;
    return Math.ceil(w / 64 / 2 ** wgtExp / step) * step;
  };
});

interface LavaCase { case: string;
  params: Record<"du" | "dv" | "vth_mant" | "ds_offset" | "dm_offset", number> & Record<"bias_mant" | "bias_exp" | "u0" | "v0", number | number[]>;
  a_in: number[][]; u: number[][]; v: number[][]; s: number[][] }

describe.skipIf(!hasShared)("Lava's bit-accurate LIF, given its synaptic input", () => {
  const { cases } = hasShared ? readShared<{ cases: LavaCase[] }>("golden/lif_lava_bitacc.json") : { cases: [] };
  const counts = { activeUpdates: 0, inactiveUpdates: 0 } as never;
  it.each(cases)("$case: u, v and spikes of all steps", async (c) => {
    const n = c.u[0].length;
    const at = (value: number | number[], k: number) => (Array.isArray(value) ? value[k] : value);
    const { image } = smallImage({
      name: c.case, inputs: [], recurrent: null, weightBits: 8, signMode: 1, wgtExp: 0,
      neurons: Array.from({ length: n }, (_, k) => neuron({
        decayU: c.params.du + c.params.ds_offset, decayV: c.params.dv + c.params.dm_offset, vthMant: c.params.vth_mant,
        biasMant: at(c.params.bias_mant, k), biasExp: at(c.params.bias_exp, k),
      })),
    }, { steps: 1, presentationSteps: 1, mode: "counts", chipSeed: 1 });
    const { cores: [core] } = await loadCase(image, 1);
    for (let k = 0; k < n; k++) {
      core.u[k] = at(c.params.u0, k);
      core.v[k] = at(c.params.v0, k);
    }
    c.u.forEach((u, t) => {
      core.q.set(c.a_in[t]);
      updateCompartments(core, t + 1, counts);
      // Lava leaves +2^23 unwrapped and turns −2^23 into it; the chip's two's complement has −2^23 (loihi-facts §1.4).
      expect(Array.from(core.u, wrap24), `u, step ${t}`).toEqual(u.map(wrap24));
      expect(Array.from(core.v), `v, step ${t}`).toEqual(c.v[t]);
      const s = new Array<number>(n).fill(0);
      for (let k = 0; k < core.fired.count; k++) s[core.fired.items[k]] = 1;
      expect(s, `spikes, step ${t}`).toEqual(c.s[t]);
    });
  });
  const wrap24 = (u: number) => (u << 8) >> 8;
});
