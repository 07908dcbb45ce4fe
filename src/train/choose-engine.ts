/** The engine for a configuration: what a machine has, and what each engine can do, decide together. */
import { UserError, userError } from "../base/errors.js";
import { type CreatedEngine, createEngine, type EngineName } from "../engines/create.js";
import type { Engine } from "../engines/engine.js";
import type { SpikeTensor } from "../events/types.js";
import { quantizeNetwork } from "../model/quantize.js";
import { unitWeights } from "../model/start-weights.js";
import type { NetworkSpec } from "../model/types.js";
import type { Task } from "../tasks/types.js";
import type { TrainConfig } from "./config-schema.js";
import { innerLoop, startInner } from "./inner-state.js";

/** Makes the engine that was asked for, or the fastest one here that can do what the configuration asks for. Where that is
 *  not the fastest one here, `notice` says why.
 *  @throws UserError E-ENG-… where the engine asked for cannot: what, and which engine can */
export async function engineFor(
  config: TrainConfig, spec: NetworkSpec, options: { readonly engine?: EngineName; readonly threads?: number } = {},
): Promise<CreatedEngine> {
  const made = await createEngine(spec, options);
  // What only fails when a step is asked for concerns the inner loop, which loihi networks have not.
  const refusal = spec.neuronModel === "srm" && made.engine.name !== "reference" ? await refusalOf(made.engine, config, spec) : undefined;
  if (!refusal) return made;
  made.engine.dispose();
  if (options.engine) throw refusal;
  const { engine } = await createEngine(spec, { ...options, engine: "reference" });
  const [{ at, found }] = refusal.details;
  return { engine, notice: `using the reference engine, which is much slower: the ${made.engine.name} engine cannot do ${at}: ${found}` };
}

/** What an engine says to one step on two samples without events: it checks its arguments before it works. Undefined: it can.
 *  E-ENG-002 stands for an engine that leaves out the gradients that learned rates need. */
export async function refusalOf(engine: Engine, config: TrainConfig, spec: NetworkSpec): Promise<UserError | undefined> {
  const masters = unitWeights(spec, 1);
  const learned = startInner(config, spec);
  try {
    engine.setParameters(masters, quantizeNetwork(spec, masters));
    const { innerGradients } = await engine.metaStep(emptyTask(spec), {
      outer: config.training.outer, inner: innerLoop(config, learned), chipSeed: 1, roundingSeed: 1,
    });
    if (!learned || innerGradients) return undefined;
    return userError({
      code: "E-ENG-002", at: "training.inner.learnRate", found: `the ${engine.name} engine gives no gradients of the inner rates`,
      limit: "--engine reference", hint: "--engine reference",
    });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

function emptyTask(spec: NetworkSpec): Task {
  const { polarities, height, width } = spec.input;
  const sample: SpikeTensor = {
    shape: [spec.steps, polarities, height, width], rowStart: new Uint32Array(spec.steps + 1), channel: new Uint16Array(0),
    count: new Uint8Array(0), timestepUs: 1000,
  };
  return {
    number: 0, seed: 0, classNames: ["a", "b"], support: [sample], supportLabels: [0], query: [sample], queryLabels: [0],
    presentation: [0], supportRecordings: [[]], queryRecordings: [[]],
  };
}
