/** A bundle: the folder that `compile` makes and all that teaching and classifying need. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { decodeImage } from "../../hw/image-codec.js";
import type { ChipImage } from "../../hw/image.js";
import { sha256Hex } from "../base/bytes.js";
import { CheckFailed, userError } from "../base/errors.js";
import { isFolder, readFileBytes, readFileText, writeFolderWhole } from "../base/node/files.js";
import { damageOf, sumsOf, type PartSums } from "./part-sums.js";

/** Names of the parts. `image` is always there. */
export const BUNDLE_PART = {
  image: "image.mlh",
  checkpoint: "checkpoint.mlh",
  source: "program.c",
  elf: "program.elf",
  passes: "passes.json",
  estimate: "estimate.json",
  certificate: "certificate.json",
  report: "report.html",
} as const;
const MANIFEST = "manifest.json";
const FORMAT_VERSION = 1;

/** File name → content, without the manifest. */
export type BundleFiles = Readonly<Record<string, Uint8Array>>;

interface Manifest {
  readonly kind: "bundle";
  readonly formatVersion: number;
  readonly parts: Readonly<Record<string, PartSums>>;
}

export interface Bundle {
  readonly path: string;
  /** Every part as bytes, without the manifest: `writeBundle(other, { ...files, more })` makes a bundle of them. */
  readonly files: BundleFiles;
  readonly image: ChipImage;
  /** SHA-256 of the image's file. */
  readonly imageHash: string;
  /** [part] SHA-256. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** What is wrong with one part of a bundle. */
export interface BundleDamage {
  readonly part: string;
  readonly byte?: number;
  readonly found: string;
}

/** Writes a bundle whole or not at all; replaces only a folder that is a bundle, or an empty one.
 *  @returns true where a bundle was there, which this one replaced
 *  @throws UserError E-FILE-011, E-FILE-012 */
export function writeBundle(path: string, files: BundleFiles): boolean {
  const isBundle = isFolder(path) && existsSync(join(path, MANIFEST));
  const replaceable = (folder: string): boolean => isBundle || (isFolder(folder) && readdirSync(folder).length === 0);
  writeFolderWhole(path, { ...files, [MANIFEST]: manifestText(files) }, replaceable);
  return isBundle;
}

function manifestText(files: BundleFiles): string {
  const names = Object.keys(files)
    .filter((name) => name !== MANIFEST)
    .sort();
  const manifest: Manifest = {
    kind: "bundle",
    formatVersion: FORMAT_VERSION,
    parts: Object.fromEntries(names.map((name) => [name, sumsOf(files[name])])),
  };
  return `${JSON.stringify(manifest, null, 1)}\n`;
}

/** All that is wrong with the parts of a bundle, in the order of their names; empty: every hash is right.
 *  @throws UserError E-BUNDLE-001 where there is no bundle */
export function checkBundle(path: string): BundleDamage[] {
  return readParts(path).damages;
}

/** Reads a bundle and checks every hash.
 *  @throws UserError E-BUNDLE-001 where there is no bundle; CheckFailed E-BUNDLE-002 where a part is damaged: which, and
 *  the byte where that can be told; UserError E-IMAGE where the image is of another format version */
export function readBundle(path: string): Bundle {
  const { files, damages } = readParts(path);
  if (damages.length > 0) throw new CheckFailed(damages.map((damage) => damageText(path, damage)).join("\n"));
  const bytes = files[BUNDLE_PART.image];
  return {
    path,
    files,
    image: decodeImage(bytes, join(path, BUNDLE_PART.image)),
    imageHash: sha256Hex(bytes),
    hashes: Object.fromEntries(Object.entries(files).map(([name, content]) => [name, sha256Hex(content)])),
  };
}

/** One sentence for people. */
export function damageText(path: string, { part, byte, found }: BundleDamage): string {
  return (
    `${join(path, part)}: damaged${byte === undefined ? "" : ` at byte ${byte}`}: ${found}. ` +
    "Try: take an undamaged copy, or compile again [E-BUNDLE-002]"
  );
}

function readParts(path: string): { files: BundleFiles; damages: BundleDamage[] } {
  const notBundle = (found: string): never => {
    throw userError({
      code: "E-BUNDLE-001",
      at: path,
      found,
      limit: `a folder with ${MANIFEST} and ${BUNDLE_PART.image}`,
      hint: "name the folder that `compile -o` made",
    });
  };
  if (!existsSync(path)) notBundle("there is no such folder");
  if (!isFolder(path)) notBundle("a file, not a folder");
  if (!existsSync(join(path, MANIFEST))) notBundle("no bundle");
  const names = readdirSync(path)
    .filter((name) => name !== MANIFEST && !name.startsWith("."))
    .sort();
  const files = Object.fromEntries(names.map((name) => [name, readFileBytes(join(path, name))]));
  return { files, damages: damagesOf(files, readFileText(join(path, MANIFEST))) };
}

/** Holds the parts against the manifest. Where all parts bear out a manifest that differs from this one in a few places
 *  (their own sums agree), the manifest itself is what was damaged. */
function damagesOf(files: BundleFiles, text: string): BundleDamage[] {
  const expected = manifestText(files);
  if (text === expected) return [];
  let at = 0;
  while (at < text.length && text[at] === expected[at]) at++;
  const manifestDamage = { part: MANIFEST, byte: at, found: "it is not the manifest of the parts beside it" };
  const manifest = parseManifest(text);
  if (!manifest) return [manifestDamage];
  const damages: BundleDamage[] = [];
  for (const [name, sums] of Object.entries(manifest.parts)) {
    const damage = name in files ? damageOf(files[name], sums) : { found: "it is missing" };
    if (damage) damages.push({ part: name, ...damage });
  }
  for (const name of Object.keys(files))
    if (!(name in manifest.parts)) damages.push({ part: name, found: "the manifest does not name it" });
  if (!(BUNDLE_PART.image in manifest.parts)) damages.push({ part: BUNDLE_PART.image, found: "it is missing" });
  // A part whose blocks and columns are all right is whole: then the digits of its hash in the manifest are wrong.
  const whole = damages.every(({ byte, found }) => byte === undefined && found.startsWith("a SHA-256"));
  return damages.length > 0 && !whole ? damages : [manifestDamage];
}

function parseManifest(text: string): Manifest | undefined {
  try {
    const value = JSON.parse(text) as Manifest;
    const parts = Object.values(value.parts);
    const sound = parts.every(
      (p) =>
        typeof p.sha256 === "string" &&
        typeof p.blocks === "string" &&
        typeof p.columns === "string" &&
        Number.isInteger(p.bytes),
    );
    return value.kind === "bundle" && value.formatVersion === FORMAT_VERSION && sound ? value : undefined;
  } catch {
    return undefined;
  }
}
