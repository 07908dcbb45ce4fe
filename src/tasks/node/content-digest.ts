import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { readFileBytes, readFileText, writeWhole } from "../../base/node/files.js";

/** What a file was when its content was hashed: bytes, time of change, inode, SHA-256. */
type Seen = readonly [bytes: number, changedMs: number, inode: number, sha256: string];

/** A file changed this shortly before its hash was taken may change again within one tick of its clock. */
const TICK_MS = 2000;

const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

/** SHA-256 over names and contents of files. Contents are read once: a file whose size, time of change and inode are as
 *  when it was hashed is not read again; what was seen is kept in `cacheFolder`.
 *  @param root  names count from here, so that a folder that moves keeps its digest
 *  @param progress  files so far */
export function contentDigest(root: string, paths: readonly string[], cacheFolder: string, progress?: (done: number) => void): string {
  const table = join(cacheFolder, `${sha256(resolve(root))}.digests.json`);
  const known = readTable(table);
  const now = Date.now();
  const seen: Record<string, Seen> = {};
  const hash = createHash("sha256");
  let changed = false;
  paths.forEach((path, k) => {
    const name = relative(root, path) || ".";
    const stat = statSync(path, { throwIfNoEntry: false });
    const was = known[name];
    const same = stat && was && was[0] === stat.size && was[1] === stat.mtimeMs && was[2] === stat.ino;
    const digest = same ? was[3] : sha256(readFileBytes(path));
    if (!same) changed = true;
    if (stat && stat.mtimeMs < now - TICK_MS) seen[name] = [stat.size, stat.mtimeMs, stat.ino, digest];
    hash.update(`${name}\0${digest}\n`);
    progress?.(k + 1);
  });
  if (changed) {
    try {
      writeWhole(table, JSON.stringify(seen));
    } catch {
      // Without the table the files are read again next time; the caller hears of the folder when it keeps the frames.
    }
  }
  return hash.digest("hex");
}

function readTable(path: string): Readonly<Record<string, Seen | undefined>> {
  try {
    return JSON.parse(readFileText(path)) as Record<string, Seen>;
  } catch {
    return {};
  }
}
