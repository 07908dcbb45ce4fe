import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import * as yauzl from "yauzl";
import { userError } from "../../base/errors.js";
import { isFolder, readFileBytes } from "../../base/node/files.js";

/** One recording of the official N-MNIST layout `Train|Test/<digit>/<00001>.bin`. */
export interface LayoutEntry {
  readonly part: "Train" | "Test";
  readonly label: number;
  /** 1-based index of the image in MNIST's part. */
  readonly index: number;
  /** The user's name for it: path of the folder or zip, then the path inside. */
  readonly name: string;
  /** Reads the recording's bytes. */
  readonly read: () => Promise<Uint8Array>;
}

const PATH = /(?:^|\/)(Train|Test)\/([0-9])\/([0-9]{5})\.bin$/;

/** Lists the recordings of an N-MNIST folder or zip, by part, then MNIST index; the bytes are read when asked for.
 *  Call `close` when done. @throws UserError E-EVT-001 where there is none, E-EVT-006 where the zip is damaged */
export async function listNmnist(path: string): Promise<{ entries: readonly LayoutEntry[]; close: () => void }> {
  const found = isFolder(path) ? listFolder(path) : await listZip(path);
  if (found.entries.length === 0) {
    throw userError({
      code: "E-EVT-001", at: path, found: "no recording in the layout of N-MNIST",
      limit: "Train/<digit>/<00001>.bin and Test/<digit>/<00001>.bin, in a folder or a zip",
      hint: "the folder that holds Train and Test",
    });
  }
  const order = (e: LayoutEntry) => (e.part === "Train" ? 0 : 1e6) + e.index;
  return { entries: [...found.entries].sort((a, b) => order(a) - order(b)), close: found.close };
}

function listFolder(path: string): { entries: LayoutEntry[]; close: () => void } {
  const entries: LayoutEntry[] = [];
  for (const part of ["Train", "Test"] as const) {
    for (let label = 0; label < 10; label++) {
      const folder = join(path, part, String(label));
      if (!isFolder(folder)) continue;
      for (const file of readdirSync(folder)) {
        const match = PATH.exec(`${part}/${label}/${file}`);
        if (!match) continue;
        const name = join(folder, file);
        entries.push({ part, label, index: Number(match[3]), name, read: async () => readFileBytes(name) });
      }
    }
  }
  return { entries, close: () => undefined };
}

async function listZip(path: string): Promise<{ entries: LayoutEntry[]; close: () => void }> {
  const damaged = (error: unknown) => userError({
    code: "E-EVT-006", at: path, found: `the zip cannot be read (${(error as Error).message})`, hint: "an undamaged copy",
  });
  checkReadable(path);
  const zip = await promisify<string, yauzl.Options, yauzl.ZipFile>(yauzl.open)(path, { lazyEntries: true, autoClose: false })
    .catch((error) => { throw damaged(error); });
  const entries: LayoutEntry[] = [];
  await new Promise<void>((resolve, reject) => {
    zip.on("entry", (entry: yauzl.Entry) => {
      const match = PATH.exec(entry.fileName);
      if (match) {
        entries.push({
          part: match[1] as "Train" | "Test", label: Number(match[2]), index: Number(match[3]),
          name: `${path}:${entry.fileName}`, read: () => readEntry(zip, entry).catch((error) => { throw damaged(error); }),
        });
      }
      zip.readEntry();
    });
    zip.on("end", () => resolve());
    zip.on("error", (error) => reject(damaged(error)));
    zip.readEntry();
  });
  return { entries, close: () => zip.close() };
}

/** A missing file must say so in our words, not in the zip reader's. */
function checkReadable(path: string): void {
  try {
    const handle = openSync(path, "r");
    readSync(handle, new Uint8Array(1), 0, 1, 0);
    closeSync(handle);
  } catch {
    readFileBytes(path);
  }
}

function readEntry(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error) return reject(error);
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("error", reject);
      stream.on("end", () => resolve(new Uint8Array(Buffer.concat(parts))));
    });
  });
}
