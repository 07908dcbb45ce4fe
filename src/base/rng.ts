/** The counter-based generator of design §6: a pure function of (seed, stream, t, i), so that any thread can draw any
 *  number at any time and get the same bits. */

const GOLDEN = 0x9e3779b9;

/** Finalizer of MurmurHash3 (Appleby): bijective mixing of 32 bits. */
function fmix(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 32 random bits, unsigned. draw32(123456789, 1, 100, 1023) = 3525706073. Source: design §6. */
export function draw32(seed: number, stream: number, t: number, i: number): number {
  return fmix(fmix(fmix(fmix(seed ^ GOLDEN) ^ stream) ^ t) ^ i);
}

/** The top `bits` (1…32) of draw32. drawBits(16, 1, 2, 3, 4) = 31542. */
export const drawBits = (bits: number, seed: number, stream: number, t: number, i: number): number =>
  draw32(seed, stream, t, i) >>> (32 - bits);

/** What draw32 makes of (seed, stream, t): one mixing for a whole step's draws, see `drawAt`. */
export const drawPrefix = (seed: number, stream: number, t: number): number =>
  fmix(fmix(fmix(seed ^ GOLDEN) ^ stream) ^ t);

/** drawAt(drawPrefix(seed, stream, t), i) = draw32(seed, stream, t, i). */
export const drawAt = (prefix: number, i: number): number => fmix(prefix ^ i);

/** Streams of the chip's plastic layer n: 16n + offset. Source: design §6. */
export const CHIP_STREAM = { x1: 1, weight: 2, x3: 3, perLayer: 16 } as const;

/** Streams of everything that is not the chip; all ≥ 2^16 (design §6). One name a use: two uses never share a stream. */
export const STREAM = {
  taskClasses: 0x10000,
  taskSamples: 0x10001,
  supportOrder: 0x10002,
  queryOrder: 0x10003,
  startWeights: 0x10004,
  startSamples: 0x10005,
  augmentation: 0x10006,
  stochasticRounding: 0x10007,
  split: 0x10008,
  eventCamera: 0x10009,
  transform: 0x1000a,
  innerRounding: 0x1000b,
  noiseInput: 0x1000c,
  warp: 0x1000d,
} as const;

/** A sequence read off one stream of the generator. Its whole state is `counter`, so it can be saved and resumed. */
export class Rng {
  private readonly prefix: number;

  constructor(
    readonly seed: number,
    readonly stream: number,
    /** Third argument of draw32, e.g. the task's number. */
    readonly item: number = 0,
    public counter: number = 0,
  ) {
    this.prefix = fmix(fmix(fmix(seed ^ GOLDEN) ^ stream) ^ item);
  }

  /** 32 random bits, unsigned: draw32(seed, stream, item, counter). */
  uint32(): number {
    return fmix(this.prefix ^ this.counter++);
  }

  /** Uniform in [0, 1), a multiple of 2^−32. */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Uniform integer in 0…n−1 by multiplication (bias below n·2^−32). */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal by Box–Muller; takes two draws. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 1) / (2 ** 32 + 1)));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A new array with the items in random order (Fisher–Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let k = out.length - 1; k > 0; k--) {
      const j = this.below(k + 1);
      [out[k], out[j]] = [out[j], out[k]];
    }
    return out;
  }

  /** `count` distinct items in random order. */
  sample<T>(items: readonly T[], count: number): T[] {
    return this.shuffled(items).slice(0, count);
  }
}
