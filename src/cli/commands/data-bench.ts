import type { CommandModule } from "yargs";
import { readFileBytes } from "../../base/node/files.js";
import { userError } from "../../base/errors.js";
import { decodeAny } from "../../events/decode-any.js";
import { type CommonArgs, runHandler } from "../run.js";
import { type RecordingArgs, readerOptions, recordingOptions } from "./data-options.js";

interface Args extends CommonArgs, RecordingArgs {
  readonly file: string;
  readonly repeats: number;
}

/** `bench decode FILE`: how fast a recording is decoded from memory, validation included. */
export const benchDecodeCommand: CommandModule<object, Args> = {
  command: "decode <file>",
  describe: "events per second when decoding a recording",
  builder: (yargs) => yargs
    .positional("file", { type: "string", demandOption: true, describe: "a recording in any of the formats" })
    .options(recordingOptions)
    .options({ repeats: { type: "number", default: 20, describe: "runs; the median counts" } })
    .example("$0 bench decode drive.raw --json", "decode 20 times, print the median") as never,
  handler: runHandler(async (args: Args) => {
    if (!(Number.isInteger(args.repeats) && args.repeats >= 1)) {
      throw userError({ code: "E-CLI-023", at: "--repeats", found: String(args.repeats), limit: "an integer from 1" });
    }
    const bytes = readFileBytes(args.file);
    const [times, cpuTimes]: number[][] = [[], []];
    let events = 0;
    let format = "";
    for (let k = 0; k < args.repeats; k++) {
      const [start, cpuStart] = [performance.now(), process.cpuUsage()];
      const recording = await decodeAny(bytes, { ...readerOptions(args), name: args.file });
      times.push(performance.now() - start);
      const { user, system } = process.cpuUsage(cpuStart);
      cpuTimes.push((user + system) / 1000);
      [events, format] = [recording.stream.tUs.length, recording.format];
    }
    times.sort((a, b) => a - b);
    cpuTimes.sort((a, b) => a - b);
    const medianMs = times[times.length >> 1];
    const cpuMs = cpuTimes[cpuTimes.length >> 1];
    const json = {
      file: args.file, format, events, repeats: args.repeats, median_ms: medianMs, min_ms: times[0],
      cpu_ms: cpuMs, events_per_s: (1000 * events) / medianMs, best_events_per_s: (1000 * events) / times[0], events_per_cpu_s: (1000 * events) / cpuMs, bytes_per_s: (1000 * bytes.length) / medianMs,
    };
    return { json, text: `${args.file}: ${format}, ${events} events in ${medianMs.toFixed(2)} ms (best ${times[0].toFixed(2)}): ${(json.events_per_s / 1e6).toFixed(1)} M events/s, ` +
      `${(json.events_per_cpu_s / 1e6).toFixed(1)} M a CPU second` };
  }) as never,
};
