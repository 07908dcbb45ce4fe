import { z } from "zod";
import { userError } from "../../base/errors.js";
import { type SmallImage, smallImage, type SmallNetwork, type SmallSynapses } from "./small-network.js";

const oneOrMany = z.union([z.number().int(), z.array(z.number().int())]);
const matrix = z.array(z.array(z.number().int()));

/** Format `lif-parity-1` (bench/interop/README.md); fields it does not name are kept. */
const SCHEMA = z.looseObject({
  n_inputs: z.number().int().min(1).max(4096),
  n_neurons: z.number().int().min(1).max(131_072),
  steps: z.number().int().min(1).max(65_535),
  decay_u: oneOrMany,
  decay_v: oneOrMany,
  v_th_mant: oneOrMany,
  refractory: oneOrMany,
  weights: matrix,
  recurrent_weights: matrix.nullish(),
  weight_exp: z.number().int().min(-8).max(7),
  num_weight_bits: z.number().int().min(1).max(8),
  sign_mode: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  delays: matrix.nullish(),
  bias_mant: oneOrMany,
  bias_exp: oneOrMany,
  input_spikes: z.array(z.tuple([z.number().int(), z.number().int()])),
});

/** A case of format `lif-parity-1`: one population, all integers. */
export type LifParityCase = z.infer<typeof SCHEMA>;

const caseError = (found: string, limit?: string) =>
  userError({ code: "E-CASE-001", at: "case", found, limit, hint: "see the format lif-parity-1" });

/** Checks a parsed JSON file. @throws UserError E-CASE-001 that names the field */
export function parseLifParityCase(json: unknown): LifParityCase {
  const parsed = SCHEMA.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw caseError(`field ${issue.path.join(".") || "(whole file)"}: ${issue.message}`);
  }
  const given = parsed.data;
  checkMatrix("weights", given.weights, given.n_neurons, given.n_inputs);
  if (given.recurrent_weights) checkMatrix("recurrent_weights", given.recurrent_weights, given.n_neurons, given.n_neurons);
  if (given.delays) checkMatrix("delays", given.delays, given.n_neurons, given.n_inputs);
  for (const name of ["decay_u", "decay_v", "v_th_mant", "refractory", "bias_mant", "bias_exp"] as const) {
    const value = given[name];
    if (Array.isArray(value) && value.length !== given.n_neurons) throw caseError(`${name} of ${value.length} values`, `${given.n_neurons}`);
  }
  const stray = given.input_spikes.find(([t, i]) => t < 0 || i < 0 || i >= given.n_inputs);
  if (stray) throw caseError(`input spike [${stray.join(", ")}]`, `t from 0, i 0…${given.n_inputs - 1}`);
  return given;
}

function checkMatrix(name: string, rows: readonly (readonly number[])[], height: number, width: number): void {
  if (rows.length !== height || rows.some((row) => row.length !== width)) throw caseError(`${name} of another shape`, `[${height}][${width}]`);
}

/** Synapses of each source; weights of 0 are none. */
function synapsesBySource(weights: readonly (readonly number[])[], delays: readonly (readonly number[])[] | null | undefined): SmallSynapses[] {
  return Array.from({ length: weights[0]?.length ?? 0 }, (_, source) => {
    const target = weights.flatMap((row, post) => (row[source] === 0 ? [] : [post]));
    return {
      target, mantissa: target.map((post) => weights[post][source]), delay: target.map((post) => delays?.[post][source] ?? 0),
    };
  });
}

/** The case as a network of the chip. */
export function lifParityNetwork(given: LifParityCase): SmallNetwork {
  const at = (value: number | number[], n: number) => (Array.isArray(value) ? value[n] : value);
  return {
    name: "lif-parity-1",
    neurons: Array.from({ length: given.n_neurons }, (_, n) => ({
      decayU: at(given.decay_u, n), decayV: at(given.decay_v, n), vthMant: at(given.v_th_mant, n),
      refractory: at(given.refractory, n), biasMant: at(given.bias_mant, n), biasExp: at(given.bias_exp, n),
    })),
    inputs: synapsesBySource(given.weights, given.delays),
    recurrent: given.recurrent_weights ? synapsesBySource(given.recurrent_weights, null) : null,
    weightBits: given.num_weight_bits, signMode: given.sign_mode, wgtExp: given.weight_exp,
  };
}

/** The chip image of a case. */
export const lifParityImage = (given: LifParityCase): SmallImage =>
  smallImage(lifParityNetwork(given), { steps: given.steps, presentationSteps: given.steps, mode: "counts", chipSeed: 0 });
