import { join } from "node:path";
import type { CommandModule } from "yargs";
import { type AdvisoryUse, advisoryUse, worstUse } from "../../../compiler/core-use.js";
import type { ChipImage } from "../../../hw/image.js";
import { verifyImage } from "../../../hw/verify-image.js";
import { CheckFailed, Diagnostics, UserError, userError } from "../../base/errors.js";
import { createEngine, type EngineName } from "../../engines/create.js";
import type { Engine } from "../../engines/engine.js";
import { type Checkpoint, decodeCheckpoint } from "../../model/checkpoint.js";
import { type Certificate, formatCertificate, makeCertificate } from "../../parity/certificate.js";
import { checkTask } from "../../parity/check-task.js";
import { addComparisons, EMPTY_COMPARISON, type ParityComparison } from "../../parity/compare-records.js";
import { noiseTask } from "../../parity/noise-task.js";
import { replayTask } from "../../replay/replay-task.js";
import type { Task, TaskSource } from "../../tasks/types.js";
import { resolveConfig } from "../../train/config.js";
import { BUNDLE_PART, type Bundle, type BundleDamage, checkBundle, damageText, readBundle, writeBundle } from "../bundle.js";
import { checkCount } from "../check-count.js";
import { sourceOf } from "../config-source.js";
import { cacheOption } from "../data-place.js";
import { certifiedHashes } from "../open-bundle.js";
import { engineOptions, jsonOption, seedOption } from "../options.js";
import { Progress } from "../progress.js";
import { type CommandResult, runHandler } from "../run.js";
import { sourceFits } from "../task-source.js";

export interface VerifyArgs {
  readonly bundle: string;
  readonly tasks: number;
  readonly queries: number;
  readonly seed: number;
  readonly program?: "typed" | "x86";
  readonly engine?: EngineName;
  readonly threads?: number;
  readonly data?: string;
  /** Folder of recordings made ready; false keeps none. */
  readonly cache?: string | false;
  readonly json?: boolean;
}

/** Checks a bundle: every hash, every limit of the chip, and the run itself, engine against simulator, with the typed
 *  program and with its machine code. Writes the certificate into the bundle. A check that fails is not an error: the
 *  result says which, and the exit code is 1.
 *  @throws UserError E-BUNDLE-001 (no bundle), E-IMAGE-…, E-ENG-… */
export async function verifyBundle(args: VerifyArgs): Promise<CommandResult> {
  checkCount("--tasks", args.tasks);
  checkCount("--queries", args.queries);
  const damages = checkBundle(args.bundle);
  if (damages.length > 0) return damagedResult(args.bundle, damages, args.json === true);
  const bundle = readBundle(args.bundle);
  const limits = checkLimits(bundle.image);
  const hashes = { parts: bundle.hashes, damaged: [] };
  if (limits.errors.length > 0) {
    return { json: { hashes, limits, parity: null }, text: `Outside the chip's limits:\n${limits.errors.join("\n")}`, failed: true };
  }
  if (!(BUNDLE_PART.checkpoint in bundle.files)) {
    return {
      json: { hashes, limits, parity: null }, failed: true,
      text: `${args.bundle}: the hashes are right and all limits are kept, but there is no ${BUNDLE_PART.checkpoint} to hold the chip against`,
    };
  }
  const { runs, certificate } = await checkParity(bundle, args);
  const { differences, compared, first } = certificate.comparison;
  writeCertificate(bundle, certificate);
  return {
    json: {
      hashes, limits, certificate,
      parity: { differences, spikes: compared.spikes, weights: compared.weights, runs, first, compared },
    },
    text: `Hashes: all ${Object.keys(bundle.hashes).length} parts are right\nLimits: kept on every core of ${bundle.image.cores.length}\n` +
      `${formatCertificate(certificate)}\nWritten: ${join(args.bundle, BUNDLE_PART.certificate)}`,
    failed: certificate.verdict !== "equal",
  };
}

/** A damaged bundle: for people a sentence a part on stderr, for programs the parts on stdout; exit code 1 in either form. */
function damagedResult(path: string, damages: readonly BundleDamage[], json: boolean): CommandResult {
  const [{ part, byte }] = damages;
  const text = damages.map((damage) => damageText(path, damage)).join("\n");
  if (!json) throw new CheckFailed(text);
  return { json: { hashes: { damaged: damages }, damaged: { part, byte }, limits: null, parity: null }, text, failed: true };
}

interface LimitCheck {
  readonly errors: readonly string[];
  readonly worst: ReturnType<typeof worstUse>;
  readonly advisory: AdvisoryUse;
}

function checkLimits(image: ChipImage): LimitCheck {
  const diagnostics = new Diagnostics();
  verifyImage(image, diagnostics);
  const errors = diagnostics.errors.map((detail) => new UserError([detail]).message);
  return { errors, worst: worstUse(image.cores), advisory: advisoryUse(image.cores) };
}

