/** The configuration of a training run, as the JSON file has it. Every field says what it is, for editors. */
import { z } from "zod";
import { transformSchema } from "../events/transform-schema.js";

const pair = z.union([z.int().min(1), z.tuple([z.int().min(1), z.int().min(1)])]);
const padding = z.union([z.int().min(0), z.tuple([z.int().min(0), z.int().min(0)])]);
const name = z.string().min(1).max(40).regex(/^[A-Za-z_][A-Za-z0-9_-]*$/);
const bits = z.int().min(1).max(8);

const neuron = {
  bits: bits.optional().describe("weight bits of this layer; 7 is stored as 8, and refused where plastic"),
  signMode: z.enum(["mixed", "excitatory", "inhibitory"]).optional().describe("signs that the stored weights may have"),
  wgtExp: z.int().min(-8).max(7).optional().describe("weights are mantissa·2^wgtExp·64; at least bits − 9"),
  vthMant: z.int().min(1).max(131_071).optional().describe("threshold = vthMant·64"),
  decayU: z.int().min(0).max(4096).optional().describe("effective decay of the current a step, of 4096"),
  decayV: z.int().min(0).max(4096).optional().describe("effective decay of the voltage a step, of 4096"),
  refractory: z.int().min(1).max(63).optional().describe("R: a spike blocks the next R − 1 steps"),
  biasExp: z.int().min(0).max(7).optional().describe("bias = 2^biasExp·mantissa"),
};
const layer = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("conv"), name, channels: z.int().min(1).max(4096).describe("output channels"),
    kernel: pair.describe("height and width, or one number for both"), stride: pair.optional().describe("default 1"),
    padding: padding.optional().describe("zeros at each side; default half the kernel"), groups: z.int().min(1).optional(), ...neuron,
  }).describe("convolution (cross-correlation)"),
  z.strictObject({ kind: z.literal("pool"), name }).describe("2×2 pool: OR in loihi, max in srm"),
  z.strictObject({ kind: z.literal("dense"), name, outputs: z.int().min(1).max(1024), ...neuron }).describe("dense layer; the last layer is one"),
]);

const networkSchema = z.strictObject({
  model: z.enum(["loihi", "srm"]).default("loihi").describe("the chip's integer neurons, or the paper's float model"),
  input: z.strictObject({
    polarities: z.int().min(1).max(2).default(2), height: z.int().min(1).max(1024), width: z.int().min(1).max(1024),
    mode: z.enum(["binary", "counts"]).default("binary").describe("loihi: one spike a pixel, polarity and step, or each event its own"),
  }),
  steps: z.int().min(1).max(10_000).default(100).describe("input frames of a sample"),
  layers: z.array(layer).min(1).max(64),
  readout: z.strictObject({ kappa: z.number(), lambda: z.number() }).default({ kappa: 0.1, lambda: 1 })
    .describe("loihi: logit = κ·spikes + λ·mean(u/threshold)"),
});

const soelSchema = z.strictObject({
  form: z.enum(["chip", "authors-chip", "paper"])
    .describe("chip: all integer, what is compiled; authors-chip: their simulator of the chip; paper: table 7, for srm networks"),
  windowSteps: z.int().min(1).max(1000).describe("W: steps of a window, a multiple of 2^epochExp"),
  epochExp: z.int().min(0).max(9).describe("k: a learning epoch is 2^k steps"),
  passes: z.int().min(1).max(20).describe("how often the support is shown"),
  resetPreTrace: z.boolean().describe("x1 is cleared at the end of a presentation"),
  gamma: z.int().min(1).max(7).describe("chip: γ, gain of the error"),
  tau: z.number().positive().describe("chip: time constant of x1, steps"),
  impulse: z.int().min(0).max(127).describe("chip: what a spike adds to x1"),
  theta: z.number().positive().describe("chip: error threshold in spikes, at least 1; paper: threshold of |softmax − onehot|/n, default .05"),
  lo: z.number().describe("chip: target of the other classes, spikes a window"),
  hi: z.number().describe("chip: target of the right class, spikes a window"),
  rateMant: z.int().min(-8).max(7).describe("chip: rate = rateMant·2^rateExp"),
  rateExp: z.int().min(-7).max(8),
  learned: z.array(z.enum(["hi", "lo", "theta", "rho"])).describe("constants that the outer loop learns; paper: theta alone"),
  order: z.union([z.literal(1), z.literal(2)]).describe("paper: 1 as the authors' code, 2 as the paper claims"),
  divide: z.enum(["none", "float", "integer"]).describe("paper: whether the error is divided by θ (the text does, the code does not)"),
}).partial();

