import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addComparisons, compareRecords, EMPTY_COMPARISON, incomparable } from "../../src/parity/compare-records.js";
import { copyTrace, handTrace } from "./records.js";

const layers = ["hidden", "output"];

describe("compareRecords", () => {
  it("counts every value it held against another, and finds no difference between a run and its copy", () => {
    const result = compareRecords([handTrace, handTrace], [copyTrace(handTrace), copyTrace(handTrace)], layers);
    expect(result).toEqual({
      differences: 0, first: null,
      compared: { presentations: 2, spikes: 12, weights: 24, potentials: 64, y1: 8, outputSpikes: 4, decisions: 2 },
    });
  });

  it("names step, layer and neuron of a spike that only one run fired, and the events before it", () => {
    const other = copyTrace(handTrace);
    other.spikes[1] = { step: Uint16Array.of(7), neuron: Uint32Array.of(0) };
    const { differences, first } = compareRecords([handTrace], [other], layers);
    expect(differences).toBe(1);
    expect(first).toEqual({
      presentation: 0, step: 4, layer: "output", neuron: 1, quantity: "spike", a: 1, b: 0,
      context: { source: "hidden", steps: "3", of: "neurons", a: [5], b: [5], omitted: 0 },
    });
  });

  it("counts a spike that moved by a step as two differences, the earlier one first", () => {
    const other = copyTrace(handTrace);
    other.spikes[0].step[3] = 7;
    const { differences, first } = compareRecords([handTrace], [other], layers);
    expect(differences).toBe(2);
    expect(first).toMatchObject({ step: 6, layer: "hidden", neuron: 1, quantity: "spike", a: 1, b: 0, context: null });
  });

  it("puts u before v before the output's spike within one step", () => {
    const other = copyTrace(handTrace);
    other.spikes[1].step[0] = 3; // step 3 and step 4 differ, output 1
    other.v[2 * 2 + 1] = 5; // step 3
    other.u[2 * 2 + 0] = 7; // step 3
    const { differences, first } = compareRecords([handTrace], [other], layers);
    expect(differences).toBe(4);
    expect(first).toMatchObject({ step: 3, neuron: 0, quantity: "u", a: 40, b: 7 });
  });

  it("finds y1 at the step it was written in", () => {
    const other = copyTrace(handTrace);
    other.y1[3] = 71; // second epoch, output 1
    expect(compareRecords([handTrace], [other], layers).first).toMatchObject({
      step: 8, layer: "output", neuron: 1, quantity: "y1", a: 70, b: 71, context: { of: "steps", a: [4], b: [4] },
    });
  });

  it("names output, input and both values of a weight", () => {
    const other = copyTrace(handTrace);
    other.weights[1 * 6 + 4] = 100;
    expect(compareRecords([handTrace], [other], layers).first).toMatchObject({
      step: 8, layer: "output", neuron: 1, input: 4, quantity: "weight", a: 14, b: 100,
      context: { source: "hidden", of: "steps", a: [2], b: [2] },
    });
  });

  it("sees a decision that differs although all counts agree", () => {
    const other = copyTrace(handTrace);
    other.decision = 0;
    expect(compareRecords([handTrace], [other], layers)).toMatchObject({
      differences: 1, first: { quantity: "decision", neuron: -1, a: 1, b: 0 },
    });
  });

  it("takes the first difference from the earlier presentation, whatever the step", () => {
    const [first, second] = [copyTrace(handTrace), copyTrace(handTrace)];
    first.decision = 0;
    second.u[0] = 99;
    expect(compareRecords([handTrace, handTrace], [first, second], layers).first).toMatchObject({ presentation: 0, quantity: "decision" });
  });

  it("finds any single changed number, and exactly it", () => {
    const places = fc.constantFrom("u", "v", "y1", "weights", "outputSpikes");
    fc.assert(fc.property(places, fc.nat(), (key, at) => {
      const other = copyTrace(handTrace);
      const array = other[key as "u"];
      array[at % array.length] += 1;
      expect(compareRecords([handTrace], [other], layers).differences).toBe(1);
    }));
  });

  it("refuses runs of different shape", () => {
    const other = copyTrace(handTrace);
    other.u = new Int32Array(4);
    expect(incomparable([handTrace], [])).toBe("1 presentations against 0");
    expect(incomparable([handTrace], [other])).toBe("presentation 0: 16 values of u against 4");
    expect(() => compareRecords([handTrace], [other], layers)).toThrow("same shape");
  });
});

describe("addComparisons", () => {
  it("adds counts and keeps the first difference", () => {
    const other = copyTrace(handTrace);
    other.decision = 0;
    const different = compareRecords([handTrace], [other], layers);
    const sum = addComparisons(addComparisons(EMPTY_COMPARISON, different), compareRecords([handTrace], [handTrace], layers));
    expect(sum.differences).toBe(1);
    expect(sum.compared.spikes).toBe(12);
    expect(sum.first?.quantity).toBe("decision");
  });
});
