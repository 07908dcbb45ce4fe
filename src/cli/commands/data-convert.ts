import { basename, join } from "node:path";
import type { CommandModule } from "yargs";
import { userError } from "../../base/errors.js";
import { readFileText, writeFolderWhole, writeWhole } from "../../base/node/files.js";
import type { FormatName } from "../../events/decoder.js";
import { detectFormat } from "../../events/detect.js";
import { convertLarge, fileBytes, LARGE_BYTES } from "../../events/node/convert-large.js";
import { readHead, readRecording } from "../../events/node/read-recording.js";
import { sliceByTable } from "../../events/omniglot.js";
import { isStreamable } from "../../events/stream-writer.js";
import { applyTransforms, type TransformSpec } from "../../events/transforms.js";
import { encodeEvents, formatByEnding, WRITABLE } from "../../events/write.js";
import { type CommandResult, type CommonArgs, runHandler } from "../run.js";
import { type RecordingArgs, readerOptions, recordingOptions } from "./data-options.js";

interface Args extends CommonArgs, RecordingArgs {
  readonly in: string;
  readonly out: string;
  readonly to?: FormatName;
  readonly rebase: boolean;
  readonly crop?: string;
  readonly window?: string;
  readonly downsample?: number;
  readonly slices?: string;
}

/** Numbers of an option such as `--crop 0,0,32,32`. */
function numbersOf(option: string, text: string, count: number): number[] {
  const numbers = text.split(",").map(Number);
  if (numbers.length !== count || numbers.some((n) => !Number.isFinite(n))) {
    throw userError({ code: "E-CLI-020", at: `--${option}`, found: `"${text}"`, limit: `${count} numbers with commas between` });
  }
  return numbers;
}

function transformsOf(args: Args): TransformSpec[] {
  const specs: TransformSpec[] = [];
  if (args.window) {
    const [fromUs, toUs] = numbersOf("window", args.window, 2);
    specs.push({ kind: "timeWindow", fromUs, toUs });
  }
  if (args.crop) {
    const [x, y, width, height] = numbersOf("crop", args.crop, 4);
    specs.push({ kind: "crop", x, y, width, height });
  }
  if (args.downsample) specs.push({ kind: "downsample", factor: args.downsample });
  if (args.rebase) specs.push({ kind: "rebase" });
  return specs;
}

/** True where the file is so large that it is converted piece by piece; repair and slices need all of it. */
function isLarge(args: Args, format: FormatName): boolean {
  if (args.repair || args.slices || fileBytes(args.in) <= LARGE_BYTES || !isStreamable(format)) return false;
  const from = args.format ?? detectFormat(readHead(args.in), args.in);
  return typeof from === "string" && isStreamable(from);
}

async function convertPiecewise(args: Args, format: FormatName): Promise<CommandResult> {
  const transforms = transformsOf({ ...args, rebase: false });
  const { events, from, notes } = await convertLarge(args.in, readerOptions(args), args.out, format, transforms, args.rebase);
  return {
    json: { in: args.in, out: args.out, from, to: format, events, files: 1, notes },
    text: [`${args.out}: ${events} events as ${format}`, ...notes].join("\n"),
  };
}

function targetFormat(args: Args): FormatName {
  const format = args.to ?? formatByEnding(args.out);
  if (!format) {
    throw userError({ code: "E-CLI-021", at: args.out, found: "an ending that names no format", limit: WRITABLE.join(", "), hint: "--to FORMAT" });
  }
  return format;
}

/** `data convert IN OUT`: one recording into another format. */
export const dataConvertCommand: CommandModule<object, Args> = {
  command: "convert <in> <out>",
  describe: "write a recording in another format",
  builder: (yargs) => yargs
    .positional("in", { type: "string", demandOption: true, describe: "a recording in any of the formats" })
    .positional("out", { type: "string", demandOption: true, describe: "the file to write; its ending names the format" })
    .options(recordingOptions)
    .options({
      to: { choices: WRITABLE, describe: "format to write, where the ending does not tell (.raw is EVT3, .aedat AEDAT 2)" },
      rebase: { type: "boolean", default: false, describe: "let times start at 0" },
      window: { type: "string", describe: "FROM,TO in µs: keep the events between" },
      crop: { type: "string", describe: "X,Y,WIDTH,HEIGHT in pixels" },
      downsample: { type: "number", describe: "pixels that become one, on each axis" },
      slices: { type: "string", describe: "CSV of index, start and end (N-Omniglot): OUT becomes a folder of one file a row" },
    })
    .example("$0 data convert wave.aedat4 wave.bin --rebase --crop 100,80,34,34", "into the N-MNIST format")
    .example("$0 data convert 0123.aedat4 0123 --slices 0123.csv --to npy", "N-Omniglot into one file a drawer") as never,
  handler: runHandler(async (args: Args) => {
    const format = args.slices ? (args.to ?? "npy") : targetFormat(args);
    if (isLarge(args, format)) return convertPiecewise(args, format);
    const { stream, format: from, notes } = await readRecording(args.in, readerOptions(args));
    const transforms = transformsOf(args);
    const parts = args.slices ? sliceByTable(stream, readFileText(args.slices), args.slices) : [stream];
    const written = parts.map((part) => applyTransforms(part, transforms));
    if (args.slices) {
      const ending = format === "nmnist" ? "bin" : format;
      const stem = basename(args.slices).replace(/\.[^.]*$/, "");
      const files: Record<string, Uint8Array> = {};
      for (const [k, part] of written.entries()) files[`${stem}_${String(k + 1).padStart(2, "0")}.${ending}`] = await encodeEvents(part, format, join(args.out, stem));
      writeFolderWhole(args.out, files, () => false);
    } else writeWhole(args.out, await encodeEvents(written[0], format, args.out));
    const events = written.reduce((sum, part) => sum + part.tUs.length, 0);
    return {
      json: { in: args.in, out: args.out, from, to: format, events, files: parts.length, notes },
      text: [`${args.out}: ${events} events as ${format}${args.slices ? ` in ${parts.length} files` : ""}`, ...notes].join("\n"),
    };
  }) as never,
};
