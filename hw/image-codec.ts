import protobuf from "protobufjs/light.js";
import { userError } from "../src/base/errors.js";
import { unwrapFile, withHeader } from "../src/base/file-header.js";
import { CHIP_IMAGE_VERSION, type ChipImage, type CoreImage, type InputAxon, type OutputAxon } from "./image.js";
import { CHIP_IMAGE_SCHEMA } from "./proto/chip-image-schema.js";

/** Kind in the header of an image file. */
export const CHIP_IMAGE_KIND = "chip-image";

const ROOT = protobuf.Root.fromJSON(CHIP_IMAGE_SCHEMA as protobuf.INamespace);
const IMAGE_TYPE = ROOT.lookupType("metaloihi.ChipImage");

const COMPRESSION = ["sparse", "runlength", undefined, "dense"] as const;
const AXON_KIND = ["discrete", "pop16", "pop32"] as const;
const LAYER_KIND = ["conv", "pool", "dense"] as const;
const INPUT_MODE = ["binary", "counts"] as const;
const FORM = ["chip", "authors-chip", "readout"] as const;

/** The image as a file: header with the SHA-256 of the payload, then protobuf (`proto/chip-image.proto`). Equal images give
 *  equal bytes.
 *  @param parents name → SHA-256 of what it was compiled from */
export function encodeImage(image: ChipImage, parents: Readonly<Record<string, string>> = {}): Uint8Array {
  const payload = IMAGE_TYPE.encode(IMAGE_TYPE.create(toMessage(image))).finish();
  return withHeader({ kind: CHIP_IMAGE_KIND, formatVersion: CHIP_IMAGE_VERSION, parents }, payload);
}

/** Reads an image file. What it holds still has to pass `verifyImage`.
 *  @throws UserError E-FILE-001…004 (not ours, another kind, damaged), E-IMAGE-001 (content is no image) */
export function decodeImage(bytes: Uint8Array, fileName: string): ChipImage {
  const expected = { kind: CHIP_IMAGE_KIND, formatVersion: CHIP_IMAGE_VERSION };
  const { payload } = unwrapFile(bytes, expected, fileName);
  try {
    const message = IMAGE_TYPE.decode(payload);
    return fromMessage(IMAGE_TYPE.toObject(message, { defaults: true, arrays: true }) as ImageMessage);
  } catch (error) {
    throw userError({
      code: "E-IMAGE-001", at: fileName, found: `the content is no chip image (${(error as Error).message})`,
      hint: "compile again",
    });
  }
}

/** A message as protobufjs gives it: every field present, numbers in plain arrays. */
interface CoreMessage extends Omit<CoreImage, "compartments" | "synapseFormats" | "inputAxons" | "outputAxons" | "learning"> {
  compartments: number[];
  synapseFormats: (Omit<CoreImage["synapseFormats"][number], "compression"> & { compression: number })[];
  inputAxons: Columns<keyof InputAxon> | null;
  outputAxons: Columns<keyof OutputAxon> | null;
  learning: (Omit<NonNullable<CoreImage["learning"]>, "logicalOutput" | "microcode" | "rewardTrace"> & {
    logicalOutput: number[]; microcode: number[]; rewardTrace: NonNullable<CoreImage["learning"]>["rewardTrace"] | null;
  }) | null;
}
type Columns<K extends string> = Record<K, number[]>;

interface ImageMessage extends Pick<ChipImage, "name" | "board" | "chips" | "chipSeed"> {
  layers: { name: string; kind: number; shape: number[]; plastic: boolean }[];
  cores: CoreMessage[];
  symbols: { chip: number; core: number; layer: number; firstCompartment: number; neurons: number[] }[];
  contract: {
    sensorWidth: number; sensorHeight: number; crop: number[]; downsample: number; compose: number; timestepUs: number;
    mode: number; shape: number[]; steps: number; presentationSteps: number; passes: number; outputs: number;
  } & Columns<"rowStart" | "chip" | "core" | "axon" | "atom">;
  embedded: Omit<ChipImage["embedded"], "form"> & { form: number };
}

const codeOf = (names: readonly (string | undefined)[], name: string): number => names.indexOf(name);

function nameOf<T extends string>(names: readonly (T | undefined)[], code: number, field: string): T {
  const name = names[code];
  if (name === undefined) throw new Error(`${field} ${code} is not defined`);
  return name;
}

function columns<K extends string, R extends object>(rows: readonly R[], keys: readonly K[], value: (row: R, key: K) => number) {
  return Object.fromEntries(keys.map((key) => [key, rows.map((row) => value(row, key))]));
}

const INPUT_AXON_KEYS = ["kind", "synapsePtr", "synapseLen", "atoms", "cxBase", "preTraceConfig", "logicalInput"] as const;
const OUTPUT_AXON_KEYS = ["compartment", "kind", "chip", "core", "axon", "atom", "population"] as const;

const fieldOf = <K extends string>(row: Record<K, string | number>, key: K): number => {
  const value = row[key];
  return typeof value === "string" ? codeOf(AXON_KIND, value) : value;
};

