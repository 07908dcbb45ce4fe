/** From what a user names to a configuration, and to the tasks that it asks for. */
import { existsSync } from "node:fs";
import { nearestName, userError } from "../base/errors.js";
import { readFileText } from "../base/node/files.js";
import { PRESETS } from "../model/presets.js";
import { ASL_RECORDINGS_AS_AUTHORS, doubleAslSplit, type TaskSource } from "../tasks/index.js";
import { parseConfig, resolveConfig, type ResolvedConfig } from "../train/config.js";
import { folderSource, isClassFolders } from "./folder-source.js";
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

/** A source, and the configuration that fits it: where the configuration has neither geometry nor network, those are
 *  derived from the recordings that were found, and what was chosen is said on stderr. */
export interface PreparedSource {
  readonly resolved: ResolvedConfig;
  readonly source: TaskSource;
}

/** Tasks of a configuration, which is completed by what the recordings are.
 *  @throws UserError E-DATA-001 where the set needs recordings that are not here, E-DATA-002 where samples do not fit the network */
export async function preparedSource(resolved: ResolvedConfig, dataPath?: string): Promise<PreparedSource> {
  const { set, protocol } = resolved.config.data;
  if (dataPath !== undefined && (set === "folder" || (set === "double-nmnist" && isClassFolders(dataPath)))) {
    const prepared = await folderSource(dataPath, resolved, (line) => void process.stderr.write(`${line}\n`));
    return { ...prepared, source: fitting(prepared.source, prepared.resolved) };
  }
  if (set === "double-asl-dvs" && dataPath !== undefined) {
    const { config } = resolved;
    const complete = config.geometry || config.preset ? resolved : resolveConfig({ ...config, preset: "double-asl-dvs" });
    const prepared = await folderSource(dataPath, complete, (line) => void process.stderr.write(`${line}\n`), {
      sensor: PRESETS["double-asl-dvs"].geometry.sensor, split: doubleAslSplit(),
      sharedAsAuthors: protocol === "A" ? ASL_RECORDINGS_AS_AUTHORS : undefined,
    });
    return { ...prepared, source: fitting(prepared.source, prepared.resolved) };
  }
  if (set === "double-nmnist") return { resolved, source: fitting(await doubleNmnistSource(dataPath, protocol), resolved) };
  throw userError({
    code: "E-DATA-001", at: `data.set "${set}"`, found: "its recordings do not ship with this package",
    limit: "double-nmnist, or folder or double-asl-dvs with --data", hint: set === "folder" ? "--data FOLDER, one folder of recordings a class" : "data.set \"folder\" with --data",
  });
}

/** Tasks of a configuration that is complete. @throws as preparedSource */
export const sourceOf = async (resolved: ResolvedConfig, dataPath?: string): Promise<TaskSource> =>
  (await preparedSource(resolved, dataPath)).source;

function fitting(source: TaskSource, { spec, config }: ResolvedConfig): TaskSource {
  const { polarities, height, width } = spec.input;
  const needed = [spec.steps, polarities, height, width];
  if (String(source.shape) === String(needed)) return source;
  throw userError({
    code: "E-DATA-002", at: `data.set "${config.data.set}"`, found: `samples of [${source.shape.join(", ")}]`,
    limit: `[${needed.join(", ")}] (steps, polarities, height, width), what network "${spec.name}" takes`,
    hint: "the data set that the network was made for, or another geometry",
  });
}
