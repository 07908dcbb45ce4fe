import { createHash } from "node:crypto";
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, utimesSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { makeFolder } from "../../base/node/files.js";
import { type FileHeader, headerBytes, readHeader } from "../../base/file-header.js";
import { type GroupedRecording, packedBytes, type PackedFrames, type PackedIndex, PackedIndexBuilder } from "../packed-frames.js";
import { ENDING, partialName, prune } from "./prune-cache.js";

/** Kind and version of the file; the version also changes where decoders or encoders give other frames than before. */
export const FRAME_CACHE = { kind: "frame-cache", formatVersion: 1 } as const;

const HEADER_BYTES = 1024;
/** Last 8 bytes of the payload: bytes of the index before them. */
const TAIL_BYTES = 8;

/** The cache's folder by the XDG convention: $XDG_CACHE_HOME/metaloihi, else ~/.cache/metaloihi. */
export const defaultCacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "metaloihi");

export interface FrameCacheRequest {
  /** Folder of cached sets; none is kept where undefined. */
  readonly folder: string | undefined;
  /** SHA-256 of everything that the frames depend on: contents of the files, and every option. */
  readonly key: string;
  /** Makes the recordings, one after the other, and notes what it leaves out; called where the cache has them not. */
  readonly make: (add: (recording: GroupedRecording) => void, note: (line: string) => void) => Promise<void>;
  /** Hears why a cached set was not used, or could not be kept; one sentence each. */
  readonly warn?: (line: string) => void;
}

/** Encoded recordings from the cache, or made now and kept: the file is written whole or not at all, read in one go into
 *  shared memory, and its hash is checked; a damaged one is made again. */
export async function cachedFrames(request: FrameCacheRequest): Promise<PackedFrames> {
  const { folder, key, make, warn } = request;
  if (folder === undefined) return inMemory(make);
  const path = join(folder, key + ENDING);
  const known = readCached(path, key);
  if (typeof known === "object") return known;
  if (known) warn?.(`${path}: ${known}; made again`);
  let sink: CacheFile;
  try {
    makeFolder(folder);
    sink = new CacheFile(path, key);
  } catch (error) {
    warn?.(`${folder}: nothing can be kept there (${(error as NodeJS.ErrnoException).code ?? error}); --cache FOLDER names another place`);
    return inMemory(make);
  }
  let read: PackedFrames | string;
  try {
    read = (await sink.fill(make)) ?? sink.read();
  } finally {
    sink.close();
  }
  prune(folder, path);
  if (typeof read === "object") return read;
  warn?.(`${path}: cannot be kept (${read})`);
  return inMemory(make);
}

async function inMemory(make: FrameCacheRequest["make"]): Promise<PackedFrames> {
  const builder = new PackedIndexBuilder();
  const parts: Uint8Array[] = [];
  await make((recording) => { parts.push(builder.add(recording)); }, (line) => builder.note(line));
  const buffer = new SharedArrayBuffer(parts.reduce((sum, part) => sum + part.length, 0));
  const bytes = new Uint8Array(buffer);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { buffer, base: 0, index: builder.index() };
}

/** The file while it is written, under another name beside its own. It stays open until it was read back, so that another
 *  process may remove it meanwhile. */
class CacheFile {
  private readonly partial: string;
  private readonly handle: number;
  private readonly hash = createHash("sha256");
  private readonly builder = new PackedIndexBuilder();
  private at = HEADER_BYTES;
  private named = false;

  constructor(private readonly path: string, private readonly key: string) {
    this.partial = partialName(path);
    this.handle = openSync(this.partial, "w+");
  }

  /** @returns why it could not be written; the errors of `make` are thrown */
  async fill(make: FrameCacheRequest["make"]): Promise<string | undefined> {
    let failed: string | undefined;
    await make((recording) => {
      const bytes = this.builder.add(recording);
      failed ??= this.attempt(() => this.append(bytes));
    }, (line) => this.builder.note(line));
    return failed ?? this.attempt(() => {
      this.finish();
      renameSync(this.partial, this.path);
      this.named = true;
    });
  }

  /** What was written, or what is wrong with it. */
  read(): PackedFrames | string {
    return readPacked(this.handle, this.path, this.key);
  }

  /** Closes the file, which goes where it has not got its name. */
  close(): void {
    closeSync(this.handle);
    if (!this.named) rmSync(this.partial, { force: true });
  }

  private attempt(write: () => void): string | undefined {
    try {
      write();
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  private append(bytes: Uint8Array): void {
    this.hash.update(bytes);
    for (let done = 0; done < bytes.length;) done += writeSync(this.handle, bytes, done, bytes.length - done, this.at + done);
    this.at += bytes.length;
  }

  private finish(): void {
    const index = new TextEncoder().encode(JSON.stringify(this.builder.index()));
    const tail = new DataView(new ArrayBuffer(TAIL_BYTES));
    tail.setBigUint64(0, BigInt(index.length), true);
    this.append(index);
    this.append(new Uint8Array(tail.buffer));
    const header = headerBytes({ ...FRAME_CACHE, sha256: this.hash.digest("hex"), parents: { key: this.key } }, HEADER_BYTES);
    writeSync(this.handle, header, 0, header.length, 0);
    fsyncSync(this.handle);
  }
}

/** @returns the set; "" where there is none; else what is wrong with the file */
function readCached(path: string, key: string): PackedFrames | string {
  let handle: number;
  try {
    handle = openSync(path, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? "" : String(code ?? error);
  }
  try {
    const read = readPacked(handle, path, key);
    if (typeof read === "object") touch(path);
    return read;
  } finally {
    closeSync(handle);
  }
}

/** Reads the set from an open file. @returns the set, or what is wrong with it */
function readPacked(handle: number, path: string, key: string): PackedFrames | string {
  try {
    const { size } = fstatSync(handle);
    const buffer = new SharedArrayBuffer(size);
    const bytes = new Uint8Array(buffer);
    for (let at = 0; at < size;) {
      const got = readSync(handle, bytes, at, Math.min(size - at, 2 ** 30), at);
      if (got === 0) return "it was cut while it was read";
      at += got;
    }
    const { header, payloadOffset } = readHeader(bytes.slice(0, HEADER_BYTES), path);
    const problem = wrongHeader(header, payloadOffset, key) ?? (createHash("sha256").update(bytes.subarray(payloadOffset)).digest("hex") === header.sha256
      ? undefined : "its content does not match its SHA-256");
    if (problem) return problem;
    const indexBytes = Number(new DataView(buffer).getBigUint64(size - TAIL_BYTES, true));
    const index = JSON.parse(new TextDecoder().decode(bytes.slice(size - TAIL_BYTES - indexBytes, size - TAIL_BYTES))) as PackedIndex;
    const end = size - TAIL_BYTES - indexBytes - payloadOffset;
    if (index.rows.some(([, , at, entries, wide]) => at + packedBytes(index.shape[0], entries, wide) > end)) return "its index points outside";
    return { buffer, base: payloadOffset, index };
  } catch (error) {
    return error instanceof Error ? error.message.split("\n")[0] : String(error);
  }
}

function wrongHeader(header: FileHeader, payloadOffset: number, key: string): string | undefined {
  if (header.kind !== FRAME_CACHE.kind || header.formatVersion !== FRAME_CACHE.formatVersion) return `it is a ${header.kind} of version ${header.formatVersion}`;
  if (header.parents.key !== key || payloadOffset !== HEADER_BYTES) return "it is another set's";
  return undefined;
}

/** Marks a set as used, for `prune`; where that is not allowed nothing is lost. */
function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // A cache on a read-only disk is still a cache.
  }
}
