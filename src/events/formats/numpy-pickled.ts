import type { EventColumns } from "../columns.js";
import type { SensorSize } from "../decoder.js";
import type { Problems } from "../problems.js";
import { eventsFromNumbers, type NamedColumn } from "./named-columns.js";
import { READERS } from "./numpy-types.js";
import { PickledArray, type PickledValue, PickleError, readPickle } from "./pickle.js";

/** Kind and bytes of a number in NumPy's name of its type. */
const TYPE_NAME = /^([biufbV?])(\d+)$/;

/** Events of a pickled `.npy`: an object array that holds one dictionary of columns t, x, y, p.
 *  Source: reference/event-formats.md, N-Omniglot (`np.load(allow_pickle=True).item()`).
 *  @param from  where the pickle begins  @throws through `problems` */
export function eventsFromPickle(bytes: Uint8Array, from: number, offset: number, problems: Problems, out: EventColumns): SensorSize | undefined {
  let value: PickledValue;
  try {
    value = readPickle(bytes, from);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    problems.fail(error.message.includes("cut short") ? "E-EVT-002" : "E-EVT-009", offset + error.at, {
      found: `a pickled Python object with ${error.message}`, limit: "a dictionary of arrays t, x, y, p",
      hint: "np.savez(t=…, x=…, y=…, p=…), which needs no pickle",
    });
  }
  const columns = dictionariesOf(value).map((d) => columnsOf(d, offset + from, problems));
  if (columns.length !== 1) {
    problems.fail("E-EVT-005", offset + from, {
      found: `${columns.length} dictionaries in a pickled Python object`, limit: "one, of arrays t, x, y, p", hint: "one recording a file",
    });
  }
  return eventsFromNumbers(columns[0], offset + from, problems, out);
}

function dictionariesOf(value: PickledValue): readonly Map<PickledValue, PickledValue>[] {
  if (value instanceof Map) return [value];
  const items = value instanceof PickledArray ? (value.items ?? []) : Array.isArray(value) ? value : [];
  return items.filter((item) => item instanceof Map);
}

function columnsOf(dictionary: ReadonlyMap<PickledValue, PickledValue>, at: number, problems: Problems): readonly NamedColumn[] {
  return [...dictionary].flatMap(([key, value]) => {
    const name = typeof key === "string" ? key : key instanceof Uint8Array ? new TextDecoder().decode(key.slice()) : undefined;
    const values = name === undefined ? undefined : numbersOf(value, at, problems);
    return name !== undefined && values ? [{ name, at, values }] : [];
  });
}

/** The numbers of an array or a list; undefined where it holds other things. */
function numbersOf(value: PickledValue, at: number, problems: Problems): Float64Array | undefined {
  // An item that is no number makes an impossible event, which is told; objects may hold each other, so none is looked into.
  const number = (item: PickledValue): number => {
    if (item instanceof PickledArray && !item.items) return numbersOf(item, at, problems)?.[0] ?? Number.NaN;
    return typeof item === "number" || typeof item === "bigint" || typeof item === "boolean" ? Number(item) : Number.NaN;
  };
  if (Array.isArray(value)) return Float64Array.from(value, number);
  if (!(value instanceof PickledArray)) return undefined;
  if (value.items) return Float64Array.from(value.items, number);
  const type = TYPE_NAME.exec(value.dtype.name);
  const read = type && READERS[type[1].replace("?", "b") + type[2]];
  if (!read) return undefined;
  const each = Number(type[2]);
  const count = value.shape.reduce((a, b) => a * b, 1);
  if (count * each !== value.bytes.length) {
    problems.fail("E-EVT-006", at, { found: `an array of ${count} numbers in ${value.bytes.length} bytes of a pickled Python object` });
  }
  const view = new DataView(value.bytes.buffer, value.bytes.byteOffset, value.bytes.byteLength);
  const get = read(value.dtype.order !== ">");
  return Float64Array.from({ length: count }, (_, i) => get(view, i * each));
}
