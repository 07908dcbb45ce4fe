import type { FormatName } from "./decoder.js";
import { latin, propheseeHeader } from "./detect-header.js";
import { looksLikeNmnist } from "./formats/nmnist.js";

/** Bytes of a file's start that detection may need; more is not looked at. */
export const HEAD_BYTES = 65_536;

/** What a file is, by its content; the name is asked only where the content has no mark of its own.
 *  @returns the format, or why it is none of them */
export function detectFormat(head: Uint8Array, name: string): FormatName | { readonly unknown: string } {
  const start = latin(head, 0, 128);
  if (start.startsWith("#!AER-DAT")) return aedatVersion(start);
  if (start.startsWith("Event Stream")) return "es";
  if (start.startsWith("MATLAB 5.0 MAT-file")) return "mat5";
  if (start.startsWith("MATLAB 7.3 MAT-file")) return "mat7.3";
  if (start.startsWith("\x89HDF\r\n\x1a\n")) return "hdf5";
  if (start.startsWith("\x93NUMPY")) return "npy";
  if (start.startsWith("PK\x03\x04") || start.startsWith("PK\x05\x06")) return "npz";
  if (start.startsWith("% ") || start.startsWith("%\n")) return prophesee(head, name);
  if (start.startsWith("metaloihi\n")) return { unknown: "a file that metaloihi itself wrote, and no recording" };
  if (start.startsWith("\x1f\x8b")) return { unknown: "a gzip file: unpack it first" };
  if (looksLikeText(head)) return "csv";
  if (looksLikeNmnist(head, /\.(bin|bs2)$/i.test(name))) return "nmnist";
  return { unknown: head.length === 0 ? "the file is empty" : "the content is in none of the known formats" };
}

function aedatVersion(start: string): FormatName | { readonly unknown: string } {
  const version = start.slice(9, 12);
  if (version.startsWith("2")) return "aedat2";
  if (version.startsWith("3")) return "aedat3";
  if (version.startsWith("4")) return "aedat4";
  return { unknown: `AEDAT version "${version}"` };
}

function prophesee(head: Uint8Array, name: string): FormatName | { readonly unknown: string } {
  const { fields } = propheseeHeader(head);
  const format = (fields.get("format") ?? "").toUpperCase();
  const evt = fields.get("evt") ?? "";
  if (format.startsWith("EVT21") || format.startsWith("EVT2.1") || evt.startsWith("2.1")) return "evt2.1";
  if (format.startsWith("EVT2") || evt.startsWith("2")) return "evt2";
  if (format.startsWith("EVT3") || evt.startsWith("3")) return "evt3";
  if (format !== "" || evt !== "") return { unknown: `Prophesee format "${format || evt}"` };
  if (fields.has("version") || [...fields.keys()].includes("data") || /\.dat$/i.test(name)) return "dat";
  const plugin = fields.get("plugin_name") ?? "";
  if (plugin.includes("gen4") || plugin.includes("imx636")) return "evt3";
  if (plugin !== "" || fields.has("integrator_name")) return "evt2";
  return { unknown: "a header of % lines that names no format" };
}

/** Text of numbers: printable, and the first line that is no comment has a separator of columns. */
function looksLikeText(head: Uint8Array): boolean {
  const sample = head.subarray(0, 4096);
  if (sample.length < 4) return false;
  for (const b of sample) if ((b < 0x20 && b !== 9 && b !== 10 && b !== 13) || b > 0x7e) return false;
  return /[0-9a-zA-Z"][ \t]*[,;\t ][ \t]*[-+0-9a-zA-Z"]/.test(latin(sample, 0, sample.length));
}
