import { userError } from "../../src/base/errors.js";
import { type ProgramConstants, TABLE_MAGIC, TABLE_SYMBOL, TABLE_VERSION, TABLE_WORDS } from "./constants.js";
import { tableBytes } from "./emit-c.js";

/** Layout of ELF32, little-endian. Source: System V ABI, "Object Files". */
const ELF_MAGIC = 0x464c457f;
const ELF_CLASS_32_LITTLE = 0x0101;
const HEADER = { class: 4, sectionOffset: 32, sectionSize: 46, sectionCount: 48, bytes: 52 } as const;
const SECTION = { type: 4, address: 12, offset: 16, size: 20, link: 24, bytes: 40 } as const;
/** Ours have nine. */
const SECTIONS_MAX = 64;
const SYMBOL = { name: 0, value: 4, section: 14, bytes: 16 } as const;
const SECTION_TYPE_SYMBOLS = 2;

/** Addresses of the named symbols, and where in the file a symbol's bytes stand. */
export interface ElfSymbols {
  /** Address of a symbol. @throws E-PROG-003 where there is none of that name */
  address(name: string): number;
  /** Offset in the file of a symbol that has bytes there. @throws E-PROG-003 */
  fileOffset(name: string): number;
}

const damaged = (found: string) => userError({
  code: "E-PROG-003", at: "machine code of the embedded program", found,
  limit: "a 32-bit ELF of hw/embedded with its symbol table",
  hint: "compile the network again, or rebuild the ELF with node hw/embedded/build-elf.mjs",
});

/** Reads the symbol table of a 32-bit little-endian ELF. @throws E-PROG-003 where it is damaged or is something else */
export function elfSymbols(elf: Uint8Array): ElfSymbols {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const isElf = elf.length >= HEADER.bytes && view.getUint32(0, true) === ELF_MAGIC;
  if (!isElf || view.getUint16(HEADER.class, true) !== ELF_CLASS_32_LITTLE) {
    throw damaged(`${elf.length} bytes that are not one`);
  }
  try {
    return readSymbols(view);
  } catch (error) {
    if (error instanceof RangeError) throw damaged("an offset that points outside the file");
    throw error;
  }
}

function readSymbols(view: DataView): ElfSymbols {
  const sectionOffset = view.getUint32(HEADER.sectionOffset, true);
  const sectionSize = view.getUint16(HEADER.sectionSize, true);
  const section = (k: number, field: number): number =>
    view.getUint32(sectionOffset + k * sectionSize + field, true);
  const symbols = new Map<string, { readonly value: number; readonly section: number }>();
  const count = view.getUint16(HEADER.sectionCount, true);
  if (sectionSize !== SECTION.bytes || count > SECTIONS_MAX) {
    throw damaged(`${count} sections with headers of ${sectionSize} bytes`);
  }
  for (let k = 0; k < count; k++) {
    if (section(k, SECTION.type) !== SECTION_TYPE_SYMBOLS) continue;
    const names = section(section(k, SECTION.link), SECTION.offset);
    const first = section(k, SECTION.offset);
    for (let at = first; at < first + section(k, SECTION.size); at += SYMBOL.bytes) {
      symbols.set(cString(view, names + view.getUint32(at + SYMBOL.name, true)), {
        value: view.getUint32(at + SYMBOL.value, true), section: view.getUint16(at + SYMBOL.section, true),
      });
    }
  }
  const find = (name: string) => {
    const symbol = symbols.get(name);
    if (symbol === undefined) throw damaged(`no symbol ${name}`);
    return symbol;
  };
  return {
    address: (name) => find(name).value,
    fileOffset(name) {
      const symbol = find(name);
      if (symbol.section >= count) throw damaged(`symbol ${name} without a section`);
      return section(symbol.section, SECTION.offset) + symbol.value - section(symbol.section, SECTION.address);
    },
  };
}

function cString(view: DataView, at: number): string {
  let text = "";
  for (let k = at; view.getUint8(k) !== 0; k++) text += String.fromCharCode(view.getUint8(k));
  return text;
}

/** A copy of the ELF with the program's constants in its table.
 *  @throws E-PROG-001, E-PROG-002 for the constants, E-PROG-003 where the ELF has no such table */
export function fillConstants(elf: Uint8Array, program: ProgramConstants): Uint8Array {
  const offset = elfSymbols(elf).fileOffset(TABLE_SYMBOL);
  const filled = elf.slice();
  const view = new DataView(filled.buffer);
  if (offset < 0 || offset + 4 * TABLE_WORDS > elf.length) throw damaged("a constant table outside the file");
  if (view.getInt32(offset, true) !== TABLE_MAGIC || view.getInt32(offset + 4, true) !== TABLE_VERSION) {
    throw damaged("a constant table of another version");
  }
  filled.set(tableBytes(program), offset);
  return filled;
}
