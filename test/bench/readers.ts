/** Our decoders beside the public readers, in turns, and event by event. Needs a Python with some of expelliarmus, faery, aedat
 *  and tonic:  npx tsx test/bench/readers.ts PYTHON [FILE…]      (default: the recordings of ../shared/data)
 *  Prints CPU time an event and ratios (above 1: we are faster), and whether t, x, y and polarity are equal in every event. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { readFileBytes } from "../../src/base/node/files.js";
import { decodeRecording } from "../../src/events/decode.js";
import type { FormatName } from "../../src/events/decoder.js";
import { Summarizer } from "../../src/events/summary.js";
import type { EventStream } from "../../src/events/types.js";
import { encodeEvents } from "../../src/events/write.js";
import { hasShared, sharedPath } from "../support/shared.js";

interface Answer {
  readonly error?: string;
  readonly events: number;
  readonly seconds: number;
  readonly best: number;
  readonly digest: Readonly<Record<"t" | "x" | "y" | "on", string>>;
  readonly flipped: string;
}

/** Readers of a format. */
const READERS: Readonly<Partial<Record<FormatName, readonly string[]>>> = {
  evt2: ["expelliarmus evt2", "faery"], evt3: ["expelliarmus evt3", "faery"], dat: ["expelliarmus dat", "faery"], es: ["faery"],
  aedat4: ["aedat", "faery"], nmnist: ["tonic nmnist"], aedat2: ["tonic davis346"], csv: ["faery"],
};
const ROUNDS = 5;
const REPEATS = 7;

const [python, ...files] = process.argv.slice(2);
if (!python) throw new Error("name a Python interpreter that has the readers");
const peer = spawn(python, [fileURLToPath(new URL("./peers.py", import.meta.url))], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
const ask = async (reader: string, file: string): Promise<Answer> => {
  peer.stdin.write(`${JSON.stringify({ reader, file, repeats: REPEATS })}\n`);
  return JSON.parse((await lines.next()).value as string) as Answer;
};

/** CPU seconds of decoding, the least of some runs and all of them. */
function timeOurs(bytes: Uint8Array, name: string, times: number[]): EventStream {
  let stream: EventStream | undefined;
  for (let k = 0; k < REPEATS; k++) {
    const before = process.cpuUsage();
    ({ stream } = decodeRecording(bytes, { name }));
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1e6);
  }
  return stream as EventStream;
}

function digestOf(stream: EventStream): Answer["digest"] {
  const summarizer = new Summarizer(() => createHash("sha3-224"));
  summarizer.add({ t: Float64Array.from(stream.tUs), x: stream.x, y: stream.y, on: stream.polarity, length: stream.tUs.length });
  return summarizer.summary().digest;
}

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1];
const nanoseconds = (seconds: number, events: number): string => `${((1e9 * seconds) / events).toFixed(2).padStart(7)} ns`;

async function compare(file: string): Promise<void> {
  const bytes = readFileBytes(file);
  const { format } = decodeRecording(bytes, { name: file });
  for (const reader of READERS[format] ?? []) {
    const [ours, theirs, bests]: number[][] = [[], [], []];
    let stream = timeOurs(bytes, file, []);
    let answer = await ask(reader, file);
    if (answer.error) {
      console.log(`${basename(file).padEnd(40)} ${reader.padEnd(18)} ${answer.error}`);
      continue;
    }
    for (let round = 0; round < ROUNDS; round++) {
      stream = timeOurs(bytes, file, ours);
      answer = await ask(reader, file);
      theirs.push(answer.seconds);
      bests.push(answer.best);
    }
    const own = digestOf(stream);
    const equal = (["t", "x", "y", "on"] as const).map((column) => {
      const same = own[column] === answer.digest[column] ? "=" : column === "y" && own.y === answer.flipped ? "= flipped" : "≠";
      return `${column} ${same}`;
    }).join(", ");
    const events = stream.tUs.length;
    console.log(`${basename(file).padEnd(40)} ${reader.padEnd(18)} ${String(events).padStart(8)} events  ours ${nanoseconds(median(ours), events)} (best ${nanoseconds(Math.min(...ours), events)})  ` +
      `theirs ${nanoseconds(median(theirs), events)} (best ${nanoseconds(Math.min(...bests), events)})  ratio ${(median(theirs) / median(ours)).toFixed(2)} (best ${(Math.min(...bests) / Math.min(...ours)).toFixed(2)})  ` +
      `${answer.events === events ? equal : `${answer.events} events`}`);
  }
}

/** Recordings of ../shared/data, and the largest of them in the other formats. */
async function sampleFiles(folder: string): Promise<readonly string[]> {
  if (!hasShared) throw new Error("there is no ../shared/data here: name files");
  const real = ["faery-evt2.raw", "expelliarmus-evt3_sample.raw", "faery-dvs.es", "tonic-sample.aedat4", "evlib-sample.aedat4", "tonic-sample_ncars.dat",
    "evlib-ncaltech101-faces_easy_0001.bin"].map((name) => sharedPath(`data/events/${name}`));
  const { stream } = decodeRecording(readFileBytes(real[2]), { name: real[2] });
  const small = { ...stream, x: stream.x.map((x) => Math.min(x, 239)), y: stream.y.map((y) => Math.min(y, 179)), width: 346, height: 260 };
  const made: readonly (readonly [FormatName, string, EventStream])[] = [
    ["evt2", "raw", stream], ["evt3", "raw", stream], ["dat", "dat", stream], ["aedat4", "aedat4", stream], ["aedat2", "aedat", small], ["csv", "csv", stream],
    ["nmnist", "bin", { ...small, x: small.x.map((x) => x % 34), y: small.y.map((y) => y % 34), width: 34, height: 34 }],
  ];
  const files: string[] = [];
  for (const [format, ending, events] of made) {
    const path = join(folder, `ours-${format}.${ending}`);
    const bytes = await encodeEvents(events, format, path);
    // Not every reader takes the comment with the sensor's size that our CSV begins with.
    writeFileSync(path, format === "csv" ? bytes.subarray(bytes.indexOf(0x0a) + 1) : bytes);
    files.push(path);
  }
  return [...real, ...files];
}

const folder = mkdtempSync(join(tmpdir(), "readers-"));
try {
  for (const file of files.length > 0 ? files : await sampleFiles(folder)) await compare(file);
} finally {
  peer.stdin.end();
  rmSync(folder, { recursive: true });
}
