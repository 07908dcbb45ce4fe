import type { ChipMachine, Probe } from "./chip-machine.js";

/** Units of the refractory count in the voltage register.  loihi-facts §1.5: nengo issues #6 and #170. */
const REFRACTORY_UNIT = 128;

/** The chip's own view of v. On the chip the voltage register of a compartment that fired holds its refractory count, R·128, and
 *  counts down while it is blocked; the simulator's `v`, as all public emulators', reads 0 there. A view with its own memory: set
 *  `chip.probe = view.probe`, or call it from another probe. That it ends at 128 in the last blocked step is our inference. */
export class VoltageRegister {
  /** [core][compartment] first step that is not blocked any more. */
  private readonly freeAt: readonly Int32Array[];
  private time = 0;

  constructor(private readonly chip: ChipMachine) {
    this.freeAt = chip.cores.map((core) => new Int32Array(core.compartmentCount));
  }

  /** Notes who fired in this step. */
  readonly probe: Probe = ({ time, cores }, r) => {
    this.time = time;
    cores.forEach(({ fired, blockedSteps }, n) => {
      if (r === 1) this.freeAt[n].fill(0); // the program clears refractory counts between presentations
      for (let k = 0; k < fired.count; k++) this.freeAt[n][fired.items[k]] = time + blockedSteps[fired.items[k]] + 1;
    });
  };

  /** What the register of a compartment holds after the step that `probe` saw last. @param core index in `chip.cores` */
  read(core: number, compartment: number): number {
    const left = this.freeAt[core][compartment] - this.time;
    return left > 0 ? left * REFRACTORY_UNIT : this.chip.cores[core].v[compartment];
  }
}
