/** From what a user names to a configuration, and to the tasks that it asks for. */
import { existsSync } from "node:fs";
import { nearestName, userError } from "../base/errors.js";
import { readFileText } from "../base/node/files.js";
import { PRESETS } from "../model/presets.js";
import { ASL_RECORDINGS_AS_AUTHORS, doubleAslSplit, type TaskSource } from "../tasks/index.js";
import { parseConfig, resolveConfig, type ResolvedConfig } from "../train/config.js";
import { isNomniglot } from "../events/node/nomniglot-layout.js";
import type { DataPlace } from "./data-place.js";
import { folderSource, isClassFolders } from "./folder-source.js";
import { omniglotSource } from "./omniglot-source.js";
import { doubleNmnistSource } from "./task-source.js";

/** Data sets of the presets that are not for double N-MNIST. */
const SET_OF_PRESET: Readonly<Record<string, ResolvedConfig["config"]["data"]["set"]>> = { "n-omniglot": "n-omniglot", "double-asl-dvs": "double-asl-dvs" };

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
    : resolveConfig({ name: name.replace(/[^A-Za-z0-9_-]/g, "-"), preset: name, data: { set: SET_OF_PRESET[name.replace(/-srm$/, "")] } });
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
export async function preparedSource(resolved: ResolvedConfig, dataPath?: string, place: DataPlace = {}): Promise<PreparedSource> {
  const { protocol } = resolved.config.data;
  const set = setOf(resolved, dataPath);
  const report = (line: string): void => { if (!place.quiet) process.stderr.write(`${line}\n`); };
  const complete = (preset: string): ResolvedConfig => {
    const { config } = resolved;
    return config.geometry || config.preset || config.network ? resolved : resolveConfig({ ...config, preset });
  };
  if (set === "double-nmnist") {
    const { config: { data: { simulated, variants }, seed }, geometry: { crop, downsample, timestepUs }, spec } = resolved;
    const frames = { crop, downsample, timestepUs, steps: spec.steps, polarity: spec.input.polarities === 1 ? "merge" : "split" } as const;
    return { resolved, source: fitting(await doubleNmnistSource(dataPath, protocol, place, { frames, simulated, variants, seed }), set, resolved) };
  }
  if (resolved.config.data.variants !== undefined) {
    throw userError({ code: "E-DATA-005", at: "data.variants", found: `given for ${set}`, limit: "double-nmnist", hint: "data.shiftPixels and data.dropShare serve every set" });
  }
  if (resolved.config.data.simulated !== undefined) {
    throw userError({
      code: "E-DATA-005", at: "data.simulated", found: `given for ${set}`, limit: "double-nmnist",
      hint: "simulated recordings of another set are trained on with --data",
    });
  }
  if (dataPath === undefined) {
    throw userError({
      code: "E-DATA-001", at: `data.set "${set}"`, found: "its recordings do not ship with this package",
      limit: "double-nmnist, or folder, n-omniglot or double-asl-dvs with --data",
      hint: set === "n-omniglot" ? "--data FOLDER, the folder that holds dvs_background and dvs_evaluation" : "--data FOLDER, one folder of recordings a class",
    });
  }
  if (set === "n-omniglot") {
    const whole = complete("n-omniglot");
    return { resolved: whole, source: fitting(await omniglotSource(dataPath, whole, report, place), set, whole) };
  }
  const known = set === "folder" ? {} : {
    sensor: PRESETS["double-asl-dvs"].geometry.sensor, split: doubleAslSplit(),
    sharedAsAuthors: protocol === "A" ? ASL_RECORDINGS_AS_AUTHORS : undefined,
  };
  const prepared = await folderSource(dataPath, set === "folder" ? resolved : complete("double-asl-dvs"), report, known, place);
  return { ...prepared, source: fitting(prepared.source, set, prepared.resolved) };
}

/** The set that is meant: where the configuration leaves it at double N-MNIST, what the folder holds decides. */
function setOf({ config }: ResolvedConfig, dataPath: string | undefined): ResolvedConfig["config"]["data"]["set"] {
  const { set } = config.data;
  if (set !== "double-nmnist" || dataPath === undefined) return set;
  return isNomniglot(dataPath) ? "n-omniglot" : isClassFolders(dataPath) ? "folder" : set;
}

/** Tasks of a configuration that is complete. @throws as preparedSource */
export const sourceOf = async (resolved: ResolvedConfig, dataPath?: string, place: DataPlace = {}): Promise<TaskSource> =>
  (await preparedSource(resolved, dataPath, place)).source;

/** @param set  what the recordings were found to be, whatever the configuration leaves it at */
function fitting(source: TaskSource, set: string, { spec }: ResolvedConfig): TaskSource {
  const { polarities, height, width } = spec.input;
  const needed = [spec.steps, polarities, height, width];
  if (String(source.shape) === String(needed)) return source;
  const keys = ["network.steps", "network.input.polarities", "network.input.height", "network.input.width"];
  const wrong = keys.map((key, k) => ({ key, given: needed[k], is: source.shape[k] })).filter(({ given, is }) => given !== is);
  throw userError({
    code: "E-DATA-002", at: wrong.map(({ key, given }) => `${key} ${given}`).join(", "),
    found: `the samples of data.set "${set}" (${source.name}) have other sizes`,
    limit: wrong.map(({ key, is }) => `${key} ${is}`).join(", "),
    hint: "those values, or the data set that the network was made for",
  });
}
