import { userError } from "../base/errors.js";
import type { FormatName } from "./decoder.js";
import { encodeAedat2 } from "./formats/aedat2.js";
import { encodeAedat3 } from "./formats/aedat3.js";
import { encodeAedat4 } from "./formats/aedat4-writer.js";
import { encodeCsv } from "./formats/csv.js";
import { encodeDat } from "./formats/dat.js";
import { encodeEventStream } from "./formats/event-stream.js";
import { encodeEvt2 } from "./formats/evt2.js";
import { encodeEvt21 } from "./formats/evt21.js";
import { encodeEvt3 } from "./formats/evt3.js";
import { encodeHdf5 } from "./formats/hdf5.js";
import { encodeMat5 } from "./formats/mat5.js";
import { encodeNmnist } from "./formats/nmnist.js";
import { encodeNpy } from "./formats/numpy.js";
import { encodeNpz } from "./formats/npz.js";
import type { EventStream } from "./types.js";

type Writer = (stream: EventStream, name: string) => Uint8Array | Promise<Uint8Array>;

/** Writers by format. MATLAB 7.3 has none: MATLAB reads level 5. */
const WRITERS: Readonly<Partial<Record<FormatName, Writer>>> = {
  nmnist: encodeNmnist, aedat2: encodeAedat2, aedat3: encodeAedat3, aedat4: encodeAedat4, evt2: encodeEvt2, "evt2.1": encodeEvt21,
  evt3: encodeEvt3, dat: encodeDat, es: encodeEventStream, mat5: encodeMat5, hdf5: encodeHdf5, npy: encodeNpy, npz: encodeNpz, csv: encodeCsv,
};

/** Formats that can be written. */
export const WRITABLE = Object.keys(WRITERS) as readonly FormatName[];

const BY_ENDING: Readonly<Record<string, FormatName>> = {
  bin: "nmnist", bs2: "nmnist", aedat: "aedat2", aedat4: "aedat4", raw: "evt3", dat: "dat", es: "es", mat: "mat5", h5: "hdf5", hdf5: "hdf5",
  npy: "npy", npz: "npz", csv: "csv", txt: "csv",
};

/** Format that a file name asks for by its ending; undefined where it says none. */
export const formatByEnding = (name: string): FormatName | undefined => BY_ENDING[/\.([a-z0-9]+)$/i.exec(name)?.[1].toLowerCase() ?? ""];

/** Bytes of a recording in a format. @throws UserError E-EVT-008 where the format cannot hold it without loss,
 *  E-EVT-009 where it is not written */
export async function encodeEvents(stream: EventStream, format: FormatName, name: string): Promise<Uint8Array> {
  const writer = WRITERS[format];
  if (!writer) throw userError({ code: "E-EVT-009", at: name, found: `format ${format} is read and not written`, limit: WRITABLE.join(", ") });
  return writer(stream, name);
}