async function checkParity(bundle: Bundle, args: VerifyArgs): Promise<{ runs: number; certificate: Certificate }> {
  const { image } = bundle;
  const checkpoint = decodeCheckpoint(bundle.files[BUNDLE_PART.checkpoint], join(bundle.path, BUNDLE_PART.checkpoint));
  const { engine, notice } = await createEngine(checkpoint.spec, { engine: args.engine, threads: args.threads });
  if (notice) process.stderr.write(`${notice}\n`);
  try {
    engine.setParameters(checkpoint.masters, checkpoint.quantized);
    const { tasks, ...about } = await tasksFor(image, checkpoint, args);
    const programs = args.program ? [args.program] : image.embedded.elf.length > 0 ? (["typed", "x86"] as const) : (["typed"] as const);
    const { runs, comparison } = await compareRuns(engine, image, tasks, programs,
      new Progress("runs compared", tasks.length * programs.length, args.json === true && process.stderr.isTTY !== true));
    return {
      runs,
      certificate: makeCertificate({
        ...about, comparison, engine: engine.name, programs, tasks: tasks.map((t) => t.number), taskSeed: args.seed,
        chipSeed: image.chipSeed, hashes: certifiedHashes(bundle),
        resetPreTrace: image.cores.every((core) => core.learning === null || core.learning.resetPreTrace),
      }),
    };
  } finally {
    engine.dispose();
  }
}

async function compareRuns(
  engine: Engine, image: ChipImage, tasks: readonly Task[], programs: readonly ("typed" | "x86")[], progress: Progress,
): Promise<{ runs: number; comparison: ParityComparison }> {
  let comparison = EMPTY_COMPARISON;
  let runs = 0;
  for (const task of tasks) {
    for (const program of programs) {
      comparison = addComparisons(comparison, await checkTask(engine, image, task, await replayTask(image, task, { program })));
      progress.update(++runs);
    }
  }
  progress.done();
  return { runs, comparison };
}

/** Meta-test tasks of the set that the network was trained on; where its recordings are not at hand and none are named,
 *  seeded noise. @throws UserError E-REPLAY-002 where recordings are named that do not fit the image's input contract */
async function tasksFor(image: ChipImage, checkpoint: Checkpoint, { tasks, queries, seed, data, cache }: VerifyArgs): Promise<
  { readonly tasks: readonly Task[] } & Pick<Certificate, "data" | "source" | "protocol" | "split">
> {
  const { contract } = image;
  const numbers = Array.from({ length: tasks }, (_, n) => n);
  const source = await sourceAtHand(checkpoint, { data, cache });
  if (data !== undefined && source && !sourceFits(source, contract)) {
    throw userError({
      code: "E-REPLAY-002", at: data, found: `${source.name} gives [${source.shape}] at ${source.timestepUs} µs`,
      limit: `[${contract.steps}, ${contract.shape}] at ${contract.timestepUs} µs, the image's input contract`,
      hint: "the recordings that the network was trained for, or no --data: seeded noise",
    });
  }
  if (!source || !sourceFits(source, contract)) {
    return {
      tasks: numbers.map((n) => noiseTask(contract, seed, n, contract.outputs * queries)), data: "noise", source: "noise", protocol: "–", split: "–",
    };
  }
  const options = { seed, ways: contract.outputs, shots: 1, queriesPerClass: queries, passes: contract.passes };
  return {
    tasks: numbers.map((n) => source.draw("test", n, options)), data: source.data, source: source.name, protocol: source.protocol, split: "meta-test",
  };
}

/** Recordings of the checkpoint's set; undefined where they do not ship with the package and none are named. */
async function sourceAtHand({ config }: Checkpoint, { data, cache }: Pick<VerifyArgs, "data" | "cache">): Promise<TaskSource | undefined> {
  const resolved = resolveConfig(JSON.parse(config), BUNDLE_PART.checkpoint);
  if (data === undefined && resolved.config.data.set !== "double-nmnist") return undefined;
  try {
    return await sourceOf(resolved, data, { cache });
  } catch (error) {
    // The embedded recordings do not fit this network: the check runs on noise. What the user names must do.
    if (data === undefined && error instanceof UserError && error.code === "E-DATA-002") return undefined;
    throw error;
  }
}

/** The certificate goes into the bundle; where the folder cannot be written the check still stands. */
function writeCertificate(bundle: Bundle, certificate: Certificate): void {
  try {
    writeBundle(bundle.path, { ...bundle.files, [BUNDLE_PART.certificate]: new TextEncoder().encode(`${JSON.stringify(certificate, null, 1)}\n`) });
  } catch (error) {
    process.stderr.write(`the certificate could not be written into the bundle: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

/** `verify BUNDLE`. */
export const verifyCommand: CommandModule = {
  command: "verify <bundle>",
  describe: "check a bundle: hashes, limits, and parity of engine, simulated chip and x86 program",
  builder: (yargs) => yargs
    .positional("bundle", { type: "string", demandOption: true, describe: "folder that compile made" })
    .options({
      tasks: { type: "number", default: 2, describe: "tasks to run" },
      queries: { type: "number", default: 1, describe: "queries a class in each task" },
      program: { choices: ["typed", "x86"] as const, describe: "only this form of the embedded program (default: both)" },
      data: { type: "string", describe: "recordings, as train takes them (default: those that ship with the package where they fit, else noise)" },
      ...cacheOption,
      ...seedOption, ...engineOptions, ...jsonOption,
    })
    .example("$0 verify out/bundle", "two meta-test tasks, both forms of the program")
    .example("$0 verify out/bundle --tasks 20 --queries 10 --program typed --json", "a longer check, as JSON"),
  handler: runHandler((args) => verifyBundle(args as unknown as VerifyArgs)) as CommandModule["handler"],
};
