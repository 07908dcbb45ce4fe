import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileNetwork } from "../../compiler/pipeline.js";
import { emitEmbeddedProgram } from "../../hw/embedded/emit.js";
import { encodeImage } from "../../hw/image-codec.js";
import { writeBundle } from "../../src/cli/bundle.js";
import { Rng } from "../../src/base/rng.js";
import { encodeCheckpoint, freshCheckpoint } from "../../src/model/checkpoint.js";
import { parameterShapes } from "../../src/model/shapes.js";
import type { Parameters } from "../../src/model/types.js";
import { conv, dense, geometry, network, soel } from "../compiler/networks.js";

/** The demo's geometry (34×34 recordings, two halves of 16×16) on a smaller network. */
export const smallSpec = network("small", [2, 16, 32], [conv("conv1", 4, 5, 4, 2), dense("out", 4)], { soel });

/** Random masters from a seed; the scalars as the spec has them. */
function mastersOf(seed: number): Parameters {
  return Object.fromEntries(parameterShapes(smallSpec).map(({ name, shape }, k) => {
    const rng = new Rng(seed, 0x20000, k);
    const scalars: Record<string, number> = { hi: soel.hi, lo: soel.lo, theta: soel.theta, rho: soel.rateMant * 2 ** soel.rateExp };
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scalars[name] ?? 0.3 * (rng.uniform() - 0.5));
    return [name, values];
  }));
}

/** A folder with a bundle and files beside it, and how to remove it. */
export function smallBundle(): { readonly folder: string; readonly bundle: string; file: (name: string, bytes: Uint8Array) => string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "metaloihi-bundle-"));
  const bundle = join(folder, "bundle");
  const checkpoint = freshCheckpoint(smallSpec, geometry, mastersOf(5), { seed: 5, chipSeed: 9, config: '{"data":{"ways":4,"testQueries":1}}', data: "real", protocol: "B" });
  const { image } = compileNetwork(checkpoint.quantized, geometry, { chipSeed: 9 });
  const embedded = emitEmbeddedProgram(image.embedded);
  writeBundle(bundle, {
    "image.mlh": encodeImage({ ...image, embedded }), "program.c": new TextEncoder().encode(embedded.source),
    "checkpoint.mlh": encodeCheckpoint(checkpoint),
  });
  return {
    folder, bundle,
    file: (name, bytes) => {
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** N-MNIST bytes: a bar of events at one column, something a chip can tell from another column. */
export function barRecording(column: number, seed: number): Uint8Array {
  const rng = new Rng(seed, 0x20002);
  return Uint8Array.from(Array.from({ length: 400 }, (_, k) => {
    const t = k * 100;
    return [column + rng.below(4), rng.below(32), (rng.below(2) << 7) | (t >> 16), (t >> 8) & 0xff, t & 0xff];
  }).flat());
}
