import { describe, expect, it } from "vitest";
import { PlasticLayer } from "../../../src/engines/reference/plastic-layer.js";
import type { PlasticRule } from "../../../src/engines/reference/plastic-rule.js";
import { hasShared, readShared } from "../../support/shared.js";

interface ChipCase {
  name: string;
  J: number;
  K: number;
  T: number;
  S: number;
  bits: number;
  wgtExp: number;
  vthMant: number;
  decayU: number;
  decayV: number;
  refractory: number;
  bias: number[];
  seed: number;
  plasticIndex: number;
  dx: number;
  imp: number;
  tepoch: number;
  k: number;
  W: number;
  gamma: number;
  theta: number;
  hi: number;
  lo: number;
  m: number;
  s: number;
  assigned: string;
  w0: number[];
  presentations: {
    learn: number;
    label: number;
    frames: string;
    u: number[];
    v: number[];
    spikes: string;
    x1: string;
    c: string;
    y1: number[];
    w: number[];
    N: number[];
    decision: number;
    wraps: [number, string, number][];
  }[];
}

const { cases } = hasShared ? readShared<{ cases: ChipCase[] }>("golden/soel_chip.json") : { cases: [] };
const bits = (text: string): number[] => [...text].map(Number);
const hexPairs = (text: string): number[] => (text.match(/../g) ?? []).map((pair) => parseInt(pair, 16));

function layerOf(c: ChipCase): PlasticLayer {
  const rule: PlasticRule = {
    form: "chip",
    epochSteps: c.tepoch * 2 ** c.k,
    windowSteps: c.W,
    neutral: 64,
    gamma: c.gamma,
    hi: c.hi,
    lo: c.lo,
    theta: c.theta,
    resetPreTrace: true,
    traces: [{ decay: c.dx, impulse: c.imp, stream: 16 * c.plasticIndex + 1 }],
    products: [{ mant: c.m, exp: c.s, trace: 0 }],
  };
  const neuron = {
    decayU: c.decayU,
    decayV: c.decayV,
    vthMant: c.vthMant,
    refractory: c.refractory,
    biasExp: 0,
  };
  return new PlasticLayer(
    c.J,
    c.K,
    neuron,
    { bits: c.bits, signMode: "mixed", wgtExp: c.wgtExp },
    Int16Array.from(c.w0),
    c.bias,
    rule,
    bits(c.assigned).map(Boolean),
    c.seed,
  );
}

// Outside witness: PyTorch float64 and plain Python integers (golden/README.md).
describe.skipIf(!hasShared)("the plastic layer agrees with soel_chip.json in every integer", () => {
  it.each(cases.map((c) => [c.name, c] as const))("%s", (_, c) => {
    const layer = layerOf(c);
    for (const presentation of c.presentations) {
      const arrivals = new Uint16Array(c.S * c.J);
      arrivals.set(bits(presentation.frames), c.J);
      const wraps: [number, string, number][] = [];
      const tape = layer.present(
        arrivals,
        c.S,
        presentation.learn ? presentation.label : -1,
        (quantity, r, i) => wraps.push([r, quantity, i]),
      );
      expect([...tape.population.u]).toEqual(presentation.u);
      expect([...tape.population.v]).toEqual(presentation.v);
      expect([...tape.population.spikes]).toEqual(bits(presentation.spikes));
      expect([...tape.traces[0]]).toEqual(hexPairs(presentation.x1));
      expect([...tape.counters]).toEqual(hexPairs(presentation.c));
      expect([...tape.y1]).toEqual(presentation.y1);
      expect([...layer.mantissa]).toEqual(presentation.w);
      expect([...tape.outputSpikes]).toEqual(presentation.N);
      expect(tape.decision).toBe(presentation.decision);
      expect(wraps.map(String).sort()).toEqual(presentation.wraps.map(String).sort());
    }
  });
});
