import type { CommandModule } from "yargs";
import { userError } from "../../base/errors.js";
import type { SpikeTensor } from "../../events/types.js";
import { encodeSample } from "../../replay/encode-sample.js";
import { classify } from "../../replay/teach.js";
import { openBundle } from "../open-bundle.js";
import { parseSample, readSample } from "../lessons.js";
import { jsonOption } from "../options.js";
import { type RecordingArgs, samplesOptions } from "./data-options.js";
import { type CommandResult, runHandler } from "../run.js";
import { taughtStateOf } from "./teach.js";

export interface ClassifyArgs extends RecordingArgs {
  readonly taught: string;
  readonly files: readonly string[];
  readonly json?: boolean;
}

/** Asks a taught chip which class each recording is. All files are read before the first answer.
 *  @throws UserError E-TEACH-007 where the bundle was never taught */
export async function classifyFiles(args: ClassifyArgs): Promise<CommandResult> {
  const bundle = openBundle(args.taught);
  const taught = taughtStateOf(bundle);
  if (!taught) {
    throw userError({
      code: "E-TEACH-007", at: args.taught, found: "a bundle that was not taught any class",
      hint: `metaloihi teach ${args.taught} --class NAME=FILE -o TAUGHT first`,
    });
  }
  const { image } = bundle;
  const samples: SpikeTensor[] = [];
  for (const file of args.files) samples.push(encodeSample(image.contract, await readSample(parseSample(file), bundle, args)));
  const answers = await classify(image, taught, samples);
  const results = answers.map((answer, k) => ({ file: args.files[k], class: answer.name, spikes: Array.from(answer.spikes) }));
  const width = Math.max(...results.map((r) => r.file.length));
  const names = taught.classes.map((c) => c.name);
  return {
    json: { results, classes: names },
    text: results.map((r) => `${r.file.padEnd(width)}  ${r.class}  (spikes: ${taught.classes
      .map((c) => `${c.name} ${r.spikes[c.output]}`).join(", ")})`).join("\n"),
  };
}

/** `classify TAUGHT FILE…`. */
export const classifyCommand: CommandModule = {
  command: "classify <taught> <files..>",
  describe: "ask a taught chip which class each recording is",
  builder: (yargs) => yargs
    .positional("taught", { type: "string", demandOption: true, describe: "folder of a taught bundle" })
    .positional("files", { type: "string", array: true, demandOption: true, describe: "recordings; LEFT+RIGHT where two are set side by side" })
    .options({ ...samplesOptions, ...jsonOption })
    .example("$0 classify out/taught 3b.bin 7b.bin", "one answer a recording")
    .example("$0 classify out/taught 3b.bin+7b.bin --json", "two recordings side by side, as JSON"),
  handler: runHandler((args) => classifyFiles(args as unknown as ClassifyArgs)) as CommandModule["handler"],
};
