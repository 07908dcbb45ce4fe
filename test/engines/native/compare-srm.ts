import fc from "fast-check";
import { expect } from "vitest";
import { createEngine } from "../../../src/engines/create.js";
import type { Engine, MetaStepOptions } from "../../../src/engines/engine.js";
import { createNativeEngine } from "../../../src/engines/native/native-engine.js";
import type { NetworkSpec } from "../../../src/model/types.js";
import { differenceOf, steadyStep } from "./steady-step.js";
import type { Case } from "./steady-step.js";

/** How an engine is made, by how much the reference's weights move to see whether it stands on an edge, and what results may
 *  differ by. float32: the bound of engines.test.ts, some hundred operations on what a cancellation of ten times larger terms
 *  left. */
export interface Witness {
  readonly make: (spec: NetworkSpec) => Promise<Engine>;
  readonly size: number;
  readonly bound: number;
}

export const inFloat32 = (name: "native" | "wasm", threads = 2): Witness => ({
  make: async (spec) => (await createEngine(spec, { engine: name, threads })).engine, size: 2 ** -22, bound: 2e-4,
});

export const inFloat64: Witness = { make: async (spec) => createNativeEngine(spec, 1, "float64"), size: 2 ** -40, bound: 1e-8 };

/** Compares one meta-step with the reference's; leaves out cases where that stands on an edge. */
export async function compareStep(found: Case, options: MetaStepOptions, { make, size, bound }: Witness): Promise<void> {
  const expected = await steadyStep(found, options, size, bound / 4);
  fc.pre(expected !== null);
  const engine = await make(found.spec);
  engine.setParameters(found.masters, found.quantized);
  const result = await engine.metaStep(found.task, options);
  engine.dispose();
  expect(differenceOf(result, expected)).toBeLessThan(bound);
  expect(Object.keys(result.innerGradients?.rates ?? {})).toEqual(Object.keys(expected.innerGradients?.rates ?? {}));
  expect([result.accuracy, result.silent]).toEqual([expected.accuracy, expected.silent]);
  result.spikeRates.forEach((rate, k) => expect(rate).toBeCloseTo(expected.spikeRates[k], 9));
}

/** Equal bits of a meta-step with 1, 2 and 4 threads. */
export async function sameBits(name: "native" | "wasm", { spec, masters, quantized, task }: Case, options: MetaStepOptions): Promise<void> {
  const of = async (threads: number) => {
    const { engine } = await createEngine(spec, { engine: name, threads });
    engine.setParameters(masters, quantized);
    const result = await engine.metaStep(task, options);
    engine.dispose();
    return result;
  };
  const one = await of(1);
  for (const threads of [2, 4]) expect(await of(threads)).toEqual(one);
}
