/** Bytes as Latin-1 text; never fails. */
export function latin(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < Math.min(to, bytes.length); i++) text += String.fromCharCode(bytes[i]);
  return text;
}

/** The text header of Prophesee files as key and value. Ends before the first line that is no header line; a line
 *  with bytes no header has is data that begins with 0x25 by chance. Source: reference/event-formats.md.
 *  @returns fields with lower-case keys, and where the data begin */
export function propheseeHeader(head: Uint8Array): { fields: ReadonlyMap<string, string>; dataOffset: number } {
  const fields = new Map<string, string>();
  let at = 0;
  while (head[at] === 0x25) {
    const end = head.indexOf(0x0a, at);
    if (end < 0) break;
    let text = true;
    for (let i = at; i < end && text; i++) text = (head[i] >= 0x20 && head[i] < 0x7f) || head[i] === 0x0d || head[i] === 0x09;
    if (!text) break;
    const line = latin(head, at + 1, end).trim();
    at = end + 1;
    const space = line.search(/\s/);
    const key = (space < 0 ? line : line.slice(0, space)).toLowerCase();
    fields.set(key, space < 0 ? "" : line.slice(space + 1).trim());
    if (key === "end") break;
  }
  return { fields, dataOffset: at };
}

/** Lines that begin with `#` before binary data; a line with bytes that no text has is data that begins with 0x23 by
 *  chance. */
export function hashHeader(bytes: Uint8Array): { lines: readonly string[]; dataOffset: number } {
  const lines: string[] = [];
  let at = 0;
  while (bytes[at] === 0x23) {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) break;
    let text = true;
    for (let i = at; i < end && text; i++) text = (bytes[i] >= 0x20 && bytes[i] !== 0x7f) || bytes[i] === 0x0d || bytes[i] === 0x09;
    if (!text) break;
    lines.push(latin(bytes, at, end).trim());
    at = end + 1;
  }
  return { lines, dataOffset: at };
}
