import type { CoreImage } from "../hw/image.js";
import { unpackList } from "../hw/synapse-words.js";
import { weightUnits } from "../hw/weights.js";
import type { SynapseTable } from "./core-state.js";

/** Table of a core's synapses, and what only learning needs beside it: [synapse] mantissa, tag, format − 1. */
export interface DecodedSynapses {
  readonly table: SynapseTable;
  readonly mantissa: Int16Array;
  readonly tag: Int16Array;
  readonly format: Uint8Array;
}

/** Lists with at least this many synapses a run are scattered run by run; measured on the paper's network. */
const RUN_WORTH = 3;

/** Grows as it is filled. */
class Column {
  private values = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Int32Array(2 * this.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }

  /** The value at k, 0 ≤ k < length. */
  at = (k: number): number => this.values[k];

  done = (): Int32Array => this.values.slice(0, this.length);
}

/** Decodes synapse memory once; axons that point at the same words share their lists.
 *  @throws RangeError where a list is damaged (verifyImage reports it first) */
export function decodeSynapses(core: CoreImage): DecodedSynapses {
  const columns = {
    target: new Column(), weight: new Column(), delay: new Column(), mantissa: new Column(), tag: new Column(),
    format: new Column(), listStart: new Column(), listDense: new Column(),
    runStart: new Column(), runTarget: new Column(), runSynapse: new Column(), runLength: new Column(),
  };
  const known = new Map<string, number>();
  const axonList = core.inputAxons.map((axon) => {
    const key = `${axon.synapsePtr} ${axon.synapseLen} ${axon.atoms}`;
    let first = known.get(key);
    if (first === undefined) {
      first = columns.listStart.length;
      for (let atom = 0; atom < axon.atoms; atom++) {
        decodeList(core, axon.synapsePtr + atom * axon.synapseLen, axon.synapseLen, columns);
      }
      known.set(key, first);
    }
    return first;
  });
  columns.listStart.push(columns.target.length);
  columns.runStart.push(columns.runTarget.length);
  return {
    table: {
      axonList: Int32Array.from(axonList), axonAtoms: Int32Array.from(core.inputAxons, (axon) => axon.atoms),
      axonBase: Int32Array.from(core.inputAxons, (axon) => axon.cxBase),
      axonPopulation: Uint8Array.from(core.inputAxons, (axon) => (axon.kind === "discrete" ? 0 : 1)),
      listStart: columns.listStart.done(), listDense: columns.listDense.done(), runStart: columns.runStart.done(),
      runTarget: columns.runTarget.done(), runSynapse: columns.runSynapse.done(), runLength: columns.runLength.done(),
      target: columns.target.done(), weight: Int16Array.from(columns.weight.done()), delay: Uint8Array.from(columns.delay.done()),
    },
    mantissa: Int16Array.from(columns.mantissa.done()), tag: Int16Array.from(columns.tag.done()),
    format: Uint8Array.from(columns.format.done()),
  };
}

function decodeList(core: CoreImage, firstWord: number, words: number, columns: Record<string, Column>): void {
  const { target, weight, delay, mantissa, tag, format, listStart, listDense, runStart } = columns;
  const first = target.length;
  let dense = 0;
  for (const entry of unpackList(core.synapseFormats, core.synapseMemory, firstWord, words)) {
    const own = core.synapseFormats[entry.format - 1];
    if (own.compression === "dense") dense += entry.index.length;
    for (let k = 0; k < entry.index.length; k++) {
      target.push(own.cIdxOffset + entry.index[k] * (own.cIdxMult + 1));
      weight.push(weightUnits(entry.weight[k], own.wgtExp));
      delay.push(entry.delay[k]);
      mantissa.push(entry.weight[k]);
      tag.push(entry.tag[k]);
      format.push(entry.format - 1);
    }
  }
  listStart.push(first);
  listDense.push(dense);
  runStart.push(columns.runTarget.length);
  addRuns(first, columns);
}

function addRuns(first: number, { target, runTarget, runSynapse, runLength }: Record<string, Column>): void {
  const continues = (k: number) => k < target.length && target.at(k) === target.at(k - 1) + 1;
  let runs = 0;
  for (let k = first; k < target.length; k++) if (k === first || !continues(k)) runs++;
  if (target.length - first < runs * RUN_WORTH) return;
  for (let k = first; k < target.length; ) {
    let end = k + 1;
    while (continues(end)) end++;
    runTarget.push(target.at(k));
    runSynapse.push(k);
    runLength.push(end - k);
    k = end;
  }
}
