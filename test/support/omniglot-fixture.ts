import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Rng } from "../../src/base/rng.js";
import { encodeEvents, type EventStream } from "../../src/events/index.js";

/** Unix time of the first recording, as DV writes it. */
export const EPOCH_US = 1_600_000_000_000_000;
const DRAWERS = 20;
const PAUSE_US = 2_000_000;

/** One drawer's strokes: a dot that moves, four seconds long, on a DAVIS346; no two characters move alike. */
function strokes(character: number, drawer: number): { t: number; x: number; y: number; on: number }[] {
  const rng = new Rng(character, 0x20010, drawer);
  return Array.from({ length: 80 }, (_, k) => ({
    t: k * 50_000, x: Math.min(345, 20 + ((character * 37 + k * (1 + (character % 5))) % 320) + rng.below(6)),
    y: Math.min(259, 10 + ((character * 53 + k * 3) % 240) + rng.below(6)), on: k % 2,
  }));
}

/** Writes a small N-Omniglot in the layout of the public set: `characters` of one alphabet a part.
 *  @param parts  folder of the part → alphabets → how many characters */
export async function writeOmniglot(root: string, parts: Readonly<Record<string, Readonly<Record<string, number>>>>): Promise<void> {
  let id = 0;
  for (const [part, alphabets] of Object.entries(parts)) {
    for (const [alphabet, count] of Object.entries(alphabets)) {
      for (let c = 1; c <= count; c++) {
        const folder = join(root, part, alphabet, `character${String(c).padStart(2, "0")}`);
        mkdirSync(folder, { recursive: true });
        const name = String(++id).padStart(4, "0");
        const all: ReturnType<typeof strokes> = [];
        const rows = [",start,end"];
        let at = EPOCH_US;
        for (let drawer = 0; drawer < DRAWERS; drawer++) {
          const own = strokes(id, drawer);
          // An event of nobody's stands before each drawing.
          all.push({ t: at - 1000, x: 0, y: 0, on: 0 }, ...own.map((e) => ({ ...e, t: e.t + at })));
          const end = at + own[own.length - 1].t + 1;
          rows.push(`${drawer},${at},${end}`);
          at = end + PAUSE_US;
        }
        writeFileSync(join(folder, `${name}.aedat4`), await encodeEvents(streamOf(all), "aedat4", name));
        writeFileSync(join(folder, `${name}.csv`), `${rows.join("\n")}\n`);
      }
    }
  }
}

const streamOf = (events: readonly { t: number; x: number; y: number; on: number }[]): EventStream => ({
  tUs: Float64Array.from(events, (e) => e.t), x: Uint16Array.from(events, (e) => e.x), y: Uint16Array.from(events, (e) => e.y),
  polarity: Uint8Array.from(events, (e) => e.on), width: 346, height: 260,
});
