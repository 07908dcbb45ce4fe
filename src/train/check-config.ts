/** What a schema cannot say: which fields go together, and whether the layers fit each other. */
import { Diagnostics, nearestName } from "../base/errors.js";
import { networkShapes } from "../model/shapes.js";
import type { LayerSpec, NetworkSpec, Shape3 } from "../model/types.js";
import { defaultTraining, type TrainConfig } from "./config-schema.js";

type Soel = NonNullable<TrainConfig["soel"]>;

/** Constants of the rule that each form has; the others mean nothing there. */
const SHARED = ["form", "windowSteps", "epochExp", "passes", "resetPreTrace"] as const;
const FORM_FIELDS: Readonly<Record<"chip" | "authors-chip" | "paper", readonly (keyof Soel)[]>> = {
  chip: [...SHARED, "gamma", "tau", "impulse", "theta", "lo", "hi", "rateMant", "rateExp", "learned"],
  "authors-chip": SHARED,
  paper: ["form", "theta", "learned", "order", "divide"],
};

/** @throws UserError E-CFG-005 (fields that do not go together), E-CFG-006 (a layer that does not fit) */
export function checkCombination(config: TrainConfig, spec: NetworkSpec, fileName: string): void {
  const diagnostics = new Diagnostics();
  checkLayers(spec, fileName, diagnostics);
  if (config.soel) checkSoel(config.soel, spec, fileName, diagnostics);
  checkInner(config, spec, fileName, diagnostics);
  checkStart(config, spec, fileName, diagnostics);
  diagnostics.throwIfErrors();
}

function checkSoel(soel: Soel, spec: NetworkSpec, fileName: string, diagnostics: Diagnostics): void {
  const form = soel.form ?? "chip";
  const refuse = (field: string, found: string, limit: string, hint: string): void =>
    diagnostics.error("E-CFG-005", { at: `${fileName}, soel.${field}`, found, limit, hint });
  if ((form === "paper") !== (spec.neuronModel === "srm")) {
    const allowed = spec.neuronModel === "srm" ? '"paper"' : '"chip", "authors-chip"';
    refuse("form", `"${form}" in a ${spec.neuronModel} network`, allowed,
      spec.neuronModel === "srm" ? '"form": "paper", or leave soel out' : "a network whose model is srm, or another form");
    return;
  }
  for (const field of Object.keys(soel) as (keyof Soel)[]) {
    if (!FORM_FIELDS[form].includes(field)) {
      refuse(field, `not a constant of form "${form}"`, FORM_FIELDS[form].join(", "), "leave it out, or take another form");
    }
  }
  const stray = (soel.learned ?? []).find((name) => form === "paper" && name !== "theta");
  if (stray) refuse("learned", `"${stray}"`, '"theta" in form "paper"', '"learned": ["theta"]');
  if (form !== "paper" && soel.theta !== undefined && soel.theta < 1) refuse("theta", String(soel.theta), "at least 1 spike", "1");
  if (form === "paper" && soel.theta !== undefined && soel.theta >= 1) refuse("theta", String(soel.theta), "above 0, below 1: |softmax − onehot|/n", "0.05");
  if (spec.soel && spec.soel.windowSteps % 2 ** spec.soel.epochExp !== 0) {
    refuse("windowSteps", String(spec.soel.windowSteps), `a multiple of 2^epochExp = ${2 ** spec.soel.epochExp}`, "20");
  }
}

function checkInner(config: TrainConfig, spec: NetworkSpec, fileName: string, diagnostics: Diagnostics): void {
  const { inner, outer, rounding } = config.training;
  const at = (field: string): string => `${fileName}, training.${field}`;
  if (spec.neuronModel === "loihi") {
    const changed = changedFields(inner, defaultTraining().inner);
    if (changed.length > 0) {
      diagnostics.error("E-CFG-005", {
        at: at(`inner.${changed[0]}`), found: "an inner loop for a loihi network", limit: "srm networks; the inner loop of loihi is its learning rule",
        hint: '"soel", or a network whose model is srm',
      });
    }
    if (outer !== "maml") {
      diagnostics.error("E-CFG-005", {
        at: at("outer"), found: `"${outer}" for a loihi network`, limit: '"maml": the exact chain through the chip\'s integers', hint: '"maml", or a network whose model is srm',
      });
    }
    return;
  }
  if (rounding !== "nearest") {
    diagnostics.error("E-CFG-005", {
      at: at("rounding"), found: `"${rounding}" for an srm network`, limit: "loihi networks", hint: "training.inner.quantize.outer",
    });
  }
  const names = spec.layers.filter(({ kind }) => kind !== "pool").map(({ name }) => name);
  const named = [...inner.frozen.map((name) => ["frozen", name] as const), ...ratesByName(inner.rate).map((name) => ["rate", name] as const)];
  for (const [field, name] of named) {
    if (names.includes(name)) continue;
    const near = nearestName(name, names);
    diagnostics.error("E-CFG-005", { at: at(`inner.${field}`), found: `no layer "${name}" with weights`, limit: names.join(", "), hint: near ? `"${near}"` : undefined });
  }
  if (inner.burnIn > 0 && inner.burnIn >= spec.steps && inner.burnIn !== defaultTraining().inner.burnIn) {
    diagnostics.error("E-CFG-005", { at: at("inner.burnIn"), found: String(inner.burnIn), limit: `below network.steps ${spec.steps}`, hint: "0" });
  }
  if (inner.truncation !== undefined && inner.truncation > spec.steps) {
    diagnostics.error("E-CFG-005", { at: at("inner.truncation"), found: String(inner.truncation), limit: `up to network.steps ${spec.steps}`, hint: String(spec.steps) });
  }
  for (const [when, quantizer] of Object.entries(inner.quantize ?? {})) {
    const table = [2, 3, 4, 8, 16];
    const allowed = quantizer?.grid === "paper" ? table : [1, 2, 3, 4, 5, 6, 7, 8];
    if (quantizer && !allowed.includes(quantizer.bits)) {
      diagnostics.error("E-CFG-005", {
        at: at(`inner.quantize.${when}.bits`), found: `${quantizer.bits} on grid "${quantizer.grid}"`, limit: allowed.join(", "),
        hint: quantizer.grid === "paper" ? 'grid "symmetric" takes any number of bits' : "8",
      });
    }
  }
}