const dataSchema = z.strictObject({
  set: z.enum(["double-nmnist", "folder", "n-omniglot", "double-asl-dvs"]).default("double-nmnist")
    .describe("double-nmnist: the embedded recordings, or those under --data; folder: one folder a class, under --data"),
  protocol: z.enum(["A", "B"]).default("B").describe("A: the authors' loader, bug for bug; B: no recording in two splits"),
  ways: z.int().min(2).max(64).default(5).describe("classes of a task"), shots: z.int().min(1).max(100).default(1).describe("support samples a class"),
  queries: z.int().min(1).max(1000).default(15).describe("queries a class in training"),
  testQueries: z.int().min(1).max(1000).default(10).describe("queries a class in validation and test"),
  shiftPixels: z.int().min(0).max(16).default(2).describe("augmentation: largest shift of a training sample"),
  dropShare: z.number().min(0).max(0.9).default(0.1).describe("augmentation: share of a training sample's events that is dropped"),
  variants: z.strictObject({
    count: z.int().min(1).max(100).describe("variants made of each recording, which are then drawn as often as the recording itself"),
    rotateDegrees: z.number().min(0).max(180).default(15).describe("largest angle, either way"),
    scaleShare: z.number().min(0).max(0.9).default(0.1).describe("largest change of size, either way"),
  }).optional().describe("double-nmnist, augmentation: training recordings are turned and scaled about the middle of the sensor before frames are made"),
  simulated: z.string().min(1).optional()
    .describe("double-nmnist: a folder that `data simulate saccades` made; its recordings join the training split alone, protocol B"),
  transforms: z.array(transformSchema).max(32).optional().describe("applied to every recording of a folder before frames are made, in this order"),
  split: z.strictObject({ train: z.array(z.string()), validation: z.array(z.string()), test: z.array(z.string()) }).optional()
    .describe("classes of each split of a folder; dealt 64 : 16 : 20 by seed where not given"),
});

/** Bits 16 are in the paper's table alone. */
const quantizer = z.strictObject({
  grid: z.enum(["chip", "paper", "symmetric"]).describe("chip: mixed-sign mantissas; paper: the authors' code (2, 3, 4, 8, 16 bits); symmetric: eq. 7"),
  bits: z.union([bits, z.literal(16)]),
  rounding: z.enum(["nearest", "stochastic"]).default("nearest"),
});

