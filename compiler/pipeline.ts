/** The compiler as a list: each pass takes one stage and returns the next, and its verifier runs after it. */
import type { ChipImage } from "../hw/image.js";
import { BOARDS, type BoardName } from "../hw/limits.js";
import { Diagnostics, nearestName, userError, type UserErrorDetail } from "../src/base/errors.js";
import type { InputGeometry, QuantizedNetwork } from "../src/model/types.js";
import type { PlacedNetwork } from "./ir.js";
import { allocate } from "./passes/allocate.js";
import { emit } from "./passes/emit.js";
import { lowerPlasticity } from "./passes/lower-plasticity.js";
import { partition } from "./passes/partition.js";
import { place } from "./passes/place.js";
import { route } from "./passes/route.js";
import { verifyIntegers } from "./passes/verify-integers.js";
import {
  printImage,
  printLowered,
  printMappable,
  printMapped,
  printPartitioned,
  printPlaced,
  printRouted,
} from "./print/stages.js";
import { verifyExpansion } from "./verifiers/expansion.js";
import { verifyImage } from "./verifiers/image.js";
import {
  verifyLowered,
  verifyMappable,
  verifyMapped,
  verifyPartitioned,
  verifyPlaced,
  verifyRouted,
} from "./verifiers/stages.js";

export interface CompileOptions {
  /** Undefined: the network's. */
  readonly name?: string;
  /** Undefined: the smallest that fits. */
  readonly board?: BoardName;
  /** Seed of the chip's generator; default 1. */
  readonly chipSeed?: number;
  /** Share of a core's synapse words that may be used, above 0 and at most 1; default DEFAULT_SYNAPSE_MARGIN. */
  readonly synapseMargin?: number;
}

/** One fifth of every core's words stays free. */
export const DEFAULT_SYNAPSE_MARGIN = 0.8;

/** What a pass made, as text, and how long pass and verifier took. */
export interface PassReport {
  readonly name: string;
  readonly milliseconds: number;
  readonly printed: string;
}

export interface Compilation {
  readonly image: ChipImage;
  readonly passes: readonly PassReport[];
  readonly warnings: readonly UserErrorDetail[];
  /** The network on its cores, which `estimate` prices. */
  readonly placed: PlacedNetwork;
}

/** Compiles a quantized network for a board. Deterministic.
 *  @throws UserError with every mistake that a stage found (E-COMPILE, E-VERIFY, E-PART, E-ROUTE, E-ALLOC; E-PROG of hw/embedded) */
export function compileNetwork(
  network: QuantizedNetwork,
  geometry: InputGeometry,
  options: CompileOptions = {},
): Compilation {
  const { board, chipSeed, name, synapseMargin } = checkOptions(network, options);
  const diagnostics = new Diagnostics();
  const passes: PassReport[] = [];
  const pass = <T>(
    passName: string,
    run: () => T,
    verify: (stage: T) => void,
    print: (stage: T) => string,
  ): T => {
    const start = performance.now();
    const stage = run();
    verify(stage);
    passes.push({ name: passName, milliseconds: performance.now() - start, printed: print(stage) });
    return stage;
  };
  const verified = pass("verify", () => verifyIntegers(network, diagnostics), verifyMappable, printMappable);
  const lowered = pass("lower-plasticity", () => lowerPlasticity(verified), verifyLowered, printLowered);
  const pieces = pass(
    "partition",
    () => partition(lowered, { board, synapseMargin }, diagnostics),
    verifyPartitioned,
    printPartitioned,
  );
  const placed = pass("place", () => place(pieces), verifyPlaced, printPlaced);
  const routed = pass("route", () => route(placed, diagnostics), verifyRouted, printRouted);
  const mapped = pass("allocate", () => allocate(routed, diagnostics), verifyMapped, printMapped);
  const emitOptions = { name, chipSeed, board: board ?? smallestBoard(mapped.chips) };
  const image = pass("emit", () => emit(mapped, geometry, emitOptions), verifyImage, printImage);
  pass("expand", () => verifyExpansion(image, network), () => {}, (proof) => proof);
  return { image, passes, warnings: diagnostics.warnings, placed };
}

const smallestBoard = (chips: number): BoardName =>
  (Object.keys(BOARDS) as BoardName[]).find((name) => BOARDS[name] >= chips)!;

function checkOptions(network: QuantizedNetwork, options: CompileOptions) {
  const { board, chipSeed = 1, name = network.spec.name, synapseMargin = DEFAULT_SYNAPSE_MARGIN } = options;
  if (board !== undefined && !Object.hasOwn(BOARDS, board)) {
    const near = nearestName(board, Object.keys(BOARDS));
    throw userError({
      code: "E-COMPILE-001",
      at: "board",
      found: `"${board}"`,
      limit: Object.keys(BOARDS).join(", "),
      hint: near ? `"${near}"` : '"kapoho-bay"',
    });
  }
  if (!(synapseMargin > 0 && synapseMargin <= 1)) {
    throw userError({
      code: "E-COMPILE-002",
      at: "synapse margin",
      found: `${synapseMargin}`,
      limit: "above 0, at most 1",
      hint: "0.8",
    });
  }
  if (!Number.isInteger(chipSeed) || chipSeed < 0 || chipSeed > 0xffffffff) {
    throw userError({
      code: "E-COMPILE-003",
      at: "chip seed",
      found: `${chipSeed}`,
      limit: "integers 0…4294967295",
      hint: "1",
    });
  }
  return { board, chipSeed, name, synapseMargin };
}