const ratesByName = (rate: TrainConfig["training"]["inner"]["rate"]): string[] => (typeof rate === "number" ? [] : Object.keys(rate));

function changedFields(given: object, standard: object): string[] {
  const fields = new Set([...Object.keys(given), ...Object.keys(standard)]);
  return [...fields].filter((f) => JSON.stringify((given as Record<string, unknown>)[f]) !== JSON.stringify((standard as Record<string, unknown>)[f]));
}

function checkStart({ training }: TrainConfig, spec: NetworkSpec, fileName: string, diagnostics: Diagnostics): void {
  const allowed = spec.neuronModel === "srm" ? ["auto", "lsuv", "gaussian"] : ["auto", "gaussian", "orthogonal"];
  if (allowed.includes(training.start)) return;
  diagnostics.error("E-CFG-005", {
    at: `${fileName}, training.start`, found: `"${training.start}" for a network of model ${spec.neuronModel}`, limit: allowed.join(", "), hint: '"auto"',
  });
}

/** Each layer on the one before it. A name given twice, or a last layer that is not dense, would fail far from here. */
function checkLayers(spec: NetworkSpec, fileName: string, diagnostics: Diagnostics): void {
  const seen = new Set<string>();
  const shapes = networkShapes(spec);
  const last = spec.layers[spec.layers.length - 1];
  const refuse = (layer: LayerSpec, field: string, found: string, limit: string, hint?: string): void =>
    diagnostics.error("E-CFG-006", { at: `${fileName}, layer "${layer.name}"${field ? `, ${field}` : ""}`, found, limit, hint });
  for (const [k, layer] of spec.layers.entries()) {
    if (seen.has(layer.name)) refuse(layer, "name", "two layers of that name", "one name a layer");
    seen.add(layer.name);
    const problem = problemOf(layer, shapes[k]);
    if (problem) {
      refuse(layer, ...problem);
      return;
    }
    if (layer.kind !== "pool") checkPrecision(layer, refuse, layer === last && spec.soel !== null, spec.neuronModel);
  }
  if (last.kind !== "dense") refuse(last, "kind", `"${last.kind}" at the end`, '"dense": the last layer holds the classes', "add a dense layer");
}

type Problem = readonly [field: string, found: string, limit: string, hint?: string];

function problemOf(layer: LayerSpec, [channels, height, width]: Shape3): Problem | undefined {
  const input = `its input is ${channels}×${height}×${width} (channels, height, width)`;
  if (layer.kind === "pool") return height < 2 || width < 2 ? ["kind", "a pool of 2×2", input, "leave the pool out"] : undefined;
  if (layer.kind === "dense") return undefined;
  const sizes = [height, width] as const;
  for (const axis of [0, 1] as const) {
    const [kernel, stride, pad] = [layer.kernel[axis], layer.stride[axis], layer.padding[axis]];
    if (kernel > sizes[axis] + 2 * pad) return ["kernel", String(kernel), `up to ${sizes[axis] + 2 * pad} with padding ${pad}: ${input}`, "a smaller kernel"];
    if (pad >= kernel) return ["padding", String(pad), `below the kernel's ${kernel}`, String(Math.floor(kernel / 2))];
    if (stride > sizes[axis]) return ["stride", String(stride), `up to ${sizes[axis]}: ${input}`, "1 or 2"];
  }
  if (channels % layer.groups !== 0 || layer.outChannels % layer.groups !== 0) {
    return ["groups", String(layer.groups), `a divisor of ${channels} input and ${layer.outChannels} output channels`, "1"];
  }
  return undefined;
}

function checkPrecision(
  layer: Exclude<LayerSpec, { readonly kind: "pool" }>, refuse: (layer: LayerSpec, field: string, found: string, limit: string, hint?: string) => void,
  plastic: boolean, model: NetworkSpec["neuronModel"],
): void {
  if (model !== "loihi") return;
  const { bits, signMode, wgtExp } = layer.weight;
  if (plastic && (bits === 7 || bits === 1)) refuse(layer, "bits", `${bits} in a plastic layer`, "2–6 or 8", bits === 7 ? "6 or 8" : "2");
  if (plastic && signMode !== "mixed") refuse(layer, "signMode", `"${signMode}" in a plastic layer`, '"mixed"');
  if (!plastic && bits === 1 && signMode === "mixed") refuse(layer, "signMode", '"mixed" at 1 bit has no positive weight', '"excitatory" or "inhibitory"');
  if (wgtExp < bits - 9) refuse(layer, "wgtExp", String(wgtExp), `at least bits − 9 = ${bits - 9}, so that no mantissa loses bits`, String(bits - 9));
}
