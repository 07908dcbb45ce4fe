import type { Diagnostics } from "../src/base/errors.js";
import { countInputEntries, countOutputSlots } from "./axon-slots.js";
import { unpackCompartment } from "./compartment-word.js";
import type { CoreImage, InputAxon, SynapseFormat, TraceConfig } from "./image.js";
import { AXON_ATOMS, CORE_LIMITS, CX_BASE_STEP, INDEX_BITS_BY_CODE, RANGE, TRACE_MAX, WEIGHT_BITS_BY_CODE } from "./limits.js";
import { decodeMicrocode } from "./microcode.js";
import { SYNAPSE_WORD_BYTES, SynapseColumns, unpackColumns } from "./synapse-words.js";
import { mantissaGrid } from "./weights.js";

const HOME = "hw/limits.ts";

/** Checks of one core; `at` names it. */
class CoreChecks {
  readonly at: string;
  private readonly columns = new SynapseColumns();
  private readonly listed = new Map<string, { low: number; high: number; learning: boolean } | null>();

  constructor(readonly core: CoreImage, readonly diagnostics: Diagnostics) {
    this.at = `chip ${core.chip}, core ${core.core}`;
  }

  error(code: string, what: string, found: string, limit?: string): void {
    this.diagnostics.error(code, { at: what === "" ? this.at : `${this.at}, ${what}`, found, limit });
  }

  /** Reports a value that is no integer in low…high. */
  range(what: string, value: number, low: number, high: number): boolean {
    const ok = Number.isInteger(value) && value >= low && value <= high;
    if (!ok) this.error("E-IMAGE-003", what, `${value}`, `${low}…${high} (${HOME})`);
    return ok;
  }

  count(what: string, found: number, limit: number): void {
    if (found > limit) this.error("E-IMAGE-002", "", `${found} ${what}`, `${limit} (${HOME})`);
  }

  /** Lowest and highest target offset of an axon's lists; null where a list is damaged (reported once). */
  extent(axon: InputAxon): { low: number; high: number; learning: boolean } | null {
    const key = `${axon.synapsePtr} ${axon.synapseLen} ${axon.atoms}`;
    let found = this.listed.get(key);
    if (found === undefined) {
      found = this.readLists(axon);
      this.listed.set(key, found);
    }
    return found;
  }

  private readLists(axon: InputAxon): { low: number; high: number; learning: boolean } | null {
    const { synapseFormats, synapseMemory } = this.core;
    const { columns } = this;
    let low = Infinity;
    let high = -Infinity;
    let learning = false;
    for (let atom = 0; atom < axon.atoms; atom++) {
      const first = axon.synapsePtr + atom * axon.synapseLen;
      try {
        const count = unpackColumns(synapseFormats, synapseMemory, first, axon.synapseLen, columns);
        const { index, format: numbers } = columns;
        for (let k = 0, last = 0, format = synapseFormats[0]; k < count; k++) {
          if (numbers[k] !== last) {
            last = numbers[k];
            format = synapseFormats[last - 1];
            learning ||= format.learning;
          }
          const target = format.cIdxOffset + index[k] * (format.cIdxMult + 1);
          if (target < low) low = target;
          if (target > high) high = target;
        }
        this.checkSynapses(count, first);
      } catch (error) {
        this.error("E-IMAGE-004", `synapse list at word ${first}`, (error as Error).message);
        return null;
      }
    }
    return { low, high, learning };
  }

  /** Mantissas and delays of the list that was read last. */
  private checkSynapses(count: number, word: number): void {
    const { weight, delay, format: numbers } = this.columns;
    let grid = { min: 0, max: 0 };
    for (let k = 0, last = 0; k < count; k++) {
      if (numbers[k] !== last) {
        last = numbers[k];
        const format = this.core.synapseFormats[last - 1];
        grid = mantissaGrid(WEIGHT_BITS_BY_CODE[format.wgtBitsCode], format.fanoutType);
      }
      if (weight[k] < grid.min || weight[k] > grid.max) {
        this.error("E-IMAGE-003", `synapse list at word ${word}`, `mantissa ${weight[k]}`, `${grid.min}…${grid.max}`);
      }
      if (delay[k] > RANGE.delay[1]) {
        this.error("E-IMAGE-003", `synapse list at word ${word}`, `delay ${delay[k]}`, `0…${RANGE.delay[1]} (${HOME})`);
      }
    }
  }
}

/** Checks that a core is within every limit, that its fields fit their widths, and that its own pointers point somewhere.
 *  Codes: E-IMAGE-002 too many of something, 003 a value out of range, 004 a damaged synapse list, 005 a pointer, 006 microcode. */
export function verifyCore(core: CoreImage, diagnostics: Diagnostics): void {
  const checks = new CoreChecks(core, diagnostics);
  checkCounts(checks);
  checkSettings(checks);
  core.synapseFormats.forEach((format, n) => checkFormat(checks, format, n + 1));
  checkCompartments(checks);
  const damaged = diagnostics.errors.length > 0;
  if (!damaged) core.inputAxons.forEach((axon, n) => checkInputAxon(checks, axon, n));
  checkOutputOrder(checks);
  if (core.learning !== null) checkLearning(checks);
}

