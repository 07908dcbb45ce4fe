import { Diagnostics } from "../src/base/errors.js";
import type { ChipImage, CoreImage } from "./image.js";
import { BOARDS, CHIP_LIMITS, RANGE, TRACE_MAX } from "./limits.js";
import { verifyCore } from "./verify-core.js";

/** Checks an image against every limit of hw/limits.ts, every field's width, and every pointer between its parts; collects all
 *  that is wrong. (That no bit was changed on disk is the file header's SHA-256, checked by `decodeImage`.)
 *  Codes: E-IMAGE-002 too many, 003 out of range, 004 damaged synapse list, 005 pointer, 006 microcode, 007 contract,
 *  008 embedded program, 009 symbols. */
export function verifyImage(image: ChipImage, diagnostics: Diagnostics): void {
  checkBoard(image, diagnostics);
  for (const core of image.cores) verifyCore(core, diagnostics);
  if (diagnostics.errors.length > 0) return;
  const cores = new Map(image.cores.map((core) => [address(core.chip, core.core), core]));
  checkRoutes(image, cores, diagnostics);
  checkContract(image, cores, diagnostics);
  checkSymbols(image, cores, diagnostics);
  checkProgram(image, cores, diagnostics);
}

/** Checks an image and throws all that is wrong with it. @throws UserError E-IMAGE-002…009 */
export function requireValidImage(image: ChipImage): void {
  const diagnostics = new Diagnostics();
  verifyImage(image, diagnostics);
  diagnostics.throwIfErrors();
}

const address = (chip: number, core: number) => chip * CHIP_LIMITS.cores + core;
type Cores = ReadonlyMap<number, CoreImage>;

function checkBoard(image: ChipImage, diagnostics: Diagnostics): void {
  const chips = BOARDS[image.board as keyof typeof BOARDS] as number | undefined;
  if (chips === undefined || image.chips < 1 || image.chips > chips) {
    diagnostics.error("E-IMAGE-002", {
      at: "image", found: `board ${image.board} with ${image.chips} chips`,
      limit: Object.entries(BOARDS).map(([name, n]) => `${name} ${n}`).join(", "),
    });
  }
  const seen = new Set<number>();
  for (const { chip, core } of image.cores) {
    if (chip < 0 || chip >= image.chips || core < 0 || core >= CHIP_LIMITS.cores || seen.has(address(chip, core))) {
      diagnostics.error("E-IMAGE-003", {
        at: `chip ${chip}, core ${core}`, found: "outside the board, or there twice",
        limit: `chips 0…${image.chips - 1}, cores 0…${CHIP_LIMITS.cores - 1}`,
      });
    }
    seen.add(address(chip, core));
  }
}

/** What is wrong with a spike to that axon and atom; undefined: nothing. */
function destinationFault(cores: Cores, chip: number, core: number, axon: number, atom: number): string | undefined {
  const target = cores.get(address(chip, core));
  if (target === undefined) return `core ${core} of chip ${chip} is not used`;
  const entry = target.inputAxons[axon];
  if (entry === undefined) return `axon ${axon} of core ${core} is not mapped`;
  return atom < entry.atoms ? undefined : `atom ${atom} of axon ${axon}, which has ${entry.atoms}`;
}

function checkRoutes(image: ChipImage, cores: Cores, diagnostics: Diagnostics): void {
  for (const core of image.cores) {
    core.outputAxons.forEach((out, n) => {
      const at = `chip ${core.chip}, core ${core.core}, output axon ${n}`;
      const fault = destinationFault(cores, out.chip, out.core, out.axon, out.atom);
      if (fault !== undefined) diagnostics.error("E-IMAGE-005", { at, found: fault });
      else if (cores.get(address(out.chip, out.core))!.inputAxons[out.axon].kind !== out.kind) {
        diagnostics.error("E-IMAGE-005", { at, found: `a ${out.kind} spike to an axon of another kind` });
      }
    });
  }
}

