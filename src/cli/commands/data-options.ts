import { FORMATS, type FormatName } from "../../events/decoder.js";
import { jsonOption } from "../options.js";

/** Options of every command that reads a recording. */
export const recordingOptions = {
  ...jsonOption,
  format: { choices: FORMATS, describe: "format of the file, where its content does not tell" },
  repair: { type: "boolean", default: false, describe: "keep what is sound of a damaged file and say what was dropped" },
  width: { type: "number", describe: "sensor width in pixels, where the file does not tell" },
  height: { type: "number", describe: "sensor height in pixels" },
  recording: { type: "string", describe: "which recording of an HDF5 file that holds several" },
} as const;

/** Their values, as the readers take them. */
export interface RecordingArgs {
  readonly format?: FormatName;
  readonly repair?: boolean;
  readonly width?: number;
  readonly height?: number;
  readonly recording?: string;
}

/** The same for commands that take several recordings of one kind. */
export const samplesOptions = {
  format: recordingOptions.format, repair: recordingOptions.repair, width: recordingOptions.width, height: recordingOptions.height,
} as const;

/** The part of the arguments that the readers take. */
export const readerOptions = ({ format, repair, width, height, recording }: RecordingArgs): RecordingArgs =>
  ({ format, repair, width, height, recording });
