import { splitByName } from "./class-folder.js";
import { createRecordingSource } from "./recording-source.js";
import type { ComposedClass, EncodedRecording } from "./recording-source.js";
import type { Protocol, Split, TaskSource } from "./types.js";

/** The 16 background alphabets that the seed paper trains on, by the names of their folders.
 *  Facts from its code (nmi-lab/torchneuromorphic). */
export const OMNIGLOT_TRAINING: readonly string[] = [
  "Alphabet_of_the_Magi", "Anglo-Saxon_Futhorc", "Arcadian", "Armenian", "Asomtavruli_(Georgian)", "Balinese", "Bengali",
  "Blackfoot_(Canadian_Aboriginal_Syllabics)", "Braille", "Burmese_(Myanmar)", "Cyrillic", "Early_Aramaic", "Futurama", "Grantha", "Greek",
  "Gujarati",
];

/** The 14 background alphabets of its validation. */
export const OMNIGLOT_VALIDATION: readonly string[] = [
  "Hebrew", "Inuktitut_(Canadian_Aboriginal_Syllabics)", "Japanese_(hiragana)", "Japanese_(katakana)", "Korean", "Latin",
  "Malay_(Jawi_-_Arabic)", "Mkhedruli_(Georgian)", "N_Ko", "Ojibwe_(Canadian_Aboriginal_Syllabics)", "Sanskrit", "Syriac_(Estrangelo)",
  "Tagalog", "Tifinagh",
];

/** The 20 evaluation alphabets: 659 characters. */
export const OMNIGLOT_EVALUATION: readonly string[] = [
  "Angelic", "Atemayar_Qelisayer", "Atlantean", "Aurek-Besh", "Avesta", "Ge_ez", "Glagolitic", "Gurmukhi", "Kannada", "Keble", "Malayalam",
  "Manipuri", "Mongolian", "Old_Church_Slavonic_(Cyrillic)", "Oriya", "Sylheti", "Syriac_(Serto)", "Tengwar", "Tibetan", "ULOG",
];

/** A character with its recordings, one a drawer. */
export interface CharacterRecordings {
  /** Part of the set; by the alphabet's name where undefined. */
  readonly part?: "background" | "evaluation";
  readonly alphabet: string;
  readonly character: string;
  /** Frames of [T, 2, 26, 34]. */
  readonly recordings: readonly EncodedRecording[];
}

export interface NOmniglotOptions {
  readonly protocol?: Protocol;
  readonly data?: "real" | "simulated";
  readonly name?: string;
  /** Classes of each split, `alphabet/character`, instead of the paper's alphabets; protocol B only. */
  readonly split?: Readonly<Record<Split, readonly string[]>>;
}

/** The largest coordinate that the authors' file holds: they store 8 bits, and HDF5 saturates what is larger. */
const AUTHORS_PIXEL_MAX = 255;

/** Pixels as the authors' file has them (protocol A): all beyond 255 at 255. */
export const saturatedAsAuthors = (pixels: Uint16Array): Uint16Array => pixels.map((p) => Math.min(p, AUTHORS_PIXEL_MAX));

const nameOf = ({ alphabet, character }: CharacterRecordings): string => `${alphabet}/${character}`;

/** Split of a character under protocol B: evaluation characters are for meta-test alone; background ones by alphabet. */
function splitOf({ part, alphabet }: CharacterRecordings): Split {
  if (part === "evaluation" || (part === undefined && OMNIGLOT_EVALUATION.includes(alphabet))) return "test";
  return OMNIGLOT_VALIDATION.includes(alphabet) ? "validation" : "train";
}

/** N-Omniglot: a class is a character, a sample one drawer's recording of it. Protocol B (default): training and
 *  validation by background alphabet as in the seed paper, meta-test on the evaluation characters. Protocol A: the
 *  authors' loader, whose every split draws training recordings; see `classesAsAuthors`. */
export function createNOmniglot(characters: readonly CharacterRecordings[], options: NOmniglotOptions = {}): TaskSource {
  const { protocol = "B", data = "real", name = "N-Omniglot", split } = options;
  const pool = new Map(characters.map((c) => [nameOf(c), c.recordings] as const));
  const classOf = (c: CharacterRecordings): ComposedClass => ({ name: nameOf(c), parts: [nameOf(c)] });
  const inSplit = (which: Split) => characters.filter((c) => splitOf(c) === which);
  const classes = protocol === "A" ? classesAsAuthors(inSplit("train"))
    : split ? splitByName(characters.map(classOf), split, name)
      : { train: inSplit("train").map(classOf), validation: inSplit("validation").map(classOf), test: inSplit("test").map(classOf) };
  return createRecordingSource({ name, data, protocol, classes, pools: { train: pool, validation: pool, test: pool } });
}

/** Classes of the authors' loader, bug for bug: a class is an alphabet, shown by its first character alone; label n of
 *  validation and test is looked up among the training recordings, so validation draws the first 14 training alphabets
 *  and test all 16 (it would stop at its labels 16 to 19). Where a part of the training alphabets is not there, every
 *  training character is a class, in all splits.
 *  Source: nmi-lab/torchneuromorphic, nomniglot_dataloaders (the class data set never passes its split on) and
 *  create_hdf5_omniglot (`num_per_class` is 1). */
function classesAsAuthors(training: readonly CharacterRecordings[]): Readonly<Record<Split, readonly ComposedClass[]>> {
  const firsts = OMNIGLOT_TRAINING.flatMap((alphabet) => training.filter((c) => c.alphabet === alphabet).slice(0, 1));
  const whole = firsts.length === OMNIGLOT_TRAINING.length;
  const shown = (whole ? firsts : training).map((c): ComposedClass => ({ name: whole ? c.alphabet : nameOf(c), parts: [nameOf(c)] }));
  return { train: shown, validation: whole ? shown.slice(0, OMNIGLOT_VALIDATION.length) : shown, test: shown };
}
