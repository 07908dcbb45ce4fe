import { encodeEvents } from "../write.js";
import type { FormatName } from "../decoder.js";
import type { EventStream } from "../types.js";
import { HandSimulator, type HandModel } from "./hands.js";
import { SaccadeSimulator, type SaccadeModel } from "./saccades.js";
import type { Drawing } from "./stroke-drawing.js";
import { StrokeSimulator, type StrokeModel } from "./strokes.js";

/** A set to be simulated, as plain values that a thread can be given. A unit is what is made and written at once. */
export type SimulationSpec = SaccadeSpec | StrokeSpec | HandSpec;

interface Common {
  readonly seed: number;
  readonly format: FormatName;
  /** Ending of the files, with its dot. */
  readonly ending: string;
}

/** N-MNIST's layout: a unit is one recording. */
export interface SaccadeSpec extends Common {
  readonly kind: "saccades";
  readonly model: SaccadeModel;
  /** [images, 28, 28] */
  readonly pixels: Uint8Array;
  readonly units: readonly { readonly folder: string; readonly name: string; readonly image: number; readonly recording: number }[];
}

/** N-Omniglot's layout: a unit is one character with its drawers. */
export interface StrokeSpec extends Common {
  readonly kind: "strokes";
  readonly model: StrokeModel;
  readonly units: readonly {
    readonly folder: string;
    /** Number of the character, 1…1623. */
    readonly id: number;
    readonly drawings: readonly { readonly drawer: number; readonly drawing: Drawing }[];
  }[];
}

/** A folder a letter: a unit is one recording. */
export interface HandSpec extends Common {
  readonly kind: "hands";
  readonly model: HandModel;
  readonly units: readonly { readonly folder: string; readonly name: string; readonly letter: string; readonly recording: number }[];
}

/** A file of the set. */
export interface SimulatedFile {
  /** Below the set's folder. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Makes the files of single units; one a thread. What a unit gives depends on the specification and its number alone. */
export function createSimulation(spec: SimulationSpec): (unit: number) => Promise<{ files: readonly SimulatedFile[]; events: number }> {
  const encode = async (stream: EventStream, path: string): Promise<SimulatedFile> => ({ path, bytes: await encodeEvents(stream, spec.format, path) });
  if (spec.kind === "strokes") {
    const simulator = new StrokeSimulator(spec.model, spec.seed);
    return async (unit) => character(simulator, spec, unit, encode);
  }
  const record = spec.kind === "saccades" ? saccadeRecorder(spec) : handRecorder(spec);
  return async (unit) => {
    const { folder, name } = spec.units[unit];
    const stream = record(unit);
    return { files: [await encode(stream, `${folder}/${name}${spec.ending}`)], events: stream.tUs.length };
  };
}

function saccadeRecorder(spec: SaccadeSpec): (unit: number) => EventStream {
  const simulator = new SaccadeSimulator(spec.model, spec.seed);
  return (unit) => {
    const { image, recording } = spec.units[unit];
    return simulator.record(spec.pixels.subarray(image * 784, (image + 1) * 784), recording);
  };
}

function handRecorder(spec: HandSpec): (unit: number) => EventStream {
  const simulator = new HandSimulator(spec.model, spec.seed);
  return (unit) => simulator.record(spec.units[unit].letter, spec.units[unit].recording);
}

/** Drawers of a character, at most so many: numbers of recordings must not meet. */
const DRAWERS = 32;
/** Silence between two drawers in one file, µs. */
const GAP_US = 500_000;

async function character(
  simulator: StrokeSimulator, spec: StrokeSpec, unit: number, encode: (stream: EventStream, path: string) => Promise<SimulatedFile>,
): Promise<{ files: readonly SimulatedFile[]; events: number }> {
  const { folder, id, drawings } = spec.units[unit];
  const stem = `${folder}/${String(id).padStart(4, "0")}`;
  const streams = drawings.map(({ drawer, drawing }) => ({ drawer, stream: simulator.record(drawing, id * DRAWERS + drawer) }));
  const events = streams.reduce((sum, { stream }) => sum + stream.tUs.length, 0);
  if (spec.format !== "aedat4") {
    const files: SimulatedFile[] = [];
    for (const { drawer, stream } of streams) files.push(await encode(stream, `${stem}_${String(drawer).padStart(2, "0")}${spec.ending}`));
    return { files, events };
  }
  const { whole, table } = joined(streams);
  return { files: [await encode(whole, `${stem}${spec.ending}`), { path: `${stem}.csv`, bytes: new TextEncoder().encode(table) }], events };
}

/** All drawers of a character one after another, and the table of where each begins (inclusive) and ends (exclusive); a
 *  drawer who is missing has a row of no length, so that rows count the drawers. */
function joined(streams: readonly { readonly drawer: number; readonly stream: EventStream }[]): { whole: EventStream; table: string } {
  const total = streams.reduce((sum, { stream }) => sum + stream.tUs.length, 0);
  const [tUs, x, y, polarity] = [new Float64Array(total), new Uint16Array(total), new Uint16Array(total), new Uint8Array(total)];
  const rows = ["index,start,end"];
  let [n, origin] = [0, GAP_US];
  for (const { drawer, stream } of streams) {
    while (rows.length < drawer) rows.push(`${rows.length - 1},${origin},${origin}`);
    for (let i = 0; i < stream.tUs.length; i++) tUs[n + i] = origin + stream.tUs[i];
    x.set(stream.x, n);
    y.set(stream.y, n);
    polarity.set(stream.polarity, n);
    n += stream.tUs.length;
    const end = origin + (stream.tUs.at(-1) ?? 0) + 1;
    rows.push(`${drawer - 1},${origin},${end}`);
    origin = end + GAP_US;
  }
  const { width, height } = streams[0].stream;
  return { whole: { tUs, x, y, polarity, width, height }, table: `${rows.join("\n")}\n` };
}
