import { V86 } from "v86";

/** An x86 machine that runs only when told to, and talks to us through 32-bit ports. */
export interface X86Machine {
  onRead(port: number, answer: () => number): void;
  onWrite(port: number, take: (value: number) => void): void;
  /** Wakes the machine and runs until it halts, or for about 1 ms. Throws what a port's answer threw. */
  runSlice(): void;
  readMemory(address: number, length: number): Uint8Array;
  writeMemory(bytes: Uint8Array, address: number): void;
  stop(): Promise<void>;
}

/** The part of v86's inside that we use: its type declarations stop at the outer object. Tried with 0.5.462. */
interface V86Cpu {
  readonly in_hlt: Uint8Array;
  main_loop(): number;
  readonly io: {
    /** port, device, readers of 8, 16 and 32 bits */
    register_read(port: number, device: null, r8: undefined, r16: undefined, r32: () => number): void;
    register_write(port: number, device: null, w8: undefined, w16: undefined, w32: (value: number) => void): void;
  };
}

const MEGABYTE = 1 << 20;

/** Where the package keeps its WebAssembly: beside its main file. */
const wasmPath = (): string => decodeURIComponent(new URL("v86.wasm", import.meta.resolve("v86")).pathname);

/** Loads an ELF (multiboot 1) into a bare machine without devices. Nothing runs until `runSlice`: the emulator's own
 *  loop, which lives on timers, is never started, so a phase costs no turn of the event loop. */
export async function startMachine(elf: Uint8Array, wasmLocation = wasmPath()): Promise<X86Machine> {
  const emulator = new V86({
    wasm_path: wasmLocation, memory_size: 16 * MEGABYTE, vga_memory_size: MEGABYTE, autostart: false,
    disable_keyboard: true, disable_mouse: true, disable_speaker: true,
    multiboot: { buffer: elf.slice().buffer },
  });
  await new Promise<void>((resolve) => emulator.add_listener("emulator-loaded", () => resolve()));
  const { cpu } = (emulator as unknown as { readonly v86: { readonly cpu: V86Cpu } }).v86;
  // An error of ours must not pass through the machine's frames: it is kept until the slice is over.
  let failure: { readonly error: unknown } | undefined;
  return {
    onRead(port, answer) {
      cpu.io.register_read(port, null, undefined, undefined, () => {
        try {
          return failure === undefined ? answer() : 0;
        } catch (error) {
          failure = { error };
          return 0;
        }
      });
    },
    onWrite(port, take) {
      cpu.io.register_write(port, null, undefined, undefined, (value) => {
        try {
          if (failure === undefined) take(value | 0);
        } catch (error) {
          failure = { error };
        }
      });
    },
    runSlice() {
      cpu.in_hlt[0] = 0;
      cpu.main_loop();
      if (failure === undefined) return;
      const { error } = failure;
      failure = undefined;
      throw error;
    },
    readMemory: (address, length) => emulator.read_memory(address, length).slice(),
    writeMemory: (bytes, address) => emulator.write_memory(bytes, address),
    stop: async () => { await emulator.destroy(); },
  };
}
