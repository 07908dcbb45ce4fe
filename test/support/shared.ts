import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Root of the repository, as an absolute path that ends with a slash. */
export const repositoryRoot = fileURLToPath(new URL("../../", import.meta.url));

/** Absolute path of a file in the folder `shared` that may lie beside the repository. */
export const sharedPath = (relative: string): string =>
  fileURLToPath(new URL(`../../../shared/${relative}`, import.meta.url));

/** True where that folder exists: tests that hold us against golden files are skipped visibly elsewhere. */
export const hasShared = existsSync(sharedPath("golden/README.md"));

/** Parses a JSON file of the shared folder. */
export const readShared = <T = unknown>(relative: string): T =>
  JSON.parse(readFileSync(sharedPath(relative), "utf8")) as T;
