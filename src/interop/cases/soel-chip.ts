import { assembleRules } from "../../../hw/assembler.js";
import { encodeMicrocode } from "../../../hw/microcode.js";
import type { ChipImage, CoreImage } from "../../../hw/image.js";
import { Y1_NEUTRAL } from "../../../hw/limits.js";
import { biasParts, smallImage } from "./small-network.js";

/** A case of format `soel-chip-1` (golden/README.md): the plastic layer alone. */
export interface SoelChipCase {
  readonly name: string;
  readonly J: number;
  readonly K: number;
  readonly T: number;
  readonly S: number;
  readonly bits: number;
  readonly wgtExp: number;
  readonly vthMant: number;
  readonly decayU: number;
  readonly decayV: number;
  readonly refractory: number;
  /** [K] integers as added to u. */
  readonly bias: readonly number[];
  readonly seed: number;
  readonly plasticIndex: number;
  readonly dx: number;
  readonly imp: number;
  readonly tepoch: number;
  readonly k: number;
  readonly W: number;
  readonly gamma: number;
  readonly theta: number;
  readonly hi: number;
  readonly lo: number;
  readonly m: number;
  readonly s: number;
  readonly assigned: string;
  /** [K, J] mantissas. */
  readonly w0: readonly number[];
  readonly presentations: readonly SoelPresentation[];
}

/** One presentation: what is asked, and the answers. */
export interface SoelPresentation {
  readonly learn: 0 | 1;
  readonly label: number;
  readonly frames: string;
  readonly [answer: string]: unknown;
}

/** SOEL's rule with rate m·2^s: dw = m·2^s·u_k·x1·(y1 − 64), as microcode. Source: design §6. */
export function soelMicrocode(rateMant: number, rateExp: number, epochExp: number): Uint32Array {
  const [product] = assembleRules({ dw: `u${epochExp}*x1*(y1-${Y1_NEUTRAL})` }).products;
  return encodeMicrocode([{ ...product, mantissa: rateMant, exponent: rateExp }]);
}

/** The case's chip: one core, a learning axon an input, a compartment an output. */
export function soelChipImage(given: SoelChipCase): ChipImage {
  const outputs = Array.from({ length: given.K }, (_, i) => i);
  const { image } = smallImage({
    name: given.name,
    neurons: outputs.map((i) => ({
      decayU: given.decayU, decayV: given.decayV, vthMant: given.vthMant, refractory: given.refractory, ...biasParts(given.bias[i]),
    })),
    inputs: Array.from({ length: given.J }, (_, j) => ({
      target: outputs, mantissa: outputs.map((i) => given.w0[i * given.J + j]), delay: outputs.map(() => 0),
    })),
    recurrent: null, weightBits: given.bits, signMode: 1, wgtExp: given.wgtExp,
  }, { steps: given.T, presentationSteps: given.S, mode: "binary", chipSeed: given.seed });
  const [core] = image.cores;
  return {
    ...image,
    layers: [{ name: "output", kind: "dense", shape: [given.K, 1, 1], plastic: true }],
    cores: [plasticCore(core, given)],
    contract: { ...image.contract, outputs: given.K },
    embedded: {
      ...image.embedded, form: "chip",
      constants: {
        ways: given.K, presentationSteps: given.S, windowSteps: given.W, epochSteps: given.tepoch * 2 ** given.k,
        gamma: given.gamma, theta: given.theta, hi: given.hi, lo: given.lo,
      },
      outputs: outputs.map((compartment) => ({ chip: 0, core: 0, compartment })),
    },
  };
}

function plasticCore(core: CoreImage, given: SoelChipCase): CoreImage {
  return {
    ...core, tepoch: given.tepoch,
    synapseFormats: core.synapseFormats.map((format) => ({ ...format, learning: true, stdpProfile: 0 })),
    inputAxons: core.inputAxons.map((axon, j) => ({ ...axon, preTraceConfig: 0, logicalInput: j })),
    learning: {
      plasticLayer: given.plasticIndex, inputs: given.J, logicalOutput: Int32Array.from({ length: given.K }, (_, i) => i),
      preTrace: [{ decay: given.dx, impulse: given.imp, impulseFraction: 0 }], postTrace: [],
      stdpProfiles: [{ pointer: 0, numProducts: 1, decimateExp: given.k, requireY: false }],
      microcode: soelMicrocode(given.m, given.s, given.k), productMantissaBits: 4, resetPreTrace: true,
    },
  };
}
