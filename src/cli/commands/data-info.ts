import { createHash } from "node:crypto";
import type { CommandModule } from "yargs";
import { streamRecording } from "../../events/node/read-recording.js";
import { Summarizer } from "../../events/summary.js";
import { type CommonArgs, runHandler } from "../run.js";
import { type RecordingArgs, readerOptions, recordingOptions } from "./data-options.js";

interface Args extends CommonArgs, RecordingArgs {
  readonly file: string;
}

const BARS = "▁▂▃▄▅▆▇█";

/** One line of bars, the highest for the largest count. */
function sparkline(counts: readonly number[]): string {
  const most = Math.max(1, ...counts);
  return counts.map((c) => (c === 0 ? " " : BARS[Math.min(BARS.length - 1, Math.floor((c / most) * BARS.length))])).join("");
}

/** `data info FILE`: what a recording is; read piece by piece, so its size does not matter. */
export const dataInfoCommand: CommandModule<object, Args> = {
  command: "info <file>",
  describe: "format, sensor, count, time span, polarity share, rate and digest of a recording",
  builder: (yargs) => yargs
    .positional("file", { type: "string", demandOption: true, describe: "a recording in any of the formats" })
    .options(recordingOptions)
    .example("$0 data info wave.aedat4", "what the file holds")
    .example("$0 data info damaged.raw --repair --json", "what is sound of it, for programs") as never,
  handler: runHandler(async (args: Args) => {
    const summarizer = new Summarizer(() => createHash("sha3-224"));
    const { format, size, notes } = await streamRecording(args.file, readerOptions(args), (batch) => summarizer.add(batch));
    const s = summarizer.summary();
    const json = {
      file: args.file, format, events: s.events, width: size.width, height: size.height, tFirstUs: s.tFirstUs, tLastUs: s.tLastUs,
      onShare: s.onShare, digest: s.digest, rate: s.rate, notes,
    };
    const span = s.events === 0 ? "no events" : `${s.tFirstUs} … ${s.tLastUs} µs (${((s.tLastUs! - s.tFirstUs!) / 1e6).toFixed(3)} s)`;
    const text = [
      `${args.file}: ${format}, ${size.width}×${size.height} pixels`,
      `events    ${s.events}${s.onShare === null ? "" : `, ${(100 * s.onShare).toFixed(1)} % ON`}`,
      `time      ${span}`,
      ...(s.events === 0 ? [] : [`rate      ${sparkline(s.rate.counts)}  (${s.rate.binUs / 1000} ms a bar, at most ${Math.max(...s.rate.counts)} events)`]),
      `digest    t ${s.digest.t}`, `          x ${s.digest.x}`, `          y ${s.digest.y}`, `          on ${s.digest.on}`,
      ...notes,
    ];
    return { json, text: text.join("\n") };
  }) as never,
};