function rowsOf<R>(table: Columns<string> | null, keys: readonly string[]): R[] {
  if (table === null) return [];
  const length = table.kind.length;
  if (keys.some((key) => table[key].length !== length)) throw new Error("columns of an axon table differ in length");
  return Array.from({ length }, (_, n) =>
    Object.fromEntries(keys.map((key) => [
      key, key === "kind" ? nameOf(AXON_KIND, table.kind[n], "axon kind") : table[key][n],
    ])) as R);
}

function toMessage(image: ChipImage): Record<string, unknown> {
  const { contract } = image;
  return {
    name: image.name, board: image.board, chips: image.chips, chipSeed: image.chipSeed,
    layers: image.layers.map((layer) => ({ ...layer, kind: codeOf(LAYER_KIND, layer.kind) })),
    cores: image.cores.map(coreToMessage),
    symbols: image.symbols.map((range) => ({ ...range, neurons: Array.from(range.neurons) })),
    contract: {
      sensorWidth: contract.sensor.width, sensorHeight: contract.sensor.height,
      crop: [contract.crop.x, contract.crop.y, contract.crop.width, contract.crop.height],
      downsample: contract.downsample, compose: contract.compose, timestepUs: contract.timestepUs,
      mode: codeOf(INPUT_MODE, contract.mode), shape: contract.shape, steps: contract.steps,
      presentationSteps: contract.presentationSteps, passes: contract.passes, outputs: contract.outputs,
      rowStart: Array.from(contract.rowStart), chip: Array.from(contract.chip), core: Array.from(contract.core),
      axon: Array.from(contract.axon), atom: Array.from(contract.atom),
    },
    embedded: { ...image.embedded, form: codeOf(FORM, image.embedded.form) },
  };
}

function coreToMessage(core: CoreImage): Record<string, unknown> {
  return {
    ...core,
    compartments: Array.from(core.compartments),
    synapseFormats: core.synapseFormats.map((format) => ({ ...format, compression: codeOf(COMPRESSION, format.compression) })),
    inputAxons: columns(core.inputAxons, INPUT_AXON_KEYS, fieldOf),
    outputAxons: columns(core.outputAxons, OUTPUT_AXON_KEYS, fieldOf),
    learning: core.learning && {
      ...core.learning,
      logicalOutput: Array.from(core.learning.logicalOutput), microcode: Array.from(core.learning.microcode),
    },
  };
}

function fromMessage(message: ImageMessage): ChipImage {
  const { contract, embedded } = message;
  if (!contract || !embedded?.constants) throw new Error("a part is missing");
  const [x, y, width, height] = contract.crop;
  return {
    name: message.name, board: message.board, chips: message.chips, chipSeed: message.chipSeed,
    layers: message.layers.map(({ name, kind, shape, plastic }) =>
      ({ name, kind: nameOf(LAYER_KIND, kind, "layer kind"), shape: triple(shape), plastic })),
    cores: message.cores.map(coreFromMessage),
    symbols: message.symbols.map((range) => ({ ...range, neurons: Int32Array.from(range.neurons) })),
    contract: {
      sensor: { width: contract.sensorWidth, height: contract.sensorHeight }, crop: { x, y, width, height },
      downsample: contract.downsample, compose: contract.compose, timestepUs: contract.timestepUs,
      mode: nameOf(INPUT_MODE, contract.mode, "input mode"), shape: triple(contract.shape), steps: contract.steps,
      presentationSteps: contract.presentationSteps, passes: contract.passes, rowStart: Uint32Array.from(contract.rowStart),
      chip: Uint16Array.from(contract.chip), core: Uint16Array.from(contract.core), axon: Uint16Array.from(contract.axon),
      atom: Uint16Array.from(contract.atom), outputs: contract.outputs,
    },
    embedded: { ...embedded, form: nameOf(FORM, embedded.form, "program form"), elf: plainBytes(embedded.elf) },
  };
}

function triple(shape: readonly number[]): [number, number, number] {
  if (shape.length !== 3) throw new Error("a shape without three axes");
  return [shape[0], shape[1], shape[2]];
}

/** A copy with its own buffer: Node gives slices of Buffers, a browser gives slices of the file. */
const plainBytes = (bytes: ArrayLike<number>): Uint8Array => Uint8Array.from(bytes);

function coreFromMessage(core: CoreMessage): CoreImage {
  const { learning } = core;
  return {
    ...core,
    compartments: Uint32Array.from(core.compartments),
    synapseMemory: plainBytes(core.synapseMemory),
    synapseFormats: core.synapseFormats.map((format) =>
      ({ ...format, compression: nameOf(COMPRESSION, format.compression, "compression") })),
    inputAxons: rowsOf<InputAxon>(core.inputAxons, INPUT_AXON_KEYS),
    outputAxons: rowsOf<OutputAxon>(core.outputAxons, OUTPUT_AXON_KEYS),
    learning: learning && {
      ...learning,
      logicalOutput: Int32Array.from(learning.logicalOutput),
      microcode: Uint32Array.from(learning.microcode),
      preTrace2: learning.preTrace2?.length ? learning.preTrace2 : undefined,
      rewardTrace: learning.rewardTrace ?? undefined,
    },
  };
}
