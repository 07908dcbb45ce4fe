import { RANGE, WIDTH } from "./limits.js";

/** One compartment's configuration as `CoreImage.compartments` packs it. */
export interface CompartmentConfig {
  /** bias = biasMant·2^biasExp; −4096…4095, 0…7. */
  readonly biasMant: number;
  readonly biasExp: number;
  /** Index into `vthProfiles`, 0…7. */
  readonly vthProfile: number;
  /** Index into `compartmentProfiles`, 0…31. */
  readonly profile: number;
}

const FIELD_BITS = { biasMant: WIDTH.biasMant, biasExp: WIDTH.biasExp, vthProfile: 3, profile: 5 } as const;
const SHIFT = { biasMant: 0, biasExp: FIELD_BITS.biasMant, vthProfile: 16, profile: 19 } as const;

/** Bits of a compartment word that carry anything; the others are 0. */
export const COMPARTMENT_WORD_BITS = 24;

const mask = (bits: number) => 2 ** bits - 1;

/** Packs into 24 bits: bias mantissa (13, two's complement) at bit 0, exponent (3) at 13, vth profile (3) at 16,
 *  compartment profile (5) at 19. Layout is ours.
 *  @throws RangeError where a field does not fit (compiler bug) */
export function packCompartment(config: CompartmentConfig): number {
  const { biasMant, biasExp, vthProfile, profile } = config;
  if (
    biasMant < RANGE.biasMant[0] || biasMant > RANGE.biasMant[1] || biasExp < 0 || biasExp > RANGE.biasExp[1] ||
    vthProfile < 0 || vthProfile > mask(FIELD_BITS.vthProfile) || profile < 0 || profile > mask(FIELD_BITS.profile)
  ) {
    throw new RangeError(`compiler bug: compartment ${JSON.stringify(config)} does not fit its word`);
  }
  return (
    ((biasMant & mask(FIELD_BITS.biasMant)) |
      (biasExp << SHIFT.biasExp) | (vthProfile << SHIFT.vthProfile) | (profile << SHIFT.profile)) >>> 0
  );
}

/** The fields of a compartment word. */
export function unpackCompartment(word: number): CompartmentConfig {
  const signed = 32 - FIELD_BITS.biasMant;
  return {
    biasMant: (word << signed) >> signed,
    biasExp: (word >>> SHIFT.biasExp) & mask(FIELD_BITS.biasExp),
    vthProfile: (word >>> SHIFT.vthProfile) & mask(FIELD_BITS.vthProfile),
    profile: (word >>> SHIFT.profile) & mask(FIELD_BITS.profile),
  };
}
