import { UserError, userError } from "../base/errors.js";
import type { NetworkSpec } from "../model/types.js";
import type { Engine } from "./engine.js";

export type EngineName = Engine["name"];

type Maker = (spec: NetworkSpec, threads: number) => Promise<Engine>;

/** How to make each engine; imported only when asked for, as some need what not every machine has. */
const makers: Readonly<Record<EngineName, Maker>> = {
  native: async (spec, threads) => (await import("./native/native-engine.js")).createNativeEngine(spec, threads),
  wasm: async (spec, threads) => (await import("./native/node/wasm-engine.js")).createWasmEngine(spec, threads),
  tfjs: async (spec, threads) => (await import("./tfjs/tfjs-engine.js")).createTfjsEngine(spec, threads),
  reference: async (spec) => (await import("./reference/reference-engine.js")).createReferenceEngine(spec),
};

export interface CreatedEngine {
  readonly engine: Engine;
  /** Why a slower engine than `native` was taken, or what the one asked for runs on, for people; else empty. */
  readonly notice: string;
}

/** Makes the engine that was asked for, or the fastest that this machine has: native, then wasm, then reference.
 *  @throws UserError E-ENG-001 where the one asked for cannot run here */
export async function createEngine(
  spec: NetworkSpec,
  options: { readonly engine?: EngineName; readonly threads?: number } = {},
): Promise<CreatedEngine> {
  const threads = Math.max(1, options.threads ?? 1);
  if (options.engine) {
    try {
      const engine = await makers[options.engine](spec, threads);
      return { engine, notice: engine.runsOn ? `the ${engine.name} engine runs on ${engine.runsOn}` : "" };
    } catch (error) {
      // A network that this engine cannot run: it says what, and which one can.
      if (error instanceof UserError) throw error;
      throw userError({
        code: "E-ENG-001", at: `--engine ${options.engine}`, found: `cannot run here: ${messageOf(error)}`,
        hint: "leave --engine out to take the fastest one that is there",
      });
    }
  }
  const reasons: string[] = [];
  for (const name of ["native", "wasm", "reference"] as const) {
    try {
      const engine = await makers[name](spec, threads);
      const notice = reasons.length === 0 ? "" : `using the ${name} engine, which is slower: ${reasons.join("; ")}`;
      return { engine, notice };
    } catch (error) {
      reasons.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw new Error(`no training engine runs here: ${reasons.join("; ")}`);
}

/** A notice gives the reason, not the remedy: another engine was taken already. */
function messageOf(error: unknown): string {
  if (error instanceof UserError) return `${error.details[0].at}: ${error.details[0].found}`;
  return error instanceof Error ? error.message : String(error);
}
