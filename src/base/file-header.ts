import { concatBytes, sha256Hex } from "./bytes.js";
import { userError } from "./errors.js";

/** The header every file of ours starts with: what it is, which version, and of what it was made. */
export interface FileHeader {
  /** e.g. `checkpoint`, `chip-image`, `trace`, `taught-state`. */
  readonly kind: string;
  readonly formatVersion: number;
  /** SHA-256 of the payload. */
  readonly sha256: string;
  /** Name → SHA-256 of what the payload was made from. */
  readonly parents: Readonly<Record<string, string>>;
  /** Start of the SHA-256 of the header without this field, so that damage to the header is found too. */
  readonly check: string;
}

const MAGIC = new TextEncoder().encode("metaloihi\n");
const LENGTH_BYTES = 4;
const HEADER_LIMIT_BYTES = 65_536;

const CHECK_DIGITS = 16;
const OLD_HEADER_KEYS = "formatVersion kind parents sha256";
const HEADER_KEYS = `check ${OLD_HEADER_KEYS}`;
type Unchecked = Omit<FileHeader, "check">;

/** Kind → how a file of it is made anew. */
const MAKE_AGAIN: Readonly<Record<string, string>> = {
  checkpoint: "train again: `train CONFIG --out DIR`",
  "chip-image": "compile again: `compile CHECKPOINT -o BUNDLE`",
  "taught-state": "teach again: `teach BUNDLE --class NAME=FILE -o TAUGHT`",
  trace: "run again: `replay BUNDLE --trace FILE`",
};

/** Text of a header without its check. */
function canonicalText({ kind, formatVersion, parents, sha256 }: Unchecked): string {
  return JSON.stringify({ kind, formatVersion, parents, sha256 });
}

const checkOf = (header: Unchecked): string =>
  sha256Hex(new TextEncoder().encode(canonicalText(header))).slice(0, CHECK_DIGITS);

const headerText = (header: Unchecked): string => canonicalText(header).replace(/\}$/, `,"check":"${checkOf(header)}"}`);

/** Wraps a payload: magic `metaloihi\n`, header length (u32, little-endian), header as JSON, payload. */
export function withHeader(
  header: Omit<Unchecked, "sha256">,
  payload: Uint8Array,
): Uint8Array {
  const text = new TextEncoder().encode(headerText({ ...header, sha256: sha256Hex(payload) }));
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, text.length, true);
  return concatBytes([MAGIC, length, text, payload]);
}

/** A header by itself, filled with blanks to `bytes`: for files whose hash is known only once their payload is written.
 *  The payload then stands at byte `bytes`. */
export function headerBytes(header: Unchecked, bytes: number): Uint8Array {
  const text = new TextEncoder().encode(headerText(header).padEnd(bytes - MAGIC.length - LENGTH_BYTES, " "));
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, text.length, true);
  return concatBytes([MAGIC, length, text]);
}

/** Reads the header alone; the payload is not checked.
 *  @throws UserError E-FILE-001 where the file is not ours or its header is damaged, E-FILE-004 where an older version wrote it */
export function readHeader(bytes: Uint8Array, fileName: string): { header: FileHeader; payloadOffset: number } {
  const damaged = (found: string) =>
    userError({ code: "E-FILE-001", at: fileName, found, hint: "take an undamaged copy, or make the file again (recordings: `data info`)" });
  const start = MAGIC.length + LENGTH_BYTES;
  if (bytes.length < start || MAGIC.some((b, k) => bytes[k] !== b)) throw damaged("not a metaloihi file");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  if (length > HEADER_LIMIT_BYTES || start + length > bytes.length) throw damaged("the header is cut short");
  let header: FileHeader;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(start, start + length)));
  } catch {
    throw damaged("the header is damaged");
  }
  if (
    typeof header !== "object" || header === null || typeof header.kind !== "string" ||
    typeof header.formatVersion !== "number" || typeof header.sha256 !== "string" ||
    typeof header.parents !== "object" || header.parents === null
  ) {
    throw damaged("the header is damaged");
  }
  const text = new TextDecoder().decode(bytes.subarray(start, start + length)).trimEnd();
  const keys = Object.keys(header).sort().join(" ");
  // Whole, but for the check, which headers did not always have: no damage to a checked header comes out so.
  if (keys === OLD_HEADER_KEYS && text === JSON.stringify(header)) {
    throw userError({
      code: "E-FILE-004", at: fileName, found: `a ${header.kind} written by an older version of metaloihi, before headers had a check`,
      limit: "files of this version", hint: MAKE_AGAIN[header.kind] ?? "make the file again with this version",
    });
  }
  const known = keys === HEADER_KEYS && header.check === checkOf(header);
  // Nothing twice, nothing beside the fields, no blanks: whatever was changed shows.
  if (!known || text !== JSON.stringify(header)) throw damaged("the header is damaged");
  return { header, payloadOffset: start + length };
}

/** Unwraps a file of a known kind and version, and checks its hash.
 *  @throws UserError E-FILE-001 (not ours), E-FILE-002 (another kind or version), E-FILE-003 (content damaged),
 *  E-FILE-004 (written by an older version) */
export function unwrapFile(
  bytes: Uint8Array,
  expected: { readonly kind: string; readonly formatVersion: number },
  fileName: string,
): { header: FileHeader; payload: Uint8Array } {
  const { header, payloadOffset } = readHeader(bytes, fileName);
  if (header.kind !== expected.kind || header.formatVersion !== expected.formatVersion) {
    throw userError({
      code: "E-FILE-002", at: fileName,
      found: `a ${header.kind} of format version ${header.formatVersion}`,
      limit: `a ${expected.kind} of format version ${expected.formatVersion}`,
    });
  }
  const payload = bytes.subarray(payloadOffset);
  if (sha256Hex(payload) !== header.sha256) {
    throw userError({
      code: "E-FILE-003", at: fileName,
      found: `the content (${payload.length} bytes from byte ${payloadOffset}) does not match its SHA-256`,
      hint: "take an undamaged copy, or make the file again",
    });
  }
  return { header, payload };
}
