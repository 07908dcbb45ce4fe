/** From what a user names to a configuration, and to the tasks that it asks for. */
import { existsSync } from "node:fs";
import { nearestName, userError } from "../base/errors.js";
import { readFileText } from "../base/node/files.js";
import { PRESETS } from "../model/presets.js";
import type { TaskSource } from "../tasks/index.js";
import { parseConfig, resolveConfig, type ResolvedConfig } from "../train/config.js";
import { doubleNmnistSource } from "./task-source.js";

/** A configuration file, or the name of a preset. Options given on the command line replace its fields.
 *  @throws UserError E-CFG-…, E-CFG-004 where there is neither file nor preset */
export function readConfig(name: string, override: { readonly seed?: number; readonly tasks?: number } = {}): ResolvedConfig {
  if (!existsSync(name) && !PRESETS[name]) {
    const nearest = nearestName(name, Object.keys(PRESETS));
    throw userError({
      code: "E-CFG-004", at: name, found: "there is no such file, and no preset of that name",
      limit: `a JSON file, or one of ${Object.keys(PRESETS).join(", ")}`, hint: nearest ? `"${nearest}"` : undefined,
    });
  }
  const resolved = existsSync(name)
    ? parseConfig(readFileText(name), name)
    : resolveConfig({ name: name.replace(/[^A-Za-z0-9_-]/g, "-"), preset: name });
  if (override.seed === undefined && override.tasks === undefined) return resolved;
  const config = { ...resolved.config, seed: override.seed ?? resolved.config.seed };
  const training = { ...config.training, tasks: override.tasks ?? config.training.tasks };
  return resolveConfig({ ...config, training }, name);
}

/** Tasks of a configuration. @throws UserError E-DATA-001 where the set needs recordings that are not here */
export async function sourceOf(resolved: ResolvedConfig, dataPath?: string): Promise<TaskSource> {
  const { set } = resolved.config.data;
  if (set === "double-nmnist") return doubleNmnistSource(dataPath);
  throw userError({
    code: "E-DATA-001", at: `data.set "${set}"`, found: "its recordings do not ship with this package",
    limit: "double-nmnist", hint: "data.set \"double-nmnist\"",
  });
}
