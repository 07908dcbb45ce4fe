/** Turns what the schema finds into one sentence for the user. */
import { z } from "zod";
import { nearestName, type UserError, userError } from "../base/errors.js";
import { configSchema } from "./config-schema.js";

type Issue = z.core.$ZodIssue;

/** The most telling mistake of several: a key that nobody knows explains a required one that is missing.
 *  @returns UserError E-CFG-002 */
export function fieldError(issues: readonly Issue[], value: unknown, fileName: string): UserError {
  const flat = issues.flatMap((issue) => innermost(issue));
  const issue = flat.find(({ code }) => code === "unrecognized_keys") ?? flat[0];
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0];
    const known = knownKeys(issue.path, value);
    const nearest = nearestName(key, known);
    return userError({
      code: "E-CFG-002", at: `${fileName}, ${path ? `${path}.` : ""}${key}`, found: "an unknown key",
      limit: nearest ? undefined : known.join(", "), hint: nearest ? `"${nearest}"` : "leave it out",
    });
  }
  const found = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
  const missing = found === undefined;
  return userError({
    code: "E-CFG-002", at: `${fileName}, ${path || "the whole"}`, found: missing ? "it is missing" : shown(found),
    limit: inWords(issue.message),
    hint: "`metaloihi config-schema` for every field",
  });
}

/** The schema's message without what it found, which is told apart. */
const inWords = (message: string): string => message
  .replace(/^Invalid (?:input|option|discriminator value)[:.] /, "").replace(/^expected /i, "").replace(/, received .*$/, "")
  .replace(/^Too small: expected \w+ to (?:be|have) >=?\s*/, "at least ").replace(/^Too big: expected \w+ to (?:be|have) <=?\s*/, "at most ");

const shown = (value: unknown): string => {
  const text = typeof value === "number" && !Number.isFinite(value) ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** Of a union, the branch that came furthest: the one with the deepest complaint. */
function innermost(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union" || !issue.errors?.length) return [issue];
  const branches = issue.errors.map((branch) => branch.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })));
  const depth = (branch: readonly { readonly path: readonly PropertyKey[]; readonly code?: string }[]): number =>
    Math.max(...branch.map(({ path, code }) => path.length + (code === "unrecognized_keys" ? 1 : 0)));
  const best = branches.reduce((a, b) => (depth(b) > depth(a) ? b : a));
  // Branches that all fail at the union itself are plain types: the union's own message would name none of them.
  if (depth(best) === issue.path.length) {
    const expected = branches.map((branch) => branch[0].message.replace(/^Invalid input: expected |, received .*$/g, ""));
    return [{ ...issue, code: "custom", message: [...new Set(expected)].join(" or ") } as Issue];
  }
  return best.flatMap((inner) => innermost(inner as Issue));
}

/** Keys that the schema knows at a path. */
function knownKeys(path: readonly PropertyKey[], value: unknown): string[] {
  let schema: unknown = z.toJSONSchema(configSchema, { io: "input" });
  let at: unknown = value;
  for (const key of path) {
    const s = schema as { properties?: Record<string, unknown>; items?: unknown };
    at = (at as Record<PropertyKey, unknown>)?.[key];
    schema = typeof key === "number" ? s.items : s.properties?.[String(key)];
    const options = (schema as { anyOf?: unknown[] })?.anyOf ?? (schema as { oneOf?: unknown[] })?.oneOf;
    if (options) {
      const kind = (at as { kind?: string })?.kind;
      schema = options.find((o) => (o as { properties?: { kind?: { const?: string } } }).properties?.kind?.const === kind) ?? options[0];
    }
  }
  return Object.keys((schema as { properties?: Record<string, unknown> })?.properties ?? {});
}
