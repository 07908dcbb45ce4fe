import { WEIGHT_EXP_BASE } from "../hw/limits.js";
import { Arena, type PlacedArray } from "./arena.js";
import { type ArrivalQueue, type CoreState, reportOverflow } from "./core-state.js";
import { type LearningExports, type LearningPlacement, moveLearning, placeLearning } from "./learning/learning-kernels.js";
import { type NarrowWeights, narrowWeights } from "./narrow-weights.js";
import { KERNELS_WASM } from "./native/kernels-wasm.js";

/** A core's two hot phases in WebAssembly (sim/native/kernels); their TypeScript twins are in sim/phases. */
export interface CoreKernels {
  /** As `scatter`. */
  scatter(core: CoreState): void;
  /** As `updateCompartments`: fills `core.fired`. @returns compartments that were not at rest */
  update(core: CoreState, t: number): number;
}

interface KernelExports extends LearningExports {
  scatter(core: number, arrivals: number, count: number): void;
  scatter_bytes(core: number, arrivals: number, count: number): void;
  update_compartments(core: number, fired: number): number;
}

/** Room for arrivals in the kernels' memory; a queue that outgrows it is copied over piece by piece. */
const QUEUE_ROOM = 2048;
/** An overflow of q is noted in units of 64. */
const UNIT = 2 ** WEIGHT_EXP_BASE;
const QUANTITIES = ["q", "u", "u+bias"] as const;
/** Fields of `CoreArrays` (chip-step.h): numbers, then pointers. */
const FIELD = { compartments: 0, vMin: 1, vMax: 2, segments: 3, byteShift: 4, fired: 5, overflows: 6, sparse: 7, dense: 8, population: 9, pointers: 10 } as const;

/** Where a core's arrays lie. */
interface Plan {
  readonly fields: number;
  /** In the order of `CoreArrays`, from `segments` on. */
  readonly arrays: readonly NamedArray[];
  readonly narrow: NarrowWeights | null;
  readonly address: ReadonlyMap<string, number>;
  /** Of a queue's arrays: arrivals, next arrivals, fired, fired before. */
  readonly queues: readonly [number, number, number, number];
  readonly queueRoom: number;
  readonly overflow: number;
  readonly learning: LearningPlacement | null;
}

const NONE = new Int32Array(0);
/** A run's last eight may reach beyond the last compartment: with zeros. */
const SUM_SPARE = 8;

type NamedArray = readonly [name: string, array: PlacedArray | null];

/** Arrays of a core that the kernels read or write, in the order of `CoreArrays`; null: not an array of the state. */
const arraysOf = (core: CoreState, narrow: NarrowWeights | null): readonly NamedArray[] => {
  const s = core.synapses;
  return [
    ["segments", segmentsOf(core)], ["q", core.q], ["u", core.u], ["v", core.v], ["refractory", core.refractory], ["bias", core.bias], ["keepU", core.keepU],
    ["keepV", core.keepV], ["vth", core.vth], ["blockedSteps", core.blockedSteps], ["overflow", null],
    ["axonList", s.axonList], ["axonBase", s.axonBase], ["axonPopulation", s.axonPopulation], ["listStart", s.listStart],
    ["listDense", s.listDense], ["runStart", s.runStart], ["runTarget", s.runTarget], ["runSynapse", s.runSynapse],
    ["runLength", s.runLength], ["target", s.target],
    ["weight", narrow === null ? s.weight : new Int16Array(0)], ["byte", narrow?.bytes ?? new Int8Array(0)],
    ["runByte", narrow?.runByte ?? NONE], ["runEights", narrow?.runEights ?? NONE], ["listByte", narrow?.listByte ?? NONE],
    ["sum", new Int16Array(narrow === null ? 0 : core.compartmentCount + SUM_SPARE)],
  ];
};

/** Words of `Segment` (chip-step.h). */
const SEGMENT_WORDS = 7;

/** Consecutive compartments of equal constants. */
function segmentsOf({ compartmentCount, keepU, keepV, vth, blockedSteps, bias }: CoreState): Int32Array {
  const words: number[] = [];
  for (let first = 0; first < compartmentCount; ) {
    let end = first + 1;
    const same = (array: PlacedArray) => array[end] === array[first];
    while (end < compartmentCount && [keepU, keepV, vth, blockedSteps].every(same)) end++;
    const hasBias = bias.subarray(first, end).some((b) => b !== 0);
    words.push(first, end, keepU[first], keepV[first], vth[first], blockedSteps[first], hasBias ? 1 : 0);
    first = end;
  }
  return Int32Array.from(words);
}

/** Moves the cores' arrays into the memory of the kernels and gives the cores their kernels.
 *  @returns the cores again, their arrays now views of that memory; the same cores where WebAssembly with SIMD is missing */
export async function installKernels(cores: readonly CoreState[]): Promise<readonly CoreState[]> {
  const module = await compiledKernels();
  if (module === null) return cores;
  const arena = new Arena();
  const plans = cores.map((core) => planCore(arena, core));
  const memory = arena.allocate();
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const exports = instance.exports as unknown as KernelExports;
  return cores.map((core, n) => moveCore(core, plans[n], arena, exports));
}

/** The module, compiled for the first chip that is loaded; all others instantiate it. */
let kernels: Promise<WebAssembly.Module | null> | undefined;

