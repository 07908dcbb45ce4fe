import { z } from "zod";
import type { TransformSpec } from "./transforms.js";

const positive = z.number().positive();
const count = z.number().int().positive();

/** Schema of one transform in a config; unknown keys are errors. Gives editors completion through JSON Schema. */
export const transformSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("crop"), x: z.number().int().min(0), y: z.number().int().min(0), width: count, height: count })
    .describe("keep a window of the sensor; its corner becomes 0, 0"),
  z.strictObject({ kind: z.literal("downsample"), factor: count }).describe("factor × factor pixels become one; every event stays"),
  z.strictObject({ kind: z.literal("timeDownsample"), timestepUs: positive }).describe("round times down to multiples"),
  z.strictObject({ kind: z.literal("timeWindow"), fromUs: z.number(), toUs: z.number() }).describe("keep from ≤ t < to"),
  z.strictObject({ kind: z.literal("rebase") }).describe("let times start at 0"),
  z.strictObject({ kind: z.literal("mergePolarity") }).describe("every event becomes OFF, so one channel holds all"),
  z.strictObject({ kind: z.literal("swapPolarity") }).describe("ON becomes OFF and the other way round"),
  z.strictObject({ kind: z.literal("refractory"), periodUs: positive }).describe("drop events of a pixel within the period after its last kept one"),
  z.strictObject({ kind: z.literal("backgroundActivity"), windowUs: positive }).describe("drop events without a neighbor's event in the window before"),
  z.strictObject({ kind: z.literal("hotPixels"), factor: positive }).describe("drop pixels with more than factor × the mean count of active pixels"),
  z.strictObject({ kind: z.literal("flipX") }).describe("mirror left and right"),
  z.strictObject({ kind: z.literal("flipY") }).describe("mirror top and bottom"),
  z.strictObject({ kind: z.literal("jitterTime"), stdUs: positive }).describe("normal noise on times"),
  z.strictObject({ kind: z.literal("jitterSpace"), stdPixels: positive }).describe("normal noise on pixels"),
  z.strictObject({ kind: z.literal("drop"), share: z.number().min(0).max(1) }).describe("drop each event with that probability"),
  z.strictObject({ kind: z.literal("reverseTime") }).describe("play backwards; brighter becomes darker"),
]) satisfies z.ZodType<TransformSpec>;
