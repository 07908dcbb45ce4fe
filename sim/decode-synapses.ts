import type { CoreImage, InputAxon } from "../hw/image.js";
import { SynapseColumns, unpackColumns } from "../hw/synapse-words.js";
import { weightUnits } from "../hw/weights.js";
import type { SynapseTable } from "./core-state.js";

/** Table of a core's synapses, and what only learning needs beside it: [synapse] mantissa, tag, format − 1; empty where the
 *  core does not learn. */
export interface DecodedSynapses {
  readonly table: SynapseTable;
  readonly mantissa: Int16Array;
  readonly tag: Int16Array;
  readonly format: Uint8Array;
}

/** Lists with at least this many synapses a run are scattered run by run; measured on the paper's network. */
const RUN_WORTH = 3;

/** A column that grows as it is filled; emptied for the next core, it keeps its room. */
class Column<T extends Int32Array | Uint16Array | Int16Array | Uint8Array> {
  length = 0;

  constructor(private values: T) {}

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new (this.values.constructor as new (length: number) => T)(2 * this.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }

  /** The value at k, 0 ≤ k < length. */
  at = (k: number): number => this.values[k];

  /** What was pushed since the last call. */
  take(): T {
    const taken = this.values.slice(0, this.length) as T;
    this.length = 0;
    return taken;
  }
}

const FIRST_ROOM = 1024;
const column32 = () => new Column(new Int32Array(FIRST_ROOM));

/** Decodes the synapse memories of cores one after another; its columns serve them all. */
export class SynapseDecoder {
  private readonly read = new SynapseColumns();
  private readonly target = new Column(new Uint16Array(FIRST_ROOM));
  private readonly weight = new Column(new Int16Array(FIRST_ROOM));
  private readonly delay = new Column(new Uint8Array(FIRST_ROOM));
  private readonly mantissa = new Column(new Int16Array(FIRST_ROOM));
  private readonly tag = new Column(new Int16Array(FIRST_ROOM));
  private readonly format = new Column(new Uint8Array(FIRST_ROOM));
  private readonly listStart = column32();
  private readonly listDense = column32();
  private readonly runStart = column32();
  private readonly runTarget = column32();
  private readonly runSynapse = column32();
  private readonly runLength = column32();

  /** Decodes a core's memory; axons that point at the same words share their lists.
   *  @throws RangeError where a list is damaged (verifyImage reports it first) */
  decode(core: CoreImage): DecodedSynapses {
    const axonList = this.lists(core);
    this.listStart.push(this.target.length);
    this.runStart.push(this.runTarget.length);
    const { inputAxons } = core;
    return {
      table: {
        axonList, axonAtoms: Int32Array.from(inputAxons, (axon) => axon.atoms),
        axonBase: Int32Array.from(inputAxons, (axon) => axon.cxBase),
        axonPopulation: Uint8Array.from(inputAxons, (axon) => (axon.kind === "discrete" ? 0 : 1)),
        listStart: this.listStart.take(), listDense: this.listDense.take(), runStart: this.runStart.take(),
        runTarget: this.runTarget.take(), runSynapse: this.runSynapse.take(), runLength: this.runLength.take(),
        target: this.target.take(), weight: this.weight.take(), delay: this.delay.take(),
      },
      mantissa: this.mantissa.take(), tag: this.tag.take(), format: this.format.take(),
    };
  }

  /** [axon] number of its first list. */
  private lists(core: CoreImage): Int32Array {
    const known = new Map<string, number>();
    const delayed = hasDelays(core) || core.learning !== null;
    return Int32Array.from(core.inputAxons, (axon: InputAxon) => {
      const key = `${axon.synapsePtr} ${axon.synapseLen} ${axon.atoms}`;
      let first = known.get(key);
      if (first === undefined) {
        first = this.listStart.length;
        for (let atom = 0; atom < axon.atoms; atom++) {
          this.list(core, axon.synapsePtr + atom * axon.synapseLen, axon.synapseLen, delayed);
        }
        known.set(key, first);
      }
      return first;
    });
  }

  private list(core: CoreImage, firstWord: number, words: number, delayed: boolean): void {
    const count = unpackColumns(core.synapseFormats, core.synapseMemory, firstWord, words, this.read);
    const { index, weight, delay, tag, format: formats } = this.read;
    const first = this.target.length;
    let dense = 0;
    for (let k = 0; k < count; k++) {
      const own = core.synapseFormats[formats[k] - 1];
      if (own.compression === "dense") dense++;
      this.target.push(own.cIdxOffset + index[k] * (own.cIdxMult + 1));
      this.weight.push(weightUnits(weight[k], own.wgtExp));
      if (delayed) this.delay.push(delay[k]);
      if (core.learning === null) continue;
      this.mantissa.push(weight[k]);
      this.tag.push(tag[k]);
      this.format.push(formats[k] - 1);
    }
    this.listStart.push(first);
    this.listDense.push(dense);
    this.runStart.push(this.runTarget.length);
    this.runs(first);
  }

  /** Runs of consecutive targets, where the list has long ones. */
  private runs(first: number): void {
    const { target } = this;
    const continues = (k: number) => k < target.length && target.at(k) === target.at(k - 1) + 1;
    let runs = 0;
    for (let k = first; k < target.length; k++) if (k === first || !continues(k)) runs++;
    if (target.length - first < runs * RUN_WORTH) return;
    for (let k = first; k < target.length; ) {
      let end = k + 1;
      while (continues(end)) end++;
      this.runTarget.push(target.at(k));
      this.runSynapse.push(k);
      this.runLength.push(end - k);
      k = end;
    }
  }
}

/** Whether some synapse of the core can have a delay. */
export const hasDelays = (core: CoreImage): boolean => core.synapseFormats.some((format) => format.dlyBits > 0);
