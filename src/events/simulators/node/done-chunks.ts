import { createHash, type Hash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** In the unfinished folder: which chunks are done, one JSON object a line. */
export const DONE_FILE = ".done";

/** A finished piece of work: what it wrote, and the digest by which an interrupted run knows that it is still there. */
export interface DoneChunk {
  /** First unit, and how many. */
  readonly from: number;
  readonly units: number;
  readonly events: number;
  /** Paths below the folder, in the order in which they were written. */
  readonly paths: readonly string[];
  /** SHA-256 over path, length and content of each. */
  readonly sha256: string;
}

/** Digest of files, fed one after the other: `new FilesDigest().add(…).add(…).hex()`. */
export class FilesDigest {
  private readonly hash: Hash = createHash("sha256");

  add(path: string, bytes: Uint8Array): this {
    this.hash.update(`${path}\n${bytes.length}\n`).update(bytes);
    return this;
  }

  hex(): string {
    return this.hash.digest("hex");
  }
}

/** Notes a chunk as done. */
export const noteDone = (folder: string, chunk: DoneChunk): void => appendFileSync(join(folder, DONE_FILE), `${JSON.stringify(chunk)}\n`);

/** First unit → chunk, of every chunk whose files are as they were written. Files are not flushed one by one, so after a
 *  power loss some may be cut or empty: a chunk with such a file, or whose line was cut, is not among them. */
export function readDone(folder: string): Map<number, DoneChunk> {
  const file = join(folder, DONE_FILE);
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
  const chunks = lines.flatMap(parseLine).filter((chunk) => isThere(folder, chunk));
  return new Map(chunks.map((chunk) => [chunk.from, chunk]));
}

function parseLine(line: string): DoneChunk[] {
  try {
    const chunk = JSON.parse(line) as DoneChunk;
    return Array.isArray(chunk.paths) ? [chunk] : [];
  } catch {
    return [];
  }
}

function isThere(folder: string, { paths, sha256 }: DoneChunk): boolean {
  const digest = new FilesDigest();
  try {
    for (const path of paths) digest.add(path, readFileSync(join(folder, path)));
  } catch {
    return false;
  }
  return digest.hex() === sha256;
}
