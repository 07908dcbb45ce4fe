import type { Dataset, Entity, Group } from "h5wasm";
import { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize } from "../decoder.js";
import { Problems } from "../problems.js";
import { recordingOf } from "../recording.js";
import type { EventStream } from "../types.js";
import { eventsFromNumbers, type NamedColumn } from "./named-columns.js";
import { RowSink } from "./rows.js";

/** The reader of HDF5 is 5 MB of WebAssembly, so it is loaded when a file needs it. */
async function library() {
  const h5 = await import("h5wasm");
  const { FS, activate_throwing_error_handler: throwErrors } = await h5.ready;
  // Else the library prints its own stack of errors for every damaged file.
  throwErrors();
  return { h5, fs: FS };
}

/** One recording of a file in the layout of the authors' code (`data/<key>/{times, addrs, labels}`).
 *  Source: reference/event-formats.md, torchneuromorphic's HDF5. */
export interface AuthorsRecording {
  readonly key: string;
  readonly label: number;
  readonly stream: EventStream;
}

let serial = 0;

async function withFile<T>(bytes: Uint8Array, problems: Problems, use: (root: Group) => T): Promise<T> {
  const { h5, fs } = await library();
  const path = `recording-${serial++}.h5`;
  fs.writeFile(path, bytes);
  let file: InstanceType<typeof h5.File> | undefined;
  try {
    file = new h5.File(path, "r");
    // An unreadable file gives no error here but an id below zero.
    if (file.file_id < 0n) throw new Error("not a sound HDF5 file");
    return use(file);
  } catch (error) {
    if ((error as Error).name === "UserError") throw error;
    return problems.fail("E-EVT-006", 0, { found: `the HDF5 file cannot be read (${innermost((error as Error).message)})` });
  } finally {
    try {
      file?.close();
    } catch {
      // A file too damaged to be closed holds nothing but its memory.
    }
    fs.unlink(path);
  }
}

