import { randomUUID } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** How the name of a cached set ends. */
export const ENDING = ".frames.mlh";
/** Cached sets beyond this are removed, the longest unused first. */
const KEPT_BYTES = 32 * 2 ** 30;
/** Half-written files that were not touched for so long have no writer any more, wherever it ran. */
const ABANDONED_MS = 3_600_000;
const HOST = hostname().replace(/[^A-Za-z0-9.-]/g, "_");

/** Name of a file while it is written: it says which process of which machine does. */
export const partialName = (path: string): string => `${path}.${process.pid}@${HOST}~${randomUUID()}.partial`;

/** Removes what killed processes left half-written, and the longest unused sets until what is left fits. */
export function prune(folder: string, keep: string): void {
  const files = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    return { name, path, bytes: stat?.size ?? 0, usedMs: stat?.mtimeMs ?? 0 };
  });
  for (const { name, path, usedMs } of files) if (isAbandoned(name, usedMs)) remove(path);
  let kept = 0;
  for (const { name, path, bytes } of files.sort((a, b) => b.usedMs - a.usedMs)) {
    if (!name.endsWith(ENDING)) continue;
    kept += bytes;
    if (kept > KEPT_BYTES && path !== keep) remove(path);
  }
}

/** True for a half-written file whose writer, a process of this machine, is gone; or that is old. */
function isAbandoned(name: string, writtenMs: number): boolean {
  if (!name.endsWith(".partial")) return false;
  const [, pid, host] = /\.(\d+)@(.+)~[0-9a-f-]+\.partial$/.exec(name) ?? [];
  return (host === HOST && !isRunning(Number(pid))) || Date.now() - writtenMs > ABANDONED_MS;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Removes a file; one that is not ours to remove stays. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Somebody else's, in a cache that several people share.
  }
}
