/** The inner loop of `srm` networks: from the configuration, and what the outer loop learns of it. */
import type { InnerLoop, MetaStepResult } from "../engines/engine.js";
import type { NetworkSpec, Parameters } from "../model/types.js";
import type { TrainConfig } from "./config-schema.js";

/** Names of the learned quantities, beside the tensors of the network: `inner.rate.<layer>` and `inner.theta`. */
export const INNER_PREFIX = "inner.";
const RATE = `${INNER_PREFIX}rate.`;
const THETA = `${INNER_PREFIX}theta`;

/** θ of the paper's SOEL, for n = 5. Source: design §6, `paper`. */
export const PAPER_THETA = 0.05;
/** θ stays above this: the rule divides by it. */
const LEAST_THETA = 1e-4;

const weighted = (spec: NetworkSpec): string[] => spec.layers.filter(({ kind }) => kind !== "pool").map(({ name }) => name);

/** What the outer loop learns of the inner one, as it starts; undefined where that is nothing. */
export function startInner({ soel, training }: TrainConfig, spec: NetworkSpec): Parameters | undefined {
  if (spec.neuronModel !== "srm") return undefined;
  const { rate, learnRate } = training.inner;
  const rates = learnRate
    ? weighted(spec).map((name) => [`${RATE}${name}`, Float32Array.of(typeof rate === "number" ? rate : (rate[name] ?? 0))] as const)
    : [];
  const theta = soel?.form === "paper" && soel.learned?.includes("theta") ? [[THETA, Float32Array.of(soel.theta ?? PAPER_THETA)] as const] : [];
  return rates.length + theta.length > 0 ? Object.fromEntries([...rates, ...theta]) : undefined;
}

/** The inner loop that engines run; `learned` replaces what the configuration started from. */
export function innerLoop({ soel, training, network }: TrainConfig, learned?: Parameters): InnerLoop {
  const { steps, rate, frozen, truncation, quantize } = training.inner;
  // The default of 70 is for the paper's 100 steps: a shorter sample has no burn-in.
  const burnIn = network && training.inner.burnIn >= network.steps ? 0 : training.inner.burnIn;
  const rates = Object.entries(learned ?? {}).filter(([name]) => name.startsWith(RATE)).map(([name, [value]]) => [name.slice(RATE.length), value] as const);
  const paper = soel?.form === "paper" ? soel : undefined;
  return {
    rule: paper ? "soel-paper" : "gradient", steps, rate: rates.length > 0 ? Object.fromEntries(rates) : rate, frozen, burnIn, truncation,
    ...(quantize?.inner ? { quantizeInner: quantize.inner } : {}), ...(quantize?.outer ? { quantizeOuter: quantize.outer } : {}),
    ...(paper ? {
      soelPaper: {
        order: paper.order ?? 1, theta: learned?.[THETA]?.[0] ?? paper.theta ?? PAPER_THETA,
        thetaLearned: paper.learned?.includes("theta") ?? false, divide: paper.divide ?? "none",
      },
    } : {}),
  };
}

/** Gradients of the learned quantities by name; empty where nothing is learned. */
export function innerGradients({ innerGradients: g }: MetaStepResult, learned: Parameters | undefined): Record<string, Float64Array> {
  const out: Record<string, Float64Array> = {};
  for (const name of Object.keys(learned ?? {})) {
    out[name] = Float64Array.of(name === THETA ? (g?.theta ?? 0) : (g?.rates[name.slice(RATE.length)] ?? 0));
  }
  return out;
}

/** Learned rates stay at 0 or above, and θ positive. */
export const clampInner = (learned: Parameters): Parameters =>
  Object.fromEntries(Object.entries(learned).map(([name, v]) => [name, v.map((x) => Math.max(name === THETA ? LEAST_THETA : 0, x))]));

/** The learned quantities out of a record that holds other tensors too. */
export const innerOf = (all: Parameters): Parameters => Object.fromEntries(Object.entries(all).filter(([name]) => name.startsWith(INNER_PREFIX)));
