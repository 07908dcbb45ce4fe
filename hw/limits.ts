/** The chip's numbers. Each row names its source in the public record; where sources disagree, the choice and the
 *  alternatives are said. Names as in open code (nengo-loihi, Lava). */

/** Limits of one neuro core. */
export const CORE_LIMITS = {
  /** Served in groups of 4.  D18; nengo. */
  compartments: 1024,
  /** 64-bit words of synapse memory.  D18; nengo; nxtf. */
  synapseWords: 16_384,
  /** Synapse-map entries; a learning axon takes two.  D18; nengo. */
  inputAxons: 4096,
  /** Slots; cost by kind of axon in `AXON_SLOTS`.  D18; nengo; nxtf. */
  outputAxonSlots: 4096,
  /** nengo. */
  compartmentProfiles: 32,
  /** 8 in nengo's table, 16 in its validator: the safe one. */
  vthProfiles: 8,
  /** 16 slots, slot 0 reserved.  nxtf; nengo plans 8. */
  synapseFormats: 15,
  /** nengo validator. */
  preTraceConfigs: 3,
  /** Not public; our own bound. */
  stdpProfiles: 4,
  microcodeWords: 128,
  /** Entries of the delay ring of all compartments.  nxtf. */
  dendriticAccumulators: 8192,
  /** nxtf. */
  wordsPerAxon: 256,
  synapsesPerEntry: 60,
  /** Highest start compartment an axon can point at, in units of its step; nengo ≤ 255 (nxtf caps at 15). */
  cxBase: 255,
} as const;

/** Compartments that one unit of an axon's stored cxBase stands for: a pop16 axon's start is a multiple of 4.
 *  nengo (population16MapEntry holds cxBase/4). */
export const CX_BASE_STEP = { discrete: 1, pop16: 4, pop32: 1 } as const;

/** Limits of a chip. */
export const CHIP_LIMITS = { cores: 128, tiles: 32, coresPerTile: 4, meshColumns: 8, meshRows: 4, embeddedCores: 3 } as const;

/** Boards: number of chips.  nengo docs; Frady 2020; Kapoho Bay from memory (loihi-facts §4.2). */
export const BOARDS = {
  "kapoho-bay": 2, "nahuku-8": 8, "nahuku-16": 16, "nahuku-32": 32, "pohoiki-springs": 768,
} as const;
export type BoardName = keyof typeof BOARDS;

/** Output-axon slots by kind; +1 to another chip.  nengo; nxtf (loihi-facts §2.4). */
export const AXON_SLOTS = { discrete: 1, pop16: 1, pop32: 2, offChipExtra: 1 } as const;
/** Atoms (sources of a population) an axon can tell apart.  loihi-facts §2.4. */
export const AXON_ATOMS = { pop16: 32, pop32: 1024 } as const;

/** Widths in bits.  loihi-facts §1.2–1.4, §3.1. */
export const WIDTH = {
  decay: 12, vthMant: 17, biasMant: 13, biasExp: 3, refractory: 6,
  /** 21 bits and sign; wraps.  nengo PR #139. */
  q: 22,
  /** Wraps.  nengo PR #111. */
  u: 24,
  /** Clipped, not wrapped.  nengo issue #130. */
  v: 24,
  trace: 7, weight: 9, tag: 9, delay: 6, learningConstant: 8, accumulator: 16, rateMant: 4,
} as const;

/** 4096 = 1.0 of a decay; vth and weights carry 6 fraction bits (2^6). */
export const DECAY_ONE = 4096;
export const VTH_EXP = 6;
export const WEIGHT_EXP_BASE = 6;
export const V_LIMIT = 2 ** 23 - 1;
export const TRACE_MAX = 127;
/** y1 that means "no error" to SOEL. Source: design §6. */
export const Y1_NEUTRAL = 64;

export const RANGE = {
  effectiveDecay: [0, 4096], vthMant: [0, 131_071], biasMant: [-4096, 4095], biasExp: [0, 7], refractory: [1, 63],
  wgtExp: [-8, 7], weight: [-256, 255], rateMant: [-8, 7], rateExp: [-7, 8], tepoch: [1, 63], epochExp: [0, 9],
  delay: [0, 62],
} as const satisfies Record<string, readonly [number, number]>;

/** Weight bits that a register code 0…7 stands for: there is no 7-bit format.  nengo WEIGHT_BITS_MAP. */
export const WEIGHT_BITS_BY_CODE = [0, 1, 2, 3, 4, 5, 6, 8] as const;
/** Index bits that a register code 0…7 stands for.  nengo. */
export const INDEX_BITS_BY_CODE = [0, 6, 7, 8, 9, 10, 11, 12] as const;

/** Learning product: p is shifted down by max(0, 7·traces + mantissaBits − accumulatorBits + 1).  Lava 4 (the default
 *  here), nengo 3: a chip parameter (loihi-facts §3.6). */
export const PRODUCT_DOWN_SHIFT = { traceBits: 7, mantissaBits: 4, resultBits: 15 } as const;
