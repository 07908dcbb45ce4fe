import { basename } from "node:path";
import type { CommandModule } from "yargs";
import { advisoryUse, worstUse } from "../../../compiler/core-use.js";
import type { PassReport } from "../../../compiler/pipeline.js";
import { CHIP_IMAGE_KIND, decodeImage } from "../../../hw/image-codec.js";
import type { ChipImage } from "../../../hw/image.js";
import { readHeader, unwrapFile, type FileHeader } from "../../base/file-header.js";
import { isFolder, readFileBytes } from "../../base/node/files.js";
import { sha256Hex } from "../../base/bytes.js";
import { type Checkpoint, CHECKPOINT_FILE, decodeCheckpoint } from "../../model/checkpoint.js";
import { BUNDLE_PART } from "../bundle.js";
import { openBundle } from "../open-bundle.js";
import { describeCores, imageLimits, imageText, microcodeText } from "../describe-image.js";
import { describeTraffic } from "../floorplan.js";
import { jsonOption } from "../options.js";
import { type CommandResult, runHandler } from "../run.js";

interface InspectArgs {
  readonly file: string;
  readonly json?: boolean;
}

/** Says what a bundle or a file of ours is and holds.
 *  @throws UserError E-BUNDLE-001 (no bundle), E-BUNDLE-003 (damaged: part and byte), E-FILE-001…010, E-CKPT-001: exit code 2 */
export function inspect({ file }: InspectArgs): CommandResult {
  return isFolder(file) ? inspectBundle(file) : inspectFile(file);
}

const imageJson = (image: ChipImage): object => ({
  name: image.name,
  board: image.board,
  chips: image.chips,
  chipSeed: image.chipSeed,
  layers: image.layers,
  cores: describeCores(image),
  limits: imageLimits,
  worst: worstUse(image.cores),
  advisory: advisoryUse(image.cores),
  traffic: describeTraffic(image),
  microcode: microcodeText(image),
  program: { form: image.embedded.form, constants: image.embedded.constants, chip: image.embedded.chip },
});

function inspectBundle(path: string): CommandResult {
  const { image, hashes, files } = openBundle(path);
  const part = (name: string): unknown =>
    files[name] ? JSON.parse(new TextDecoder().decode(files[name])) : undefined;
  const passes = part(BUNDLE_PART.passes) as { passes?: readonly PassReport[] } | undefined;
  const estimate = part(BUNDLE_PART.estimate) as EstimateText | undefined;
  return {
    json: {
      kind: "bundle",
      ...imageJson(image),
      passes: passes?.passes ?? [],
      estimate: estimate ?? null,
      hashes,
    },
    text: [
      `bundle ${path}`,
      imageText(image),
      "",
      `passes (all that they made: ${BUNDLE_PART.passes}):`,
      ...(passes?.passes ?? []).flatMap(passText),
      "",
      ...estimateText(estimate),
      "hashes (SHA-256):",
      ...Object.entries(hashes).map(([name, hash]) => `  ${hash}  ${name}`),
      "",
      `embedded program (form ${image.embedded.form}):`,
      image.embedded.source,
    ].join("\n"),
  };
}

/** Lines of a pass's printed form that are shown. */
const PASS_LINES = 4;

/** A pass, its time, and the start of what it made. */
function passText({ name, milliseconds, printed }: PassReport): string[] {
  const lines = printed.trimEnd().split("\n");
  const more = lines.length - PASS_LINES;
  return [
    `  ${name} ${milliseconds.toFixed(0)} ms`,
    ...lines.slice(0, PASS_LINES).map((line) => `    ${line}`),
    ...(more > 0 ? [`    … ${more} more ${more === 1 ? "line" : "lines"}`] : []),
  ];
}

type ByModel = Readonly<Record<string, number>>;
interface EstimateText {
  readonly energyPerSampleJ: ByModel;
  readonly energyPerClassJ: ByModel;
  readonly secondsPerSample: ByModel;
  readonly staticPerSampleJ: ByModel;
  readonly unknown: Readonly<Record<string, readonly string[]>>;
}

/** Energy and time as estimated when the bundle was compiled: one line a public table, which are never mixed. */
function estimateText(estimate: EstimateText | undefined): string[] {
  if (!estimate) return [];
  return [
    "estimated energy and time (assumed spike rates; static energy apart):",
    ...Object.keys(estimate.energyPerSampleJ).map(
      (model) =>
        `  ${model}: ${estimate.energyPerSampleJ[model].toExponential(2)} J a sample, ` +
        `${estimate.energyPerClassJ[model].toExponential(2)} J a class learned, ` +
        `${estimate.secondsPerSample[model].toExponential(2)} s a sample, static ` +
        `${estimate.staticPerSampleJ[model].toExponential(2)} J; not known: ${estimate.unknown[model].join(", ")}`,
    ),
    "",
  ];
}

function inspectFile(path: string): CommandResult {
  const bytes = readFileBytes(path);
  const { header } = unwrapFile(bytes, readHeader(bytes, path).header, path);
  const common = {
    ...describeHeader(header),
    bytes: bytes.length,
    hashes: { [basename(path)]: sha256Hex(bytes) },
  };
  const text = `${path}: ${header.kind}, format version ${header.formatVersion}, ${bytes.length} bytes, content SHA-256 ${header.sha256}`;
  if (header.kind === CHECKPOINT_FILE.kind) {
    const about = checkpointJson(decodeCheckpoint(bytes, path));
    return { json: { ...common, ...about }, text: [text, ...parentsText(header), checkpointText(about)].join("\n") };
  }
  if (header.kind !== CHIP_IMAGE_KIND) return { json: common, text: [text, ...parentsText(header)].join("\n") };
  const image = decodeImage(bytes, path);
  return { json: { ...common, ...imageJson(image) }, text: [text, imageText(image)].join("\n") };
}

interface AboutCheckpoint extends Pick<Checkpoint, "step" | "seed" | "chipSeed" | "data" | "protocol" | "bestValidation"> {
  readonly network: string;
  readonly layers: readonly string[];
}

const checkpointJson = ({ spec, step, seed, chipSeed, data, protocol, bestValidation }: Checkpoint): AboutCheckpoint => ({
  network: spec.name, layers: spec.layers.map(({ name }) => name), step, seed, chipSeed, data, protocol, bestValidation,
});

const checkpointText = ({ network, layers, step, seed, data, protocol }: AboutCheckpoint): string =>
  `  network "${network}" (${layers.join(", ")}), ${step} tasks trained on ${data} recordings, protocol ${protocol}, seed ${seed}`;

const describeHeader = ({ kind, formatVersion, sha256, parents }: FileHeader): object => ({
  kind,
  formatVersion,
  sha256,
  parents,
});

const parentsText = ({ parents }: FileHeader): string[] =>
  Object.entries(parents).map(([name, hash]) => `  made from ${name} ${hash}`);

/** `inspect FILE_OR_BUNDLE`. */
export const inspectCommand: CommandModule = {
  command: "inspect <file>",
  describe: "what a bundle, image, checkpoint or trace is: cores against their limits, microcode, hashes",
  builder: (yargs) =>
    yargs
      .positional("file", {
        type: "string",
        demandOption: true,
        describe: "folder of a bundle, or a file that metaloihi wrote",
      })
      .options(jsonOption)
      .example("$0 inspect out/bundle", "every core against its limits, floorplan, microcode, C, hashes")
      .example("$0 inspect out/bundle --json", "the same as one JSON object"),
  handler: runHandler((args) => inspect(args as unknown as InspectArgs)) as CommandModule["handler"],
};
