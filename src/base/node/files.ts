import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { userError } from "../errors.js";

const reasonOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "no permission";
  if (code === "EISDIR") return "it is a folder, not a file";
  if (code === "ENOTDIR") return "a part of the path is a file, not a folder";
  return code ?? String(error);
};

/** Reads a whole file. @throws UserError E-FILE-010 that names it */
export function readFileBytes(path: string): Uint8Array {
  try {
    const buffer = readFileSync(path);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (error) {
    throw userError({ code: "E-FILE-010", at: path, found: `cannot be read: ${reasonOf(error)}`, hint: "check the path" });
  }
}

/** Reads a whole text file (UTF-8). @throws UserError E-FILE-010 */
export const readFileText = (path: string): string => new TextDecoder().decode(readFileBytes(path));

/** True where the path is a folder. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false; // a part of the path is a file
  }
}

/** Makes a folder and what is missing above it. Node's own recursive form does not return below /proc. */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  mkdirSync(path);
}

/** Writes a file whole or not at all: to a neighbor first, flushed, then renamed. Makes missing folders.
 *  @throws UserError E-FILE-011 */
export function writeWhole(path: string, content: Uint8Array | string): void {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const partial = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
  try {
    makeFolder(dirname(path));
    const handle = openSync(partial, "w");
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(partial, path);
  } catch (error) {
    if (existsSync(partial)) rmSync(partial);
    throw userError({ code: "E-FILE-011", at: path, found: `cannot be written: ${reasonOf(error)}` });
  }
}

/** Writes a folder of files whole or not at all; an existing folder of the same name is replaced only where
 *  `mayReplace` says that it is one of ours.
 *  @throws UserError E-FILE-012 where something else is in the way */
export function writeFolderWhole(
  path: string,
  files: Readonly<Record<string, Uint8Array | string>>,
  mayReplace: (path: string) => boolean,
): void {
  let exists = false;
  try {
    exists = statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw userError({ code: "E-FILE-011", at: path, found: `cannot be written: ${reasonOf(error)}` });
  }
  if (exists && !mayReplace(path)) {
    throw userError({ code: "E-FILE-012", at: path, found: "something else is there already", hint: "name another folder with -o" });
  }
  const partial = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
  const old = `${partial}.old`;
  try {
    for (const [name, content] of Object.entries(files)) writeWhole(join(partial, name), content);
    if (exists) renameSync(path, old);
    renameSync(partial, path);
  } finally {
    rmSync(partial, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}
