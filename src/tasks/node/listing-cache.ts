import { join } from "node:path";
import { readFileBytes, writeWhole } from "../../base/node/files.js";
import { unwrapFile, withHeader } from "../../base/file-header.js";

/** Kind and version of the file; the version also changes where readers find other things in a file than before. */
const LISTING = { kind: "recording-listing", formatVersion: 1 } as const;

/** What was found in a set's files (sizes, spans, problems), from the cache or looked for now and kept.
 *  @param folder  the cache's; nothing is kept where undefined
 *  @param key  SHA-256 of everything that the answer depends on */
export async function cachedListing<T extends object>(folder: string | undefined, key: string, make: () => Promise<T>): Promise<T> {
  if (folder === undefined) return make();
  const path = join(folder, `${key}.listing.mlh`);
  try {
    const { header, payload } = unwrapFile(readFileBytes(path), LISTING, path);
    if (header.parents.key === key) return JSON.parse(new TextDecoder().decode(payload)) as T;
  } catch {
    // None there, or a damaged one: it is made again.
  }
  const made = await make();
  try {
    writeWhole(path, withHeader({ ...LISTING, parents: { key } }, new TextEncoder().encode(JSON.stringify(made))));
  } catch {
    // The caller hears of the folder when it keeps the frames.
  }
  return made;
}
