/** Event recordings: reading, writing, transforming, encoding to frames. */
export { decodeEvents, decodeRecording, RecordingReader, type Recording } from "./decode.js";
export { decodeAny } from "./decode-any.js";
export { type DecodeOptions, FORMATS, type FormatName, type SensorSize } from "./decoder.js";
export { detectFormat } from "./detect.js";
export { encodeFrames, type FrameOptions, frameShape, NMNIST_FRAMES, placeSideBySide } from "./encode.js";
export { sliceByTable } from "./omniglot.js";
export { encodeEvents, formatByEnding, WRITABLE } from "./write.js";
export { transformSchema } from "./transform-schema.js";
export { applyTransform, applyTransforms, TRANSFORM_KINDS, type TransformSpec } from "./transforms.js";
export type { EventStream, SpikeTensor } from "./types.js";
