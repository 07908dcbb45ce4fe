/** Reads one number at a byte. */
export type NumberReader = (view: DataView, at: number) => number;

/** How numbers of a type are read, by NumPy's name of it. */
export const READERS: Readonly<Record<string, (little: boolean) => NumberReader>> = {
  b1: () => (v, at) => v.getUint8(at),
  i1: () => (v, at) => v.getInt8(at),
  u1: () => (v, at) => v.getUint8(at),
  i2: (little) => (v, at) => v.getInt16(at, little),
  u2: (little) => (v, at) => v.getUint16(at, little),
  i4: (little) => (v, at) => v.getInt32(at, little),
  u4: (little) => (v, at) => v.getUint32(at, little),
  i8: (little) => (v, at) => v.getUint32(at + (little ? 0 : 4), little) + v.getInt32(at + (little ? 4 : 0), little) * 2 ** 32,
  u8: (little) => (v, at) => v.getUint32(at + (little ? 0 : 4), little) + v.getUint32(at + (little ? 4 : 0), little) * 2 ** 32,
  f4: (little) => (v, at) => v.getFloat32(at, little),
  f8: (little) => (v, at) => v.getFloat64(at, little),
};
