import { userError } from "../../base/errors.js";
import { parameterShapes } from "../../model/shapes.js";
import type { NetworkSpec, Parameters } from "../../model/types.js";
import type { MamlSoelFile } from "./maml-soel-case.js";
import type { MamlTorchFile } from "./maml-torch-case.js";

/** A case file that `gradcheck` can run. */
export type GradientCase =
  | { readonly format: "maml-soel-1"; readonly file: MamlSoelFile }
  | { readonly format: "maml-torch"; readonly file: MamlTorchFile };

const REQUIRED = {
  "maml-soel-1": [
    "input",
    "T",
    "S",
    "seed",
    "layers",
    "soel",
    "masters",
    "support",
    "query",
    "mantissas",
    "supportSteps",
    "N",
    "decisions",
    "logits",
    "loss",
    "gradients",
  ],
  "maml-torch": [
    "spec",
    "weights",
    "support",
    "query",
    "queryReadout",
    "queryLoss",
    "secondOrderGradient",
    "firstOrderGradient",
    "evaluation",
  ],
} as const;

const problem = (code: string, at: string, found: string, limit?: string, hint?: string) =>
  userError({ code, at, found, limit, hint });

/** Reads a case file and says what is wrong with it where it is not one.
 *  @throws UserError E-CASE-001 where the format is another, E-CASE-002 where a field is missing or
 *  malformed */
export function parseCase(text: string, name: string): GradientCase {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw problem(
      "E-CASE-001",
      name,
      `is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const object = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Record<string, unknown>;
  const format =
    object.format === "maml-soel-1"
      ? "maml-soel-1"
      : "secondOrderGradient" in object || "spec" in object
        ? "maml-torch"
        : null;
  if (format === null) {
    throw problem(
      "E-CASE-001",
      name,
      object.format ? `format "${String(object.format)}"` : "no format that gradcheck knows",
      "maml-soel-1, or the fields of maml_torch_small.json",
      object.format === "soel-chip-1" || object.format === "lif-parity-1"
        ? "metaloihi simulate takes that format"
        : undefined,
    );
  }
  const missing = REQUIRED[format].filter((field) => !(field in object));
  if (missing.length > 0)
    throw problem("E-CASE-002", name, `lacks ${missing.join(", ")}`, `a whole case of format ${format}`);
  for (const part of ["support", "query"] as const) checkSamples(object[part], `${name}, ${part}`);
  return { format, file: parsed } as GradientCase;
}

function checkSamples(part: unknown, at: string): void {
  const { labels, frames } = (part ?? {}) as { labels?: unknown; frames?: unknown };
  if (
    !Array.isArray(labels) ||
    !Array.isArray(frames) ||
    labels.length === 0 ||
    frames.length % labels.length !== 0
  ) {
    throw problem(
      "E-CASE-002",
      at,
      "labels and frames do not fit together",
      "lists, the same number of frames for every label",
    );
  }
  const bad = frames.findIndex(
    (frame) => typeof frame !== "string" || !/^[01]*$/.test(frame) || frame.length !== frames[0].length,
  );
  if (bad >= 0)
    throw problem("E-CASE-002", `${at}, frame ${bad}`, "is not a string of 0 and 1 as long as the first");
}

/** Checks that every tensor of a case has the length that its network asks for. @throws UserError
 *  E-CASE-002 */
export function checkParameters(spec: NetworkSpec, masters: Parameters, name: string): void {
  for (const { name: tensor, shape } of parameterShapes(spec)) {
    const wanted = shape.reduce((product, n) => product * n, 1);
    const found = masters[tensor]?.length;
    if (found !== wanted) {
      throw problem(
        "E-CASE-002",
        `${name}, ${tensor}`,
        found === undefined ? "is missing" : `${found} values`,
        `${wanted} (${shape.join(" × ")})`,
      );
    }
  }
}
