import type { CommandModule } from "yargs";
import { COST_TABLES, type CostModel, dynamicEnergy } from "../../../hw/energy.js";
import type { ChipImage } from "../../../hw/image.js";
import type { SpikeTensor } from "../../events/types.js";
import { encodeSample } from "../../replay/encode-sample.js";
import { decodeTaught, encodeTaught, TAUGHT_FILE, type TaughtState } from "../../replay/taught-state.js";
import { type Lesson, teach, type TeachResult } from "../../replay/teach.js";
import { type Bundle, writeBundle } from "../bundle.js";
import { parseLessons, readSample } from "../lessons.js";
import { openBundle } from "../open-bundle.js";
import { jsonOption, seedOption } from "../options.js";
import { type RecordingArgs, samplesOptions } from "./data-options.js";
import { type CommandResult, runHandler } from "../run.js";

export interface TeachArgs extends RecordingArgs {
  readonly bundle: string;
  readonly class: readonly string[];
  readonly out: string;
  readonly seed: number;
  readonly program?: "typed" | "x86";
  readonly json?: boolean;
}

/** Taught state of a bundle, or null where it was never taught. @throws UserError E-FILE-001…004, E-TEACH-006 */
export function taughtStateOf(bundle: Bundle): TaughtState | null {
  const bytes = bundle.files[TAUGHT_FILE];
  return bytes ? decodeTaught(bytes, bundle.imageHash, `${bundle.path}/${TAUGHT_FILE}`) : null;
}

/** Runs the chip's learning on the user's recordings and writes the taught bundle, whole or not at all. */
export async function teachBundle(args: TeachArgs): Promise<CommandResult> {
  const bundle = openBundle(args.bundle);
  const { image } = bundle;
  const named = parseLessons(args.class);
  const lessons: Lesson[] = [];
  for (const { name, samples } of named) {
    const encoded: SpikeTensor[] = [];
    for (const files of samples) encoded.push(encodeSample(image.contract, await readSample(files, bundle, args)));
    lessons.push({ name, samples: encoded });
  }
  const result = await teach(image, taughtStateOf(bundle), lessons, { seed: args.seed, program: args.program });
  writeBundle(args.out, { ...bundle.files, [TAUGHT_FILE]: encodeTaught(result.state, bundle.imageHash) });
  const shownTwice = image.contract.compose > 1 && named.some((l) => l.samples.some((files) => files.length === 1));
  const energyJ = Object.fromEntries((Object.keys(COST_TABLES) as CostModel[])
    .map((model) => [model, dynamicEnergy(result.counts, model).dynamicJ]));
  return {
    json: {
      classes: result.state.classes, weightsChanged: result.weightsChanged, energyJ, taught: args.out,
      outputsFree: image.contract.outputs - result.state.classes.length, chipSeed: result.state.chipSeed,
    },
    text: report(image, result, args.out, energyJ, shownTwice),
  };
}

function report(
  image: ChipImage, result: TeachResult, out: string, energyJ: Readonly<Record<string, number>>, shownTwice: boolean,
): string {
  const { classes } = result.state;
  const rows = classes.map((c) => {
    const changed = result.changedByOutput[c.output];
    return `  output ${c.output}  ${c.name}  ${c.samples} ${c.samples === 1 ? "sample" : "samples"}, ${changed} weights changed`;
  });
  const energy = (Object.keys(COST_TABLES) as CostModel[])
    .map((model) => `${(1e6 * energyJ[model]).toPrecision(3)} µJ (${COST_TABLES[model].name})`).join(", ");
  return [
    `Taught on the simulated chip, from ${result.traces.length} presentations:`, ...rows,
    `${result.weightsChanged} weights changed; dynamic energy by two cost models, never mixed: ${energy}`,
    ...(shownTwice ? [`This network looks at ${image.contract.compose} recordings side by side: a single one was shown in all places (LEFT+RIGHT names two).`] : []),
    `${image.contract.outputs - classes.length} of ${image.contract.outputs} outputs free. Written: ${out}`,
  ].join("\n");
}

/** `teach BUNDLE --class NAME=FILE… -o TAUGHT`. */
export const teachCommand: CommandModule = {
  command: "teach <bundle>",
  describe: "teach the compiled chip classes of your own, each from one recording or more",
  builder: (yargs) => yargs
    .positional("bundle", { type: "string", demandOption: true, describe: "folder of a compiled bundle, or of a taught one to add classes to" })
    .options({
      class: {
        type: "string", array: true, demandOption: true,
        describe: "NAME=FILE[,FILE…]; FILE may be LEFT+RIGHT where the network looks at two recordings side by side (a single one is shown in both places)",
      },
      out: { alias: "o", type: "string", demandOption: true, describe: "folder of the taught bundle" },
      program: { choices: ["typed", "x86"] as const, describe: "run the embedded program's typed form (default), or its machine code on an emulated x86" },
      ...samplesOptions, ...seedOption, ...jsonOption,
    })
    .example("$0 teach out/bundle --class three=3a.bin --class seven=7a.bin -o out/taught", "one class from each recording")
    .example("$0 teach out/taught --class nine=9a.bin,9b.bin -o out/taught", "add a class later, from two recordings")
    .example("$0 teach out/bundle --class 37=3a.bin+7a.bin --class 73=7a.bin+3a.bin -o out/taught", "two recordings side by side"),
  handler: runHandler((args) => teachBundle(args as unknown as TeachArgs)) as CommandModule["handler"],
};