const trainingSchema = z.strictObject({
  tasks: z.int().min(1).max(10_000_000).default(4000), metaBatch: z.int().min(1).max(1024).default(1).describe("tasks of an outer step"),
  outer: z.enum(["maml", "fomaml", "anil", "reptile"]).default("maml").describe("outer gradient of srm networks; loihi has maml alone"),
  schedule: z.enum(["cosine", "cyclic"]).default("cosine").describe("cosine to 0 over the run, or the authors' cosine 2e-3 ↔ 4e-5"),
  epochTasks: z.int().min(1).default(200).describe("tasks of half a period of `cyclic`: the authors' epoch"),
  learningRate: z.strictObject({
    hidden: z.number().positive().default(2e-3).describe("hidden weights; srm: everything"), output: z.number().positive().default(4e-4),
    bias: z.number().positive().default(1e-3), soel: z.number().positive().default(1e-2).describe("learned constants of the rule"),
    inner: z.number().positive().default(1e-2).describe("learned inner rates, and θ of the paper's SOEL"),
  }).prefault({}),
  ratePenalty: z.strictObject({ weight: z.number().min(0), low: z.number(), high: z.number() }).default({ weight: 0.5, low: 0.03, high: 0.3 })
    .describe("loihi: added to the loss where a channel's spike rate leaves low…high"),
  rounding: z.enum(["nearest", "stochastic"]).default("nearest").describe("loihi: rounding of the weights at the start of a task"),
  onWrap: z.enum(["stop", "wrap"]).default("stop")
    .describe("loihi, where a sum leaves the width of the chip's registers in training or validation: stop, or go on as the chip would and warn"),
  start: z.enum(["auto", "lsuv", "gaussian", "orthogonal"]).default("auto")
    .describe("start weights. srm: lsuv (orthogonal, var(U) = 1, mean −.559; what auto takes) or gaussian. loihi: gaussian (what auto takes) or orthogonal, each layer scaled to a spike rate"),
  outputScale: z.number().min(0).default(1)
    .describe("srm: the last layer's start weights and biases are multiplied by it; near 0 no output is ahead before learning, which a large inner rate would overcorrect"),
  validateEvery: z.int().min(1).default(500).describe("tasks between two validations and checkpoints"), validationTasks: z.int().min(1).default(40),
  inner: z.strictObject({
    steps: z.int().min(1).max(100).default(1),
    rate: z.union([z.number(), z.record(z.string(), z.number())]).default(1).describe("α, one number, or by layer name; layers not named stay as they are"),
    learnRate: z.boolean().default(false).describe("the outer loop learns α, one for each layer"),
    frozen: z.array(z.string()).default([]).describe("layers that the inner loop leaves alone"),
    burnIn: z.int().min(0).default(70).describe("first steps, with unadapted weights and no gradient; the authors' 70, none where a sample is no longer than that"),
    truncation: z.int().min(1).optional().describe("last steps that are differentiated; all where not given"),
    quantize: z.strictObject({ inner: quantizer.optional().describe("after each inner step"), outer: quantizer.optional().describe("start weights of a task") }).optional(),
  }).prefault({}).describe("inner loop of srm networks; that of loihi is `soel`"),
});

const geometrySchema = z.strictObject({
  sensor: z.strictObject({ width: z.int().min(1), height: z.int().min(1) }),
  crop: z.strictObject({ x: z.int().min(0), y: z.int().min(0), width: z.int().min(1), height: z.int().min(1) }),
  downsample: z.int().min(1), compose: z.int().min(1).max(2).describe("recordings side by side in a sample"), timestepUs: z.number().positive(),
});

/** The whole configuration. */
export const configSchema = z.strictObject({
  $schema: z.string().optional(),
  name: name.default("network"),
  preset: z.string().optional().describe("start from a preset; what else is given replaces its parts"),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1),
  bits: bits.default(8).describe("weight bits of every layer that does not say its own"),
  data: dataSchema.prefault({}),
  geometry: geometrySchema.optional().describe("how recordings become frames; derived from the recordings where not given"),
  network: networkSchema.optional(),
  soel: z.union([soelSchema, z.null()]).optional().describe("the learning rule of the last layer; null: nothing is plastic"),
  training: trainingSchema.prefault({}),
});

export type TrainConfig = z.output<typeof configSchema>;
export type TrainConfigInput = z.input<typeof configSchema>;

/** The inner loop where a configuration says nothing. */
export const defaultTraining = (): TrainConfig["training"] => trainingSchema.parse({});

/** JSON Schema of the configuration, for editors. */
export const configJsonSchema = (): object => z.toJSONSchema(configSchema, { io: "input" });
