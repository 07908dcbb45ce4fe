import type { Group } from "h5wasm";
import { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize } from "../decoder.js";
import { Problems } from "../problems.js";
import { recordingOf } from "../recording.js";
import type { EventStream } from "../types.js";
import { extractDatasets, loadLibrary, type RawDataset } from "./hdf5-extract.js";
import { eventsFromNumbers } from "./named-columns.js";
import { RowSink } from "./rows.js";

/** Gets the numbers out of an HDF5 file; in this thread by default, which a damaged file can hold up. */
export type Hdf5Extractor = (bytes: Uint8Array) => Promise<RawDataset[]>;

/** One recording of a file in the layout of the authors' code (`data/<key>/{times, addrs, labels}`).
 *  Source: reference/event-formats.md, torchneuromorphic's HDF5. */
export interface AuthorsRecording {
  readonly key: string;
  readonly label: number;
  readonly stream: EventStream;
}

let serial = 0;

async function extract(bytes: Uint8Array, problems: Problems, extractor: Hdf5Extractor): Promise<ReadonlyMap<string, RawDataset>> {
  try {
    return new Map((await extractor(bytes)).map((dataset) => [dataset.path, dataset]));
  } catch (error) {
    return problems.fail("E-EVT-006", 0, { found: `the HDF5 file cannot be read (${innermost((error as Error).message)})` });
  }
}

/** The library reports a stack of causes; the last one says what is wrong with the file. */
const innermost = (message: string): string =>
  [...message.matchAll(/#\d+: .* in \w+\(\): (.*)/g)].at(-1)?.[1].slice(0, 120) ?? message.split("\n")[0].slice(0, 120);

/** Events of `data/<key>`: addrs [n, 3] are polarity, x, y. */
function authorsColumns(times: RawDataset, addrs: RawDataset, name: string, problems: Problems): EventColumns {
  const out = new EventColumns();
  const [t, a] = [times.values, addrs.values];
  if (a.length !== 3 * t.length) {
    problems.fail("E-EVT-006", 0, { found: `group ${name}: ${t.length} times and addresses of shape [${addrs.shape}]`, limit: "times [n] and addrs [n, 3]" });
  }
  const sink = new RowSink(out, problems, 1);
  out.reserve(t.length);
  for (let i = 0; i < t.length; i++) sink.add(t[i], a[3 * i + 1], a[3 * i + 2], a[3 * i], 0, i);
  return out;
}

/** Groups (with a slash at the end) that hold `times` and `addrs`. */
const authorsGroups = (byPath: ReadonlyMap<string, RawDataset>): string[] =>
  [...byPath.keys()].filter((path) => path.endsWith("/times")).map((path) => path.slice(0, -5)).filter((group) => byPath.has(`${group}addrs`));

/** HDF5 and MATLAB 7.3 of one recording: columns t, x, y, p (usual names) in one group, or the authors' `times` and
 *  `addrs`. @returns columns and the sensor where known */
export async function readHdf5Events(
  bytes: Uint8Array, options: DecodeOptions, problems: Problems, extractor: Hdf5Extractor = extractDatasets,
): Promise<{ columns: EventColumns; size: SensorSize | undefined }> {
  const byPath = await extract(bytes, problems, extractor);
  const groups = authorsGroups(byPath);
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
  const columns = [...byPath.values()].map(({ path, values }) => ({ name: path, at: 0, values }));
  const out = new EventColumns();
  const size = eventsFromNumbers(columns, 0, problems, out);
  return { columns: out, size };
}

/** All recordings of a file in the authors' layout. @param size  sensor, which that layout does not hold */
export async function readAuthorsHdf5(
  bytes: Uint8Array, options: DecodeOptions, size: SensorSize, extractor: Hdf5Extractor = extractDatasets,
): Promise<readonly AuthorsRecording[]> {
  const problems = new Problems(options.name, options.repair ?? false);
  const byPath = await extract(bytes, problems, extractor);
  const groups = authorsGroups(byPath).filter((group) => group.startsWith("data/"));
  if (groups.length === 0) problems.fail("E-EVT-005", 0, { found: "no recordings", limit: "data/<key>/{times, addrs, labels}" });
  return groups.map((group) => {
    const columns = authorsColumns(byPath.get(`${group}times`)!, byPath.get(`${group}addrs`)!, group, problems);
    return { key: group.slice(5, -1), label: byPath.get(`${group}labels`)?.values[0] ?? -1, stream: recordingOf(columns, size, problems) };
  });
}

/** Writes HDF5. One stream without a label: `events/{t, x, y, p}`; several: the authors' `data/<key>/…`. */
export async function encodeHdf5(content: EventStream | readonly AuthorsRecording[]): Promise<Uint8Array> {
  const h5 = await loadLibrary();
  const { FS: fs } = await h5.ready;
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
