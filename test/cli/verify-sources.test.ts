import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileNetwork } from "../../compiler/pipeline.js";
import { emitEmbeddedProgram } from "../../hw/embedded/emit.js";
import { encodeImage } from "../../hw/image-codec.js";
import { writeBundle } from "../../src/cli/bundle.js";
import { replayBundle } from "../../src/cli/commands/replay.js";
import { verifyBundle } from "../../src/cli/commands/verify.js";
import { Rng } from "../../src/base/rng.js";
import { encodeCheckpoint, freshCheckpoint } from "../../src/model/checkpoint.js";
import { PRESETS } from "../../src/model/presets.js";
import { parameterShapes } from "../../src/model/shapes.js";
import { conv, dense, network, soel } from "../compiler/networks.js";
import { writeOmniglot } from "../support/omniglot-fixture.js";

const folder = mkdtempSync(join(tmpdir(), "verify-sources-"));
afterAll(() => rmSync(folder, { recursive: true }));
const [data, bundle] = [join(folder, "set"), join(folder, "bundle")];

beforeAll(async () => {
  await writeOmniglot(data, { dvs_background: { Greek: 4, Hebrew: 4 }, dvs_evaluation: { Angelic: 4 } });
  const spec = network("small", [2, 26, 34], [conv("conv1", 4, 5, 4, 2), dense("out", 4)], { soel });
  const scalars: Record<string, number> = { hi: soel.hi, lo: soel.lo, theta: soel.theta, rho: soel.rateMant * 2 ** soel.rateExp };
  const masters = Object.fromEntries(parameterShapes(spec).map(({ name, shape }, k) => {
    const rng = new Rng(5, 0x20000, k);
    return [name, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scalars[name] ?? 0.6 * (rng.uniform() - 0.5))];
  }));
  const { geometry } = PRESETS["n-omniglot"];
  const config = '{"preset":"n-omniglot","data":{"set":"n-omniglot","ways":4,"testQueries":1}}';
  const checkpoint = freshCheckpoint(spec, geometry, masters, { seed: 5, chipSeed: 9, config, data: "real", protocol: "B" });
  const { image } = compileNetwork(checkpoint.quantized, geometry, { chipSeed: 9 });
  const embedded = emitEmbeddedProgram(image.embedded);
  writeBundle(bundle, {
    "image.mlh": encodeImage({ ...image, embedded }), "program.c": new TextEncoder().encode(embedded.source), "checkpoint.mlh": encodeCheckpoint(checkpoint),
  });
});

const options = { tasks: 1, queries: 1, seed: 1, engine: "reference", json: true, program: "typed" } as const;

describe("a bundle for N-Omniglot", () => {
  it("is verified on its own recordings, and on noise where none are named", async () => {
    expect((await verifyBundle({ ...options, bundle, data })).json).toMatchObject({
      certificate: { verdict: "equal", data: "real", source: "N-Omniglot", protocol: "B", split: "meta-test" }, parity: { differences: 0 },
    });
    expect((await verifyBundle({ ...options, bundle })).json).toMatchObject({ certificate: { verdict: "equal", data: "noise" } });
  }, 60_000);

  it("is replayed on them, and refused where none are [E-DATA-003]", async () => {
    const replayed = await replayBundle({ ...options, bundle, data, rateTasks: 1 });
    expect(replayed.json).toMatchObject({ protocol: "B", parity: { differences: 0 } });
    await expect(verifyBundle({ ...options, bundle, data: bundle })).rejects.toMatchObject({ code: "E-DATA-003" });
  }, 60_000);
});
