/** The library: everything the command line does, as functions. One forward way:
 *  recordings (`decodeEvents`, `encodeFrames`) → tasks (`createDoubleNmnist`, `createRecordingSource`) → `train` on an engine
 *  (`createEngine`) → `compileNetwork` → `loadChip` → `replayRun`, `teach`, `classify` → `checkTask`, `makeCertificate` →
 *  `buildReport`, `renderReport`. */
export { UserError, CheckFailed, Diagnostics } from "./base/errors.js";
export { Rng, draw32, drawBits } from "./base/rng.js";
export type { EventStream, SpikeTensor } from "./events/types.js";
export { decodeEvents } from "./events/decode.js";
export { encodeFrames, NMNIST_FRAMES } from "./events/encode.js";
export {
  DAVIS240_HANDS, DAVIS346_STROKES, HandSimulator, NMNIST_MODEL, SaccadeSimulator, StrokeSimulator, type HandModel, type PixelModel, type SaccadeModel, type StrokeModel,
} from "./events/simulators/index.js";
export { loadNmnist } from "./events/node/embedded-nmnist.js";
export * from "./tasks/index.js";
export type {
  ConvLayer, DenseLayer, InputGeometry, LayerSpec, NetworkSpec, Parameters, PoolLayer, QuantizedNetwork, SoelSpec, WeightPrecision,
} from "./model/types.js";
export { PRESETS } from "./model/presets.js";
export { quantizeNetwork } from "./model/quantize.js";
export { networkShapes, presentationSteps } from "./model/shapes.js";
export { decodeCheckpoint, encodeCheckpoint, parametersHash, type Checkpoint } from "./model/checkpoint.js";
export { createEngine } from "./engines/create.js";
export type { Engine, EvaluationResult, MetaStepOptions, MetaStepResult } from "./engines/engine.js";
export { parseConfig, resolveConfig, configJsonSchema, type TrainConfigInput } from "./train/config.js";
export { engineFor } from "./train/choose-engine.js";
export { startCheckpoint, train } from "./train/loop.js";
export { evaluateTasks } from "./train/evaluate.js";
export { compileNetwork } from "../compiler/pipeline.js";
export type { ChipImage } from "../hw/image.js";
export { decodeImage, encodeImage } from "../hw/image-codec.js";
export { loadChip } from "../sim/load.js";
export type { Chip } from "../sim/chip.js";
export { replayRun } from "./replay/replay-run.js";
export { replayTask } from "./replay/replay-task.js";
export { teach } from "./replay/teach.js";
export { checkTask } from "./parity/check-task.js";
export { makeCertificate, formatCertificate } from "./parity/certificate.js";
export { buildReport } from "./cli/report/build-report.js";
export { renderReport } from "./report/render-report.js";
export { readBundle, writeBundle } from "./cli/bundle.js";
export { runDemo } from "./cli/demo.js";