function checkCounts(checks: CoreChecks): void {
  const { core } = checks;
  const slots = countOutputSlots(core);
  checks.count("compartments", core.compartments.length, CORE_LIMITS.compartments);
  checks.count("words of synapse memory", core.synapseMemory.length / SYNAPSE_WORD_BYTES, CORE_LIMITS.synapseWords);
  checks.count("input-axon entries", countInputEntries(core), CORE_LIMITS.inputAxons);
  checks.count("output-axon slots", slots.perPopulation, CORE_LIMITS.outputAxonSlots);
  checks.count("compartment profiles", core.compartmentProfiles.length, CORE_LIMITS.compartmentProfiles);
  checks.count("vth profiles", core.vthProfiles.length, CORE_LIMITS.vthProfiles);
  checks.count("synapse formats", core.synapseFormats.length, CORE_LIMITS.synapseFormats);
  const slotsOfRing = core.compartments.length * 2 ** core.delayBits;
  checks.count(`accumulator entries (${2 ** core.delayBits} a compartment)`, slotsOfRing, CORE_LIMITS.dendriticAccumulators);
  if (slots.perCompartment > CORE_LIMITS.outputAxonSlots) {
    checks.diagnostics.warn("W-IMAGE-001", {
      at: checks.at, found: `${slots.perCompartment} output-axon slots if they are counted by compartment`,
      limit: `${CORE_LIMITS.outputAxonSlots}; both public tools count by population`,
    });
  }
  if (core.synapseMemory.length % SYNAPSE_WORD_BYTES !== 0) {
    checks.error("E-IMAGE-003", "synapse memory", `${core.synapseMemory.length} bytes`, "whole words of 8 bytes");
  }
}

function checkSettings(checks: CoreChecks): void {
  const { core } = checks;
  checks.range("dsOffset", core.dsOffset, 0, 1);
  checks.range("dmOffset", core.dmOffset, 0, 1);
  checks.range("negVmLimit", core.negVmLimit, 0, 23);
  checks.range("posVmLimit", core.posVmLimit, 0, 7);
  checks.range("delayBits", core.delayBits, 0, 6);
  checks.range("tepoch", core.tepoch, ...RANGE.tepoch);
  core.compartmentProfiles.forEach((profile, n) => {
    checks.range(`compartment profile ${n}, decayU`, profile.decayU, 0, 4095);
    checks.range(`compartment profile ${n}, decayV`, profile.decayV, 0, 4095);
    checks.range(`compartment profile ${n}, refractDelay`, profile.refractDelay, ...RANGE.refractory);
  });
  core.vthProfiles.forEach((vth, n) => checks.range(`vth profile ${n}`, vth, ...RANGE.vthMant));
}

function checkFormat(checks: CoreChecks, format: SynapseFormat, number: number): void {
  const at = `synapse format ${number}`;
  checks.range(`${at}, wgtBitsCode`, format.wgtBitsCode, 1, 7);
  checks.range(`${at}, idxBitsCode`, format.idxBitsCode, 0, INDEX_BITS_BY_CODE.length - 1);
  if (format.compression === "runlength") checks.range(`${at}, skipBits`, format.skipBits, 2, 5);
  else checks.range(`${at}, skipBits`, format.skipBits, 0, 0);
  checks.range(`${at}, dlyBits`, format.dlyBits, 0, checks.core.delayBits);
  checks.range(`${at}, tagBits`, format.tagBits, 0, 9);
  checks.range(`${at}, wgtExp`, format.wgtExp, ...RANGE.wgtExp);
  checks.range(`${at}, fanoutType`, format.fanoutType, 1, 3);
  checks.range(`${at}, cIdxOffset`, format.cIdxOffset, 0, 15);
  checks.range(`${at}, cIdxMult`, format.cIdxMult, 0, 15);
  if (!format.learning) return;
  if (checks.core.learning === null) checks.error("E-IMAGE-005", at, "it learns on a core without learning engine set-up");
  else checks.range(`${at}, stdpProfile`, format.stdpProfile, 0, checks.core.learning.stdpProfiles.length - 1);
}

function checkCompartments(checks: CoreChecks): void {
  const { core } = checks;
  core.compartments.forEach((word, n) => {
    const { vthProfile, profile } = unpackCompartment(word);
    if (vthProfile >= core.vthProfiles.length) {
      checks.error("E-IMAGE-005", `compartment ${n}`, `vth profile ${vthProfile}`, `0…${core.vthProfiles.length - 1}`);
    }
    if (profile >= core.compartmentProfiles.length) {
      checks.error("E-IMAGE-005", `compartment ${n}`, `profile ${profile}`, `0…${core.compartmentProfiles.length - 1}`);
    }
    if (word >= 2 ** 24) checks.error("E-IMAGE-003", `compartment ${n}`, "bits beyond the word's 24 are set");
  });
}

