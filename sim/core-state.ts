import type { CoreImage } from "../hw/image.js";
import type { CoreKernels } from "./kernels.js";
import type { LearningState } from "./learning/learning-state.js";
import { overflowError, type OverflowQuantity } from "./simulation-error.js";

/** Packed arrival: axon·2^ATOM_BITS + atom. An axon needs 12 bits, an atom 10. */
export const ATOM_BITS = 10;

/** Synapse memory decoded once, at load. List l of (axon, atom) has synapses listStart[l] … listStart[l+1]−1. */
export interface SynapseTable {
  /** [axon] list of the axon's atom 0; atoms follow. Axons may share lists. */
  readonly axonList: Int32Array;
  /** [axon] */
  readonly axonAtoms: Int32Array;
  readonly axonBase: Int32Array;
  /** [axon] 1: a population axon (shared weights). */
  readonly axonPopulation: Uint8Array;
  /** [list + 1] */
  readonly listStart: Int32Array;
  /** [list] of its synapses, those stored in dense entries. */
  readonly listDense: Int32Array;
  /** [list + 1] rows of the runs below; a list without runs is scattered synapse by synapse. */
  readonly runStart: Int32Array;
  /** [run] first target, first synapse, length: consecutive targets, so that the hot loop reads no target. */
  readonly runTarget: Int32Array;
  readonly runSynapse: Int32Array;
  readonly runLength: Int32Array;
  /** [synapse] target compartment, without the axon's base. */
  readonly target: Uint16Array;
  /** [synapse] effective weight in units of 64: floor(mantissa·2^wgtExp); plastic ones change. */
  readonly weight: Int16Array;
  /** [synapse] extra steps; empty where the core has no delays and does not learn. */
  readonly delay: Uint8Array;
}

/** Where a core's spikes go, and what one spike costs on the mesh: a record for each compartment, so that a spike reads memory in
 *  one place. */
export interface RouteTable {
  /** [compartment] start of its record in `records`. */
  readonly start: Int32Array;
  /** Records: ROUTE_HEAD numbers (messages, hops east–west, hops north–south, messages to other chips), then for each message the
   *  index of the destination in the chip's list of cores and the packed arrival there. */
  readonly records: Int32Array;
}

/** Numbers of a route record before its messages. */
export const ROUTE_HEAD = 4;

/** Operations of one core in the step at hand, written by the phases; `tallyOperations` adds them up. */
export interface CoreWork {
  /** Synaptic operations, by the format that stored the synapses. */
  sparse: number;
  dense: number;
  population: number;
  /** Compartments that were not at rest. */
  active: number;
  spikes: number;
  messages: number;
  /** Synapses that the learning engine worked on. */
  synapticUpdates: number;
}

/** Spikes on their way to one core. */
export interface ArrivalQueue {
  items: Int32Array;
  count: number;
}

/** One core while it runs: constants as arrays by compartment, state as flat typed arrays. */
export interface CoreState {
  readonly image: CoreImage;
  readonly compartmentCount: number;
  readonly synapses: SynapseTable;
  readonly routes: RouteTable;
  /** [compartment] 4096 − effective decay. */
  readonly keepU: Int32Array;
  readonly keepV: Int32Array;
  readonly vth: Int32Array;
  readonly bias: Int32Array;
  /** [compartment] R − 1: steps that a spike blocks. */
  readonly blockedSteps: Uint8Array;
  readonly vMin: number;
  readonly vMax: number;
  /** [compartment] synaptic current, signed 24 bits; voltage, signed 24 bits; blocked steps left. */
  readonly u: Int32Array;
  readonly v: Int32Array;
  readonly refractory: Uint8Array;
  /** [compartment] q of this step, in units of 64. */
  readonly q: Int32Array;
  /** [slot][compartment] sums on their way in units of 64, exact; empty where no synapse of the core has a delay. */
  readonly delayRing: Float64Array;
  readonly delaySlots: number;
  /** Spikes that arrive in this step, and those on the way to the next. */
  arrivals: ArrivalQueue;
  nextArrivals: ArrivalQueue;
  /** Compartments that fired in this step and in the last one. */
  fired: ArrivalQueue;
  firedBefore: ArrivalQueue;
  /** [compartment] spikes since the x86 cores read the counter. */
  readonly spikeCounter: Int32Array;
  /** [compartment] bit of the raster, −1: in no layer; PADDING_BIT: padding of a layer, which must never fire. */
  readonly rasterBit: Int32Array;
  readonly learning: LearningState | null;
  readonly work: CoreWork;
  readonly strict: boolean;
  /** The two hot phases in WebAssembly; null: their TypeScript twins run. */
  readonly kernels: CoreKernels | null;
  /** Overflows under "wrap", as they happen; null where nobody listens. */
  overflowLog: ((core: CoreState, compartment: number, quantity: OverflowQuantity) => void) | null;
}

/** `CoreState.rasterBit` of a padding compartment: it lies beyond a map's border, and nothing reads it. */
export const PADDING_BIT = -2;

/** An empty queue with room for `capacity`; it grows. */
export const createQueue = (capacity: number): ArrivalQueue => ({ items: new Int32Array(capacity), count: 0 });

/** Nothing done yet. */
export const noWork = (): CoreWork => ({ sparse: 0, dense: 0, population: 0, active: 0, spikes: 0, messages: 0, synapticUpdates: 0 });

/** Appends one item. */
export function pushTo(queue: ArrivalQueue, item: number): void {
  if (queue.count === queue.items.length) {
    const larger = new Int32Array(Math.max(16, 2 * queue.items.length));
    larger.set(queue.items);
    queue.items = larger;
  }
  queue.items[queue.count++] = item;
}

/** An overflow: stops the strict simulator, is noted by the other.
 *  @throws SimulationError E-SIM-001…003 */
export function reportOverflow(core: CoreState, compartment: number, t: number, quantity: OverflowQuantity, value: number): void {
  const { chip, core: id } = core.image;
  const padding = core.rasterBit[compartment] === PADDING_BIT;
  if (core.strict) throw overflowError({ chip, core: id, compartment, step: t }, quantity, value, padding);
  core.overflowLog?.(core, compartment, quantity);
}
