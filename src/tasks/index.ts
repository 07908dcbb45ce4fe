export { auditSource } from "./audit.js";
export type { AuditReport } from "./audit.js";
export { composeSample } from "./compose.js";
export { DOUBLE_DIGIT_SPLIT, RECORDING_SPLIT, createDoubleNmnist } from "./double-nmnist.js";
export type { DigitRecording } from "./double-nmnist.js";
export { createRecordingSource } from "./recording-source.js";
export type { ComposedClass, EncodedRecording, RecordingSourceOptions } from "./recording-source.js";
export type { Augmentation, Protocol, Split, Task, TaskOptions, TaskSource } from "./types.js";
