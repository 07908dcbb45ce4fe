/** Event-camera simulators: see README.md. */
export { DAVIS240_HANDS, type HandModel, HandSimulator } from "./hands.js";
export { HAND_LETTERS } from "./hand-shapes.js";
export { type SimulatedLabel, SIMULATOR_VERSION } from "./label.js";
export { NMNIST_MODEL } from "./nmnist-model.js";
export { createSensor, type PixelModel, type Sensor } from "./pixel-model.js";
export { type SaccadeModel, SaccadeSimulator } from "./saccades.js";
export type { Drawing, StrokePoint } from "./stroke-drawing.js";
export { DAVIS346_STROKES, type StrokeModel, StrokeSimulator } from "./strokes.js";
