import { assert, type UserErrorDetail, UserError } from "../base/errors.js";
import type { InputContract } from "../../hw/image.js";
import { decodeRecording } from "../events/decode.js";
import { encodeFrames, placeSideBySide } from "../events/encode.js";
import type { EventStream, SpikeTensor } from "../events/types.js";

/** A recording as a person hands it in. */
export interface NamedBytes {
  /** The user's name for the file; stands in every message. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A recording that was decoded already, and changed as the network's training data were. */
export interface NamedStream {
  /** The user's name for the file. */
  readonly name: string;
  readonly stream: EventStream;
  /** False where the format does not tell the sensor's size: it then is at least that of the contract. */
  readonly sizeIsDeclared: boolean;
}

/** One sample of the network's input from recordings, by the image's input contract alone (design §2).
 *  A contract that sets recordings side by side (double digits: 2) takes that many, left to right; a single one is
 *  shown in every place, so that a class can be taught from one recording.
 *  @throws UserError E-EVT-001…009 (damaged or unknown file), E-TEACH-003 (another sensor's geometry),
 *    E-TEACH-004 (wrong number of recordings), E-TEACH-005 (no event in the window) */
export function encodeSample(contract: InputContract, recordings: readonly (NamedBytes | NamedStream)[]): SpikeTensor {
  const { compose } = contract;
  const names = recordings.map((r) => r.name).join("+");
  if (recordings.length !== 1 && recordings.length !== compose) {
    throw teachError("E-TEACH-004", {
      at: names, found: `${recordings.length} recordings for one sample`,
      limit: compose === 1 ? "one" : `${compose}, left to right, or one that is shown in all ${compose} places`,
      hint: compose === 1 ? "name one file a sample, and separate samples with commas" : "LEFT+RIGHT, as in a.bin+b.bin",
    });
  }
  const parts = recordings.map((recording) => encodeOne(contract, recording));
  const sample = Array.from({ length: compose }, (_, k) => parts[k % parts.length]).reduce(placeSideBySide);
  const [, polarities, height, width] = sample.shape;
  const shape = [polarities, height, width];
  assert(shape.every((n, k) => n === contract.shape[k]), `image bug: the input contract gives [${shape}], the network takes [${contract.shape}]`);
  return sample;
}

function encodeOne(contract: InputContract, recording: NamedBytes | NamedStream): SpikeTensor {
  const { name } = recording;
  const decoded = "bytes" in recording ? decodeRecording(recording.bytes, { name }) : recording;
  // As when a folder is read for training: a file that tells no size may have seen less than the sensor.
  const stream = decoded.sizeIsDeclared ? decoded.stream : atLeast(decoded.stream, contract.sensor);
  checkGeometry(contract, stream, name);
  const { timestepUs, steps, crop, downsample } = contract;
  const frames = encodeFrames(stream, {
    timestepUs, steps, crop, downsample, polarity: contract.shape[0] === 1 ? "merge" : "split", startUs: startOf(stream, timestepUs * steps),
  });
  if (frames.channel.length === 0) {
    throw teachError("E-TEACH-005", {
      at: name, found: `no event in the first ${(timestepUs * steps) / 1000} ms within the crop of ${describeCrop(contract)}`,
      hint: "cut the recording so that it begins with the gesture",
    });
  }
  return frames;
}

const atLeast = (stream: EventStream, { width, height }: InputContract["sensor"]): EventStream =>
  ({ ...stream, width: Math.max(stream.width, width), height: Math.max(stream.height, height) });

/** Recordings whose clock begins within the window (N-MNIST: at the start of the saccade) keep their clock, as in
 *  training; a camera that counts from its power-up is read from its first event. */
export const startOf = (stream: EventStream, windowUs: number): 0 | "first" => (stream.tUs.length > 0 && stream.tUs[0] < windowUs ? 0 : "first");

/** The sensor must be the one the network was trained for: scaling silently would change what the events mean. */
function checkGeometry(contract: InputContract, stream: EventStream, name: string): void {
  const { sensor } = contract;
  if (stream.width === sensor.width && stream.height === sensor.height) return;
  throw teachError("E-TEACH-003", {
    at: name, found: `a recording of ${stream.width}×${stream.height} pixels`,
    limit: `${sensor.width}×${sensor.height}, of which ${describeCrop(contract)} are used (input contract of the image)`,
    hint: geometryRemedy(stream, sensor),
  });
}

function geometryRemedy(stream: { width: number; height: number }, sensor: { width: number; height: number }): string {
  const factor = Math.floor(Math.min(stream.width / sensor.width, stream.height / sensor.height));
  const size = `${sensor.width}×${sensor.height}`;
  if (factor >= 2) {
    return `crop it to ${sensor.width * factor}×${sensor.height * factor} around the action, then scale it down by ${factor} to ${size}`;
  }
  if (factor === 1) return `crop it to ${size} around the action`;
  return `scale it up or pad it to ${size}, or record with a sensor of at least that size`;
}

const describeCrop = ({ crop }: InputContract): string => `${crop.width}×${crop.height} pixels at x ${crop.x}, y ${crop.y}`;

const teachError = (code: string, detail: Omit<UserErrorDetail, "code">): UserError => new UserError([{ code, ...detail }]);
