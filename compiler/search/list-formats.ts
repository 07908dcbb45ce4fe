/** Chooses the synapse format of every list of a core by its cost in bits, within the number of formats that a core has. */
import type { SynapseFormat } from "../../hw/image.js";
import { CORE_LIMITS } from "../../hw/limits.js";

/** What a list may be stored as: `candidateFormats` and `candidateBits` of compiler/formats.ts. */
export interface ListOptions {
  readonly candidates: readonly SynapseFormat[];
  /** [candidate] */
  readonly bits: readonly number[];
}

/** Formats of a core, and what each list takes. */
export interface ChosenFormats {
  /** In the order of their first list. */
  readonly formats: readonly SynapseFormat[];
  /** [list] format number from 1; 0 for a list without synapses. */
  readonly numbers: readonly number[];
  /** [list] */
  readonly bits: readonly number[];
}

/** The cheapest format of each list; of equals the first candidate (dense). Where a core would need more formats than it
 *  has, those that save least give way, and their lists take the next best. */
export function chooseFormats(lists: readonly ListOptions[], limit: number = CORE_LIMITS.synapseFormats): ChosenFormats {
  const keys = new Map<readonly SynapseFormat[], readonly string[]>();
  for (const { candidates } of lists)
    if (!keys.has(candidates)) keys.set(candidates, candidates.map((format) => JSON.stringify(format)));
  const refused = new Set<string>();
  const bestOf = ({ candidates, bits }: ListOptions, without?: string): number => {
    const own = keys.get(candidates)!;
    let best = 0;
    for (let k = 1; k < bits.length; k++)
      if (bits[k] < bits[best] && own[k] !== without && !refused.has(own[k])) best = k;
    return best;
  };
  const isEmpty = ({ bits }: ListOptions): boolean => bits[0] === 0;
  for (;;) {
    const [used, dense] = [new Map<string, number>(), new Set<string>()];
    for (const list of lists) {
      if (isEmpty(list)) continue;
      const k = bestOf(list);
      const key = keys.get(list.candidates)![k];
      if (k === 0) dense.add(key);
      const saved = k === 0 ? Infinity : list.bits[bestOf(list, key)] - list.bits[k];
      used.set(key, (used.get(key) ?? 0) + saved);
    }
    if (used.size <= limit || used.size === dense.size) break;
    const [least] = [...used].reduce((a, b) => (b[1] < a[1] ? b : a));
    refused.add(least);
  }
  const formats: SynapseFormat[] = [];
  const numberOf = new Map<string, number>();
  const numbers = lists.map((list) => {
    if (isEmpty(list)) return 0;
    const k = bestOf(list);
    const key = keys.get(list.candidates)![k];
    let number = numberOf.get(key);
    if (number === undefined) {
      number = formats.push(list.candidates[k]);
      numberOf.set(key, number);
    }
    return number;
  });
  return { formats, numbers, bits: lists.map((list) => list.bits[bestOf(list)]) };
}
