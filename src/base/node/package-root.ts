import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

let root: string | undefined;

/** Absolute path of this package's folder, from the sources as well as from the build (`dist`). */
export function packageRoot(): string {
  if (root) return root;
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === "metaloihi") {
      root = folder;
      return folder;
    }
    if (folder === dirname(folder)) throw new Error("package bug: package.json of metaloihi not found");
  }
}

/** Absolute path of a file in `src/assets`, from the sources as well as from the build. */
export const assetPath = (name: string): string => join(packageRoot(), "src", "assets", name);

/** Version of this package, from its package.json. */
export const packageVersion = (): string =>
  JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")).version as string;