/** The library reports a stack of causes; the last one says what is wrong with the file. */
const innermost = (message: string): string =>
  [...message.matchAll(/#\d+: .* in \w+\(\): (.*)/g)].at(-1)?.[1].slice(0, 120) ?? message.split("\n")[0].slice(0, 120);

const isGroup = (entity: Entity | null): entity is Group => entity !== null && "keys" in entity;
const isDataset = (entity: Entity | null): entity is Dataset => entity !== null && "shape" in entity;

function* datasets(group: Group, prefix: string, depth: number): Generator<readonly [string, Dataset]> {
  if (depth > 6) return;
  for (const key of group.keys()) {
    const entity = group.get(key);
    if (isDataset(entity)) yield [prefix + key, entity];
    else if (isGroup(entity)) yield* datasets(entity, `${prefix}${key}/`, depth + 1);
  }
}

function numbers(dataset: Dataset): Float64Array | undefined {
  const value = dataset.value;
  if (ArrayBuffer.isView(value)) return Float64Array.from(value as unknown as ArrayLike<number>, Number);
  return undefined;
}

/** Events of `data/<key>`: addrs [n, 3] are polarity, x, y. */
function authorsColumns(times: Dataset, addrs: Dataset, name: string, problems: Problems): EventColumns {
  const out = new EventColumns();
  const [t, a] = [numbers(times), numbers(addrs)];
  if (!t || !a || a.length !== 3 * t.length) {
    problems.fail("E-EVT-006", 0, { found: `group ${name}: ${t?.length ?? "no"} times and addresses of shape [${addrs.shape}]`, limit: "times [n] and addrs [n, 3]" });
  }
  const sink = new RowSink(out, problems, 1);
  out.reserve(t.length);
  for (let i = 0; i < t.length; i++) sink.add(t[i], a[3 * i + 1], a[3 * i + 2], a[3 * i], 0, i);
  return out;
}

/** HDF5 and MATLAB 7.3 of one recording: columns t, x, y, p (usual names) in one group, or the authors' `times` and
 *  `addrs`. @returns columns and the sensor where known */
export async function readHdf5Events(bytes: Uint8Array, options: DecodeOptions, problems: Problems): Promise<{ columns: EventColumns; size: SensorSize | undefined }> {
  return withFile(bytes, problems, (root) => {
    const all = [...datasets(root, "", 0)].filter(([path]) => !path.startsWith("#refs#"));
    const byPath = new Map(all);
    const groups = all.filter(([path]) => path.endsWith("times")).map(([path]) => path.slice(0, -5)).filter((g) => byPath.has(`${g}addrs`));
    if (groups.length > 0) {
      const wanted = options.recording === undefined ? groups : groups.filter((g) => g.endsWith(`/${options.recording}/`));
      if (wanted.length !== 1) {
        problems.fail("E-EVT-009", 0, {
          found: wanted.length === 0 ? `no recording "${options.recording}"` : `${groups.length} recordings in one file`,
          limit: "one recording", hint: `--recording ${groups[0].split("/").at(-2)} to name one`,
        });
      }
      return { columns: authorsColumns(byPath.get(`${wanted[0]}times`)!, byPath.get(`${wanted[0]}addrs`)!, wanted[0], problems), size: undefined };
    }
    const columns: NamedColumn[] = [];
    for (const [name, dataset] of all) {
      const values = numbers(dataset);
      if (values) columns.push({ name, at: 0, values });
    }
    const out = new EventColumns();
    const size = eventsFromNumbers(columns, 0, problems, out);
    return { columns: out, size };
  });
}

/** All recordings of a file in the authors' layout. @param size  sensor, which that layout does not hold */
export async function readAuthorsHdf5(bytes: Uint8Array, options: DecodeOptions, size: SensorSize): Promise<readonly AuthorsRecording[]> {
  const problems = new Problems(options.name, options.repair ?? false);
  return withFile(bytes, problems, (root) => {
    const data = root.get("data");
    if (!isGroup(data)) return problems.fail("E-EVT-005", 0, { found: "no group data", limit: "data/<key>/{times, addrs, labels}" });
    return data.keys().map((key) => {
      const [times, addrs, labels] = ["times", "addrs", "labels"].map((name) => data.get(`${key}/${name}`));
      if (!isDataset(times) || !isDataset(addrs)) return problems.fail("E-EVT-006", 0, { found: `data/${key} without times or addrs` });
      const columns = authorsColumns(times, addrs, `data/${key}`, problems);
      const label = isDataset(labels) ? Number(ArrayBuffer.isView(labels.value) ? (labels.value as Uint8Array)[0] : labels.value) : -1;
      return { key, label, stream: recordingOf(columns, size, problems) };
    });
  });
}

/** Writes HDF5. One stream without a label: `events/{t, x, y, p}`; several: the authors' `data/<key>/…`. */
export async function encodeHdf5(content: EventStream | readonly AuthorsRecording[]): Promise<Uint8Array> {
  const { h5, fs } = await library();
  const path = `written-${serial++}.h5`;
  const file = new h5.File(path, "w");
  if (Array.isArray(content)) writeAuthors(file, content as readonly AuthorsRecording[]);
  else {
    const { tUs, x, y, polarity } = content as EventStream;
    const group = file.create_group("events");
    const t = BigInt64Array.from(tUs as Float64Array, (v) => BigInt(v));
    for (const [name, data] of [["t", t], ["x", x.slice()], ["y", y.slice()], ["p", polarity.slice()]] as const) group.create_dataset({ name, data });
  }
  file.flush();
  file.close();
  const bytes = fs.readFile(path, { encoding: "binary" }) as Uint8Array;
  fs.unlink(path);
  return bytes;
}

function writeAuthors(file: Group, recordings: readonly AuthorsRecording[]): void {
  const data = file.create_group("data");
  for (const { key, label, stream } of recordings) {
    const group = data.create_group(key);
    const count = stream.tUs.length;
    const addrs = new Uint16Array(3 * count);
    for (let i = 0; i < count; i++) addrs.set([stream.polarity[i], stream.x[i], stream.y[i]], 3 * i);
    group.create_dataset({ name: "times", data: Uint32Array.from(stream.tUs) });
    group.create_dataset({ name: "addrs", data: addrs, shape: [count, 3] });
    group.create_dataset({ name: "labels", data: Uint8Array.of(label) });
  }
}
