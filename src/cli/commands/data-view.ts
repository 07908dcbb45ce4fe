import type { CommandModule } from "yargs";
import { userError } from "../../base/errors.js";
import { writeWhole } from "../../base/node/files.js";
import { readRecording } from "../../events/node/read-recording.js";
import { drawEvents, type PictureOptions } from "../../events/picture.js";
import { type CommonArgs, runHandler } from "../run.js";
import { type RecordingArgs, readerOptions, recordingOptions } from "./data-options.js";

interface Args extends CommonArgs, RecordingArgs {
  readonly file: string;
  readonly output: string;
  readonly frames?: number;
  readonly seconds: number;
}

function pictureFormat(args: Args): PictureOptions["format"] {
  const ending = /\.(png|apng|svg)$/i.exec(args.output)?.[1].toLowerCase();
  if (!ending) throw userError({ code: "E-CLI-022", at: args.output, found: "an ending that names no picture", limit: ".png, .apng, .svg" });
  return ending === "png" && args.frames !== undefined ? "apng" : (ending as PictureOptions["format"]);
}

/** `data view FILE -o PICTURE`: a still or animated picture of a recording. */
export const dataViewCommand: CommandModule<object, Args> = {
  command: "view <file>",
  describe: "draw a recording as a still (PNG, SVG) or animated (APNG) picture",
  builder: (yargs) => yargs
    .positional("file", { type: "string", demandOption: true, describe: "a recording in any of the formats" })
    .options(recordingOptions)
    .options({
      output: { alias: "o", type: "string", demandOption: true, describe: "the picture: .png, .apng or .svg" },
      frames: { type: "number", describe: "pictures of an animation (default 60 for .apng; makes a .png an animated one)" },
      seconds: { type: "number", default: 3, describe: "how long an animation lasts" },
    })
    .example("$0 data view wave.aedat4 -o wave.apng", "the recording as a film of 3 s") as never,
  handler: runHandler(async (args: Args) => {
    const format = pictureFormat(args);
    if (args.frames !== undefined && !(Number.isInteger(args.frames) && args.frames >= 1 && args.frames <= 1000)) {
      throw userError({ code: "E-CLI-023", at: "--frames", found: String(args.frames), limit: "1…1000" });
    }
    if (!(args.seconds > 0 && args.seconds <= 600)) {
      throw userError({ code: "E-CLI-023", at: "--seconds", found: String(args.seconds), limit: "above 0, up to 600" });
    }
    const { stream, notes } = await readRecording(args.file, readerOptions(args));
    const picture = drawEvents(stream, { format, frames: args.frames, seconds: args.seconds });
    writeWhole(args.output, picture);
    return {
      json: { file: args.file, picture: args.output, format, events: stream.tUs.length, bytes: picture.length, notes },
      text: [`${args.output}: ${stream.tUs.length} events drawn (blue ON, red OFF)`, ...notes].join("\n"),
    };
  }) as never,
};
