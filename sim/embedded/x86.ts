import { elfSymbols } from "../../hw/embedded/elf.js";
import type { EmbeddedProgramImage } from "../../hw/image.js";
import { CHIP_LIMITS } from "../../hw/limits.js";
import { assert, userError } from "../../src/base/errors.js";
import { bytesOfWords, messageWords, wordsOfBytes } from "./channel.js";
import type { EmbeddedCore, NeuroCoreAccess } from "./embedded-core.js";
import { startMachine, type X86Machine } from "./machine.js";

/** Ports and phases of hw/embedded/runtime/runtime_ports.h. */
export const PORT = {
  phase: 0xe00, time: 0xe04, selectCore: 0xe08, selectCompartment: 0xe0c, spikeCount: 0xe10, u: 0xe14, v: 0xe18,
  postTrace: 0xe1c, reset: 0xe20, channel: 0xe24,
} as const;
export const PHASE = { wait: 0, preLearning: 1, management: 2 } as const;

/** Slices of the machine's time (1 ms or 100,000 instructions each) that a phase may take: our programs need one. */
const SLICES_MAX = 500;

/** The program's machine code on an emulated x86, in lockstep with the neuro cores: a phase runs until the machine
 *  asks for the next one and halts. Loading takes tens of milliseconds, once.
 *  @param wasmLocation  path (in a browser: URL) of v86.wasm, where the package cannot be asked for it
 *  @throws E-PROG-004 where the image holds no machine code, E-PROG-003 where it is damaged */
export async function createX86Core(
  program: EmbeddedProgramImage, access: NeuroCoreAccess, wasmLocation?: string,
): Promise<EmbeddedCore> {
  if (program.elf.length === 0) {
    throw userError({
      code: "E-PROG-004", at: "embedded program of the image", found: "no machine code",
      limit: "an ELF with its constant table filled in", hint: "run the typed program instead (--program typed)",
    });
  }
  const symbols = elfSymbols(program.elf);
  const stateStart = symbols.address("_state_start");
  const stateBytes = symbols.address("_bss_end") - stateStart;
  const outputCount = program.outputs.length;
  const machine = await startMachine(program.elf, wasmLocation);
  return connect(machine, access, { stateStart, stateBytes, outputCount });
}

interface ProgramPlace {
  /** All that the program remembers, its stack included: address and length. */
  readonly stateStart: number;
  readonly stateBytes: number;
  readonly outputCount: number;
}

function connect(machine: X86Machine, access: NeuroCoreAccess, place: ProgramPlace): EmbeddedCore {
  /** Message of the host, words of it that are read, and the decision. */
  const message = new Int32Array(2 + place.outputCount);
  let read = 0;
  let decision = -1;
  /** What the next read of the phase port answers; it is answered once. */
  let pending: number = PHASE.wait;
  let idle = false;
  let [chip, core, compartment] = [0, 0, 0];

  machine.onRead(PORT.phase, () => {
    const phase = pending;
    pending = PHASE.wait;
    idle = phase === PHASE.wait;
    return phase;
  });
  machine.onRead(PORT.time, () => access.time);
  machine.onWrite(PORT.selectCore, (address) => {
    chip = Math.floor(address / CHIP_LIMITS.cores);
    core = address % CHIP_LIMITS.cores;
  });
  machine.onWrite(PORT.selectCompartment, (index) => { compartment = index; });
  machine.onRead(PORT.spikeCount, () => access.readAndClearSpikeCount(chip, core, compartment));
  machine.onRead(PORT.u, () => access.readU(chip, core, compartment));
  machine.onRead(PORT.v, () => access.readV(chip, core, compartment));
  machine.onWrite(PORT.postTrace, (y1) => access.writePostTrace(chip, core, compartment, y1));
  machine.onWrite(PORT.reset, () => access.resetState());
  machine.onRead(PORT.channel, () => {
    assert(read < message.length, "embedded program bug: it reads past the host's message");
    return message[read++];
  });
  machine.onWrite(PORT.channel, (word) => { decision = word; });

  const run = (phase: number): void => {
    pending = phase;
    idle = false;
    for (let slice = 0; slice < SLICES_MAX; slice++) {
      machine.runSlice();
      if (idle) return;
    }
    throw new Error(`embedded program bug: phase ${phase} of step ${access.time} does not end`);
  };
  run(PHASE.wait);

  return {
    beginPresentation(next) {
      message.set(messageWords(next, place.outputCount));
      read = 0;
      decision = -1;
    },
    preLearning: () => run(PHASE.preLearning),
    management: () => run(PHASE.management),
    takeDecision() {
      const taken = decision;
      decision = -1;
      return taken;
    },
    // The machine halts at one place only, so its registers are the same whenever a state is taken.
    saveState: () => concatenate(
      bytesOfWords(Int32Array.of(read, decision), message), machine.readMemory(place.stateStart, place.stateBytes),
    ),
    restoreState(state) {
      const channelBytes = 4 * (2 + message.length);
      const words = wordsOfBytes(state.subarray(0, state.length - place.stateBytes), channelBytes / 4);
      [read, decision] = words;
      message.set(words.subarray(2));
      machine.writeMemory(state.subarray(channelBytes), place.stateStart);
    },
    dispose: () => machine.stop(),
  };
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
