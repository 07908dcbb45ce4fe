import type { Rng } from "../base/rng.js";
import type { ComposedClass, EncodedRecording } from "./recording-source.js";

/** Samples that the authors' loader says a class has, whatever the recordings. */
const SAMPLES_PER_CLASS = 1000;

/** Deals the samples of a task as the authors' loader does, bug for bug (protocol A, design §8): a sample is a number
 *  k < 1000, distinct within a class; left recording k // n, right k % n, n = recordings of the left digit. So the left
 *  one is nearly always the same file, and support and query share recordings.
 *  With fewer recordings than N-MNIST has, k // n or k % n can pass a pool's end, where that loader would stop: k then
 *  is bounded by n², and the right index is taken modulo its own pool.
 *  Source: nmi-lab/torchneuromorphic, doublenmnist_torchmeta. */
export function dealAsAuthors(
  pools: ReadonlyMap<string, readonly EncodedRecording[]>, classes: readonly ComposedClass[], shots: number, rng: Rng,
  tooFew: (unit: string, found: number) => Error,
) {
  const drawn = classes.map(({ parts: [left, right = left] }) => {
    const [lefts, rights] = [pools.get(left) ?? [], pools.get(right) ?? []];
    if (lefts.length === 0 || rights.length === 0) throw tooFew(lefts.length === 0 ? left : right, 0);
    const n = lefts.length;
    const count = Math.min(SAMPLES_PER_CLASS, n * n);
    const keys = rng.shuffled(Array.from({ length: count }, (_, k) => k));
    return keys.map((k) => [lefts[Math.floor(k / n)], rights[(k % n) % rights.length]] as const);
  });
  return {
    support: (way: number, shot: number): readonly EncodedRecording[] => {
      if (drawn[way].length <= shots) throw tooFew(classes[way].parts[0], Math.sqrt(drawn[way].length));
      return drawn[way][shot];
    },
    queries: (way: number, count: number): readonly (readonly EncodedRecording[])[] => {
      const rest = drawn[way].slice(shots);
      return Array.from({ length: count }, (_, k) => rest[k % rest.length]);
    },
  };
}
