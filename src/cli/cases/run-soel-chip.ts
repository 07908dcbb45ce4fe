import { type SoelChipCase, soelChipImage, type SoelPresentation } from "../../interop/cases/soel-chip.js";
import type { ChipMachine } from "../../../sim/chip-machine.js";
import { framesOfBits } from "./frames.js";
import { loadCase } from "./load-case.js";

const QUANTITIES = ["q", "u", "u+bias"];
const hexByte = (value: number) => value.toString(16).padStart(2, "0");

/** Runs a case through its chip image (wraps allowed and listed) and gives it back with every answer computed. */
export async function runSoelChipCase(given: SoelChipCase): Promise<SoelChipCase> {
  const machine = await loadCase(soelChipImage(given), given.seed);
  const presentations: SoelPresentation[] = [];
  for (const asked of given.presentations) presentations.push(await runPresentation(machine, given, asked));
  await machine.dispose();
  return { ...given, presentations };
}

async function runPresentation(machine: ChipMachine, given: SoelChipCase, asked: SoelPresentation): Promise<SoelPresentation> {
  const { K, S, W } = given;
  const x1: string[] = [];
  const c: string[] = [];
  const raster = new Uint8Array(S * K);
  const window = new Int32Array(K);
  machine.probe = ({ cores: [core] }, r) => {
    x1.push(...Array.from(core.learning!.x1, hexByte));
    for (let n = 0; n < core.firedBefore.count; n++) window[core.firedBefore.items[n]]++;
    c.push(...Array.from(window, hexByte));
    if (r % W === 0) window.fill(0);
    for (let n = 0; n < core.fired.count; n++) raster[(r - 1) * K + core.fired.items[n]] = 1;
  };
  const assigned = Uint8Array.from(given.assigned, Number);
  const trace = await machine.present(framesOfBits(asked.frames, given.J), { learn: asked.learn === 1, label: asked.label, assigned });
  const wraps = machine.overflows
    .map(({ r, quantity, compartment }) => [r, quantity, compartment] as const)
    .sort((a, b) => a[0] - b[0] || QUANTITIES.indexOf(a[1]) - QUANTITIES.indexOf(b[1]) || a[2] - b[2]);
  return {
    learn: asked.learn, label: asked.label, frames: asked.frames,
    u: Array.from(trace.u), v: Array.from(trace.v), spikes: raster.join(""), x1: x1.join(""), c: c.join(""),
    y1: Array.from(trace.y1), w: Array.from(trace.weights), N: Array.from(trace.outputSpikes), decision: trace.decision, wraps,
  };
}