function checkContract(image: ChipImage, cores: Cores, diagnostics: Diagnostics): void {
  const { contract } = image;
  const error = (found: string, limit?: string) => diagnostics.error("E-IMAGE-007", { at: "input contract", found, limit });
  const channels = contract.shape[0] * contract.shape[1] * contract.shape[2];
  const { rowStart } = contract;
  const entries = contract.axon.length;
  const shapeFault =
    rowStart.length !== channels + 1
      ? `${rowStart.length} row starts, not ${channels + 1}`
      : contract.chip.length !== entries || contract.core.length !== entries || contract.atom.length !== entries
        ? "columns that differ in length"
        : rowStart[0] !== 0 || rowStart[channels] !== entries || rowStart.some((start, c) => c > 0 && start < rowStart[c - 1])
          ? "row starts that do not ascend to the number of entries"
          : undefined;
  if (shapeFault !== undefined) {
    error(shapeFault);
    return;
  }
  for (let k = 0; k < entries; k++) {
    const fault = destinationFault(cores, contract.chip[k], contract.core[k], contract.axon[k], contract.atom[k]);
    if (fault !== undefined) error(`entry ${k}: ${fault}`);
  }
  if (contract.steps < 1 || contract.presentationSteps < contract.steps || contract.passes < 1 || contract.timestepUs < 1) {
    error(`${contract.steps} frames in ${contract.presentationSteps} steps, ${contract.passes} passes, ` +
      `${contract.timestepUs} µs a step`);
  }
}

function checkSymbols(image: ChipImage, cores: Cores, diagnostics: Diagnostics): void {
  image.symbols.forEach((range, n) => {
    const core = cores.get(address(range.chip, range.core));
    const layer = image.layers[range.layer];
    const neurons = layer === undefined ? 0 : layer.shape[0] * layer.shape[1] * layer.shape[2];
    const wrong =
      core === undefined || layer === undefined || range.firstCompartment + range.neurons.length > core.compartments.length ||
      range.neurons.some((neuron) => neuron < -1 || neuron >= neurons);
    if (wrong) diagnostics.error("E-IMAGE-009", { at: `symbol range ${n}`, found: "a layer, compartment or neuron that is not there" });
  });
}

function checkProgram(image: ChipImage, cores: Cores, diagnostics: Diagnostics): void {
  const { embedded } = image;
  const { constants } = embedded;
  const error = (found: string, limit?: string) => diagnostics.error("E-IMAGE-008", { at: "embedded program", found, limit });
  if (embedded.chip < 0 || embedded.chip >= image.chips) error(`on chip ${embedded.chip}`, `0…${image.chips - 1}`);
  embedded.outputs.forEach(({ chip, core, compartment }, n) => {
    if (compartment >= (cores.get(address(chip, core))?.compartments.length ?? 0)) {
      error(`output ${n} is compartment ${compartment} of core ${core}, chip ${chip}, which is not there`);
    }
  });
  if (constants.ways !== embedded.outputs.length) error(`${constants.ways} ways and ${embedded.outputs.length} outputs`);
  if (constants.presentationSteps !== image.contract.presentationSteps) {
    error(`${constants.presentationSteps} steps a presentation`, `${image.contract.presentationSteps} (input contract)`);
  }
  const { epochSteps, windowSteps, gamma, theta } = constants;
  if (epochSteps < 1) error(`${epochSteps} steps an epoch`, "1 or more");
  if (embedded.form === "readout") return;
  const epochExp = Math.log2(epochSteps);
  if (!Number.isInteger(epochExp) || epochExp < 0 || epochExp > RANGE.epochExp[1]) error(`${epochSteps} steps an epoch`, "2^k");
  else if (windowSteps < 1 || windowSteps % epochSteps !== 0) error(`a window of ${windowSteps} steps`, `multiples of ${epochSteps}`);
  if (gamma < 1 || gamma > 7) error(`gain ${gamma}`, "1…7");
  if (theta < 1) error(`threshold ${theta}`, "1 or more");
  if (Math.abs(constants.hi) > TRACE_MAX * 8 || Math.abs(constants.lo) > TRACE_MAX * 8) {
    error(`targets ${constants.hi} and ${constants.lo}`, `±${TRACE_MAX * 8}`);
  }
}
