import type { CoreState, SynapseTable } from "./core-state.js";

/** Weights of a core as bytes, laid out for sums of eight: weight = byte·2^shift, in units of 64. */
export interface NarrowWeights {
  readonly shift: number;
  /** Runs one after another, each filled up with zeros to whole eights; then lists without runs as they are. */
  readonly bytes: Int8Array;
  /** [run] first byte, and number of eights. */
  readonly runByte: Int32Array;
  readonly runEights: Int32Array;
  /** [list] first byte of a list without runs. */
  readonly listByte: Int32Array;
}

const LANES = 8;

/** The core's weights as bytes, for the kernel that sums them in 16 bits. Null where it may not be used: the weights learn, they
 *  do not fit, or some list reaches a compartment twice. */
export function narrowWeights({ synapses, learning, delaySlots }: CoreState): NarrowWeights | null {
  if (learning !== null || delaySlots > 1 || !targetsAscend(synapses)) return null;
  const shift = byteShift(synapses.weight);
  return shift === null ? null : layOut(synapses, shift);
}

/** Bits to leave out of every weight so that it fits a byte without a rest; null: there are none. */
function byteShift(weight: Int16Array): number | null {
  let [bits, low, high] = [0, 0, 0];
  for (let k = 0; k < weight.length; k++) {
    bits |= weight[k];
    low = Math.min(low, weight[k]);
    high = Math.max(high, weight[k]);
  }
  const zeros = bits === 0 ? 0 : 31 - Math.clz32(bits & -bits); // low bits that are 0 in every weight
  let shift = 0;
  while (low >> shift < -128 || high >> shift > 127) shift++;
  return shift > zeros ? null : shift;
}

function layOut({ weight, listStart, runStart, runSynapse, runLength }: SynapseTable, shift: number): NarrowWeights {
  const runEights = Int32Array.from(runLength, (length) => Math.ceil(length / LANES));
  const runByte = new Int32Array(runLength.length);
  for (let run = 1; run < runByte.length; run++) runByte[run] = runByte[run - 1] + LANES * runEights[run - 1];
  let used = runEights.reduce((sum, eights) => sum + LANES * eights, 0);
  const listByte = new Int32Array(listStart.length - 1);
  for (let list = 0; list < listByte.length; list++) {
    if (runStart[list] < runStart[list + 1]) continue;
    listByte[list] = used;
    used += listStart[list + 1] - listStart[list];
  }
  const bytes = new Int8Array(used);
  runSynapse.forEach((first, run) => {
    for (let k = 0; k < runLength[run]; k++) bytes[runByte[run] + k] = weight[first + k] >> shift;
  });
  for (let list = 0; list < listByte.length; list++) {
    if (runStart[list] < runStart[list + 1]) continue;
    for (let k = listStart[list]; k < listStart[list + 1]; k++) bytes[listByte[list] + k - listStart[list]] = weight[k] >> shift;
  }
  return { shift, bytes, runByte, runEights, listByte };
}

function targetsAscend({ listStart, target }: SynapseTable): boolean {
  for (let list = 0; list + 1 < listStart.length; list++) {
    for (let k = listStart[list] + 1; k < listStart[list + 1]; k++) if (target[k] <= target[k - 1]) return false;
  }
  return true;
}