const compiledKernels = (): Promise<WebAssembly.Module | null> => (kernels ??= compileKernels());

async function compileKernels(): Promise<WebAssembly.Module | null> {
  if (typeof WebAssembly === "undefined") return null;
  const bytes = Uint8Array.from(atob(KERNELS_WASM), (character) => character.charCodeAt(0));
  return WebAssembly.validate(bytes) ? WebAssembly.compile(bytes) : null;
}

function planCore(arena: Arena, core: CoreState): Plan {
  const n = core.compartmentCount;
  const narrow = narrowWeights(core);
  const arrays = arraysOf(core, narrow);
  const fields = arena.take(4 * (FIELD.pointers + arrays.length));
  const address = new Map<string, number>();
  for (const [name, array] of arrays) if (array !== null) address.set(name, arena.take(array.byteLength));
  const overflow = arena.take(4 * 9 * n);
  address.set("overflow", overflow);
  const atoms = core.synapses.axonAtoms.reduce((sum, count) => sum + count, 0);
  const queueRoom = Math.min(QUEUE_ROOM, Math.max(atoms, 1));
  const learning = core.learning === null ? null : placeLearning(arena, core, core.learning);
  const queues = [arena.take(4 * queueRoom), arena.take(4 * queueRoom), arena.take(4 * n), arena.take(4 * n)] as const;
  return { fields, arrays, narrow, address, queues, queueRoom, overflow, learning };
}

function moveCore(core: CoreState, plan: Plan, arena: Arena, exports: KernelExports): CoreState {
  const moved = new Map<string, PlacedArray>();
  for (const [name, array] of plan.arrays) {
    if (array !== null) moved.set(name, arena.moved<PlacedArray>(array, plan.address.get(name)!));
  }
  const int32 = (name: string) => moved.get(name) as Int32Array;
  const bytes = (name: string) => moved.get(name) as Uint8Array;
  const names = plan.arrays.map(([name]) => name);
  const fields = arena.int32(plan.fields, FIELD.pointers + names.length);
  fields[FIELD.compartments] = core.compartmentCount;
  fields[FIELD.vMin] = core.vMin;
  fields[FIELD.vMax] = core.vMax;
  fields[FIELD.byteShift] = plan.narrow?.shift ?? 0;
  fields[FIELD.segments] = moved.get("segments")!.length / SEGMENT_WORDS;
  names.forEach((name, k) => {
    fields[FIELD.pointers + k] = plan.address.get(name)!;
  });
  const synapses = {
    ...core.synapses, axonList: int32("axonList"), axonBase: int32("axonBase"), axonPopulation: bytes("axonPopulation"),
    listStart: int32("listStart"), listDense: int32("listDense"), runStart: int32("runStart"), runTarget: int32("runTarget"), runSynapse: int32("runSynapse"), runLength: int32("runLength"),
    target: moved.get("target") as Uint16Array, weight: plan.narrow === null ? moved.get("weight") as Int16Array : core.synapses.weight,
  };
  return {
    ...core, synapses, q: int32("q"), u: int32("u"), v: int32("v"), refractory: bytes("refractory"), bias: int32("bias"),
    keepU: int32("keepU"), keepV: int32("keepV"), vth: int32("vth"), blockedSteps: bytes("blockedSteps"),
    arrivals: queueAt(arena, plan.queues[0], plan.queueRoom), nextArrivals: queueAt(arena, plan.queues[1], plan.queueRoom),
    fired: queueAt(arena, plan.queues[2], core.compartmentCount), firedBefore: queueAt(arena, plan.queues[3], core.compartmentCount),
    kernels: kernelsOf(plan, core.compartmentCount, fields, arena, exports),
    learning: core.learning && moveLearning(arena, plan.learning!, core.learning, plan.address.get("weight")!, exports),
  };
}

const queueAt = (arena: Arena, address: number, room: number): ArrivalQueue => ({ items: arena.int32(address, room), count: 0 });

function kernelsOf(plan: Plan, n: number, fields: Int32Array, arena: Arena, exports: KernelExports): CoreKernels {
  const overflow = arena.int32(plan.overflow, 9 * n);
  const { buffer } = fields;
  const scatter = plan.narrow === null ? exports.scatter : exports.scatter_bytes;
  const spare = arena.int32(plan.queues[0], plan.queueRoom);
  return {
    scatter({ arrivals: { items, count }, work }) {
      fields[FIELD.sparse] = fields[FIELD.dense] = fields[FIELD.population] = 0;
      if (items.buffer === buffer) scatter(plan.fields, items.byteOffset, count);
      else {
        for (let from = 0; from < count; from += spare.length) {
          const piece = items.subarray(from, Math.min(count, from + spare.length));
          spare.set(piece);
          scatter(plan.fields, spare.byteOffset, piece.length);
        }
      }
      work.sparse = fields[FIELD.sparse];
      work.dense = fields[FIELD.dense];
      work.population = fields[FIELD.population];
    },
    update(core, t) {
      const active = exports.update_compartments(plan.fields, core.fired.items.byteOffset);
      for (let k = 0; k < fields[FIELD.overflows]; k++) {
        const quantity = overflow[3 * k + 1];
        reportOverflow(core, overflow[3 * k], t, QUANTITIES[quantity], overflow[3 * k + 2] * (quantity === 0 ? UNIT : 1));
      }
      core.fired.count = fields[FIELD.fired];
      return active;
    },
  };
}
