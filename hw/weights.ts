import type { SynapseFormat } from "./image.js";
import { INDEX_BITS_BY_CODE, RANGE, WEIGHT_BITS_BY_CODE, WEIGHT_EXP_BASE } from "./limits.js";

/** Grid of the mantissas of a format: multiples of `step` in [min, max]. */
export interface MantissaGrid {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** log2(step) */
  readonly lsb: number;
}

/** Register code of `bits` (1…6, 8; 7 is stored as 8). @throws RangeError elsewhere */
export function weightBitsCode(bits: number): number {
  const stored = bits === 7 ? 8 : bits;
  const code = WEIGHT_BITS_BY_CODE.indexOf(stored as 8);
  if (code < 1) throw new RangeError(`compiler bug: no weight format of ${bits} bits`);
  return code;
}

/** Smallest register code whose index field holds `maxIndex`. @throws RangeError beyond 12 bits */
export function indexBitsCode(maxIndex: number): number {
  const code = INDEX_BITS_BY_CODE.findIndex((bits) => bits > 0 && maxIndex < 2 ** bits);
  if (code < 0) throw new RangeError(`compiler bug: no index format for ${maxIndex}`);
  return code;
}

/** Grid of weights stored in `bits` with a sign mode (1 mixed, 2 excitatory, 3 inhibitory).
 *  Inhibitory ends at −255 (Lava), where Brian2Loihi and lava-dl allow −256: the range safe in all.  loihi-facts §2.1. */
export function mantissaGrid(bits: number, fanoutType: 1 | 2 | 3): MantissaGrid {
  const key = bits * 4 + fanoutType;
  return (GRIDS[key] ??= makeGrid(bits, fanoutType));
}

/** Grids made so far: packing asks for one a synapse. */
const GRIDS: MantissaGrid[] = [];

function makeGrid(bits: number, fanoutType: 1 | 2 | 3): MantissaGrid {
  const stored = bits === 7 ? 8 : bits;
  const lsb = 8 - stored + (fanoutType === 1 ? 1 : 0);
  const step = 2 ** lsb;
  if (fanoutType === 1) return { min: RANGE.weight[0], max: 256 - step, step, lsb };
  const top = 256 - step;
  return fanoutType === 2 ? { min: 0, max: top, step, lsb } : { min: -top, max: 0, step, lsb };
}

/** True where the mantissa can be stored exactly. */
export const isRepresentable = (mantissa: number, grid: MantissaGrid): boolean =>
  Number.isInteger(mantissa) && mantissa >= grid.min && mantissa <= grid.max && mantissa % grid.step === 0;

/** The bits that store a mantissa: mixed in two's complement, excitatory and inhibitory as a magnitude.
 *  @throws RangeError where it is not representable (compiler bug) */
export function encodeMantissa(mantissa: number, bits: number, fanoutType: 1 | 2 | 3): number {
  const grid = mantissaGrid(bits, fanoutType);
  if (!isRepresentable(mantissa, grid)) {
    throw new RangeError(
      `compiler bug: mantissa ${mantissa} is not on the grid ${grid.min}…${grid.max} step ${grid.step}`,
    );
  }
  const units = (fanoutType === 3 ? -mantissa : mantissa) / grid.step;
  return units & (2 ** bits - 1);
}

/** The mantissa that the stored bits mean. */
export function decodeMantissa(code: number, bits: number, fanoutType: 1 | 2 | 3): number {
  const lsb = 8 - bits + (fanoutType === 1 ? 1 : 0);
  if (fanoutType === 1) return ((code << (32 - bits)) >> (32 - bits)) * 2 ** lsb;
  const magnitude = code * 2 ** lsb;
  return fanoutType === 2 ? magnitude : -magnitude + 0;
}

const WEIGHT_ONE = 2 ** WEIGHT_EXP_BASE;
/** 2^wgtExp for −8…7: this runs once a synapse, powers would be slow. */
const EXP_SCALE = Float64Array.from({ length: RANGE.wgtExp[1] - RANGE.wgtExp[0] + 1 }, (_, k) => 2 ** (k + RANGE.wgtExp[0]));

/** floor(mantissa·2^wgtExp)·64, each synapse by itself: −2^21…2^21 − 64.  Design §4, as nengo-loihi adds them; Brian2Loihi
 *  limits the lowest, −256·2^7, to −(2^21 − 64). */
export const effectiveWeight = (mantissa: number, wgtExp: number): number => weightUnits(mantissa, wgtExp) * WEIGHT_ONE;

/** An effective weight in units of 64, its low six bits being 0: fits 16 bits signed. */
export function weightUnits(mantissa: number, wgtExp: number): number {
  return Math.floor(mantissa * EXP_SCALE[wgtExp - RANGE.wgtExp[0]]);
}

/** Stored bits of the fields of a format's synapse. */
export function formatBits(format: SynapseFormat): { weight: number; index: number; perSynapse: number } {
  const weight = WEIGHT_BITS_BY_CODE[format.wgtBitsCode];
  const index = INDEX_BITS_BY_CODE[format.idxBitsCode];
  const address = format.compression === "sparse" ? index : format.compression === "runlength" ? format.skipBits : 0;
  return { weight, index, perSynapse: weight + format.dlyBits + format.tagBits + address };
}