function checkInputAxon(checks: CoreChecks, axon: InputAxon, n: number): void {
  const { core } = checks;
  const at = `input axon ${n}`;
  const atomLimit = axon.kind === "discrete" ? 1 : AXON_ATOMS[axon.kind];
  const words = core.synapseMemory.length / SYNAPSE_WORD_BYTES;
  const step = CX_BASE_STEP[axon.kind];
  const whole = [
    checks.range(`${at}, atoms`, axon.atoms, 1, atomLimit),
    checks.range(`${at}, synapseLen`, axon.synapseLen, 0, CORE_LIMITS.wordsPerAxon),
    checks.range(`${at}, cxBase in steps of ${step}`, axon.cxBase / step, 0, CORE_LIMITS.cxBase),
    checks.range(`${at}, preTraceConfig`, axon.preTraceConfig, -1, (core.learning?.preTrace.length ?? 0) - 1),
    checks.range(`${at}, logicalInput`, axon.logicalInput, -1, (core.learning?.inputs ?? 0) - 1),
  ].every(Boolean);
  if (!whole) return;
  const end = axon.synapsePtr + axon.atoms * axon.synapseLen;
  if (axon.synapsePtr < 0 || end > words) {
    checks.error("E-IMAGE-005", at, `words ${axon.synapsePtr}…${end - 1}`, `the core's ${words} words`);
    return;
  }
  const extent = checks.extent(axon);
  if (extent === null) return;
  if (axon.cxBase + extent.high >= core.compartments.length) {
    checks.error("E-IMAGE-005", at, `target compartment ${axon.cxBase + extent.high}`, `0…${core.compartments.length - 1}`);
  }
  if (extent.learning && (axon.preTraceConfig < 0 || axon.logicalInput < 0 || axon.kind !== "discrete")) {
    checks.error("E-IMAGE-005", at, "learning synapses behind an axon without trace or logical input", "a discrete axon with both");
  }
}

function checkOutputOrder(checks: CoreChecks): void {
  let last = 0;
  checks.core.outputAxons.forEach((axon, n) => {
    if (axon.compartment < last || axon.compartment >= checks.core.compartments.length) {
      checks.error("E-IMAGE-005", `output axon ${n}`, `compartment ${axon.compartment}`,
        `ascending, 0…${checks.core.compartments.length - 1}`);
    }
    last = axon.compartment;
  });
}

function checkTrace(checks: CoreChecks, at: string, trace: TraceConfig): void {
  checks.range(`${at}, decay`, trace.decay, 0, 65_536);
  checks.range(`${at}, impulse`, trace.impulse, 0, TRACE_MAX);
  checks.range(`${at}, impulseFraction`, trace.impulseFraction, 0, TRACE_MAX);
}

function checkLearning(checks: CoreChecks): void {
  const learning = checks.core.learning!;
  checks.count("pre-trace configurations", learning.preTrace.length, CORE_LIMITS.preTraceConfigs);
  checks.count("learning profiles", learning.stdpProfiles.length, CORE_LIMITS.stdpProfiles);
  checks.count("words of microcode", learning.microcode.length, CORE_LIMITS.microcodeWords);
  checks.range("productMantissaBits", learning.productMantissaBits, 0, 15);
  checks.range("plasticLayer", learning.plasticLayer, 0, 4095);
  learning.preTrace.forEach((trace, n) => checkTrace(checks, `pre trace ${n}`, trace));
  learning.preTrace2?.forEach((trace, n) => checkTrace(checks, `second pre trace ${n}`, trace));
  learning.postTrace.forEach((trace, n) => checkTrace(checks, `post trace ${n}`, trace));
  if (learning.rewardTrace) checkTrace(checks, "reward trace", learning.rewardTrace);
  if (learning.postTrace.length > 3) checks.error("E-IMAGE-002", "", `${learning.postTrace.length} post traces`, "3");
  if (learning.logicalOutput.length !== checks.core.compartments.length) {
    checks.error("E-IMAGE-005", "logicalOutput", `${learning.logicalOutput.length} rows`, "one a compartment");
  }
  checkMicrocode(checks);
  checkLogical(checks, "logical input", checks.core.inputAxons.map((axon) => axon.logicalInput));
  checkLogical(checks, "logical output", learning.logicalOutput);
}

function checkMicrocode(checks: CoreChecks): void {
  const learning = checks.core.learning!;
  learning.stdpProfiles.forEach((profile, n) => {
    checks.range(`learning profile ${n}, decimateExp`, profile.decimateExp, ...RANGE.epochExp);
    try {
      decodeMicrocode(learning.microcode, profile.pointer, profile.numProducts);
    } catch (error) {
      checks.error("E-IMAGE-006", `learning profile ${n}`, (error as Error).message);
    }
  });
}

/** A synapse's random number is drawn at its logical address: two of one address would share their draws. */
function checkLogical(checks: CoreChecks, what: string, values: ArrayLike<number>): void {
  const seen = new Set<number>();
  for (let n = 0; n < values.length; n++) {
    if (values[n] < 0) continue;
    if (seen.has(values[n])) checks.error("E-IMAGE-005", what, `${values[n]} twice`, "each once");
    seen.add(values[n]);
  }
}
