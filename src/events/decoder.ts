import type { EventColumns } from "./columns.js";
import type { Problems } from "./problems.js";

/** Formats that are read; names as `data info` prints them and `data convert --to` takes them. */
export const FORMATS = [
  "nmnist", "aedat2", "aedat3", "aedat4", "evt2", "evt2.1", "evt3", "dat", "es", "mat5", "mat7.3", "hdf5", "npy", "npz", "csv",
] as const;

export type FormatName = (typeof FORMATS)[number];

/** What a decoder may be told about a file beside its bytes. */
export interface DecodeOptions {
  /** The user's name for the file; stands in every message. */
  readonly name: string;
  /** Keep what is sound and note what was dropped, instead of refusing the file. */
  readonly repair?: boolean;
  /** Sensor size, where the user knows better than the file. */
  readonly width?: number;
  readonly height?: number;
  /** Name of one recording, where a file holds several. */
  readonly recording?: string;
  /** Format, where the user knows better than the content. */
  readonly format?: FormatName;
}

/** Sensor size in pixels. */
export interface SensorSize {
  readonly width: number;
  readonly height: number;
}

/** Reads one format piece by piece: pure, and bounded in memory by the piece it is given. */
export interface StreamDecoder {
  /** Decodes as much of `bytes` as is whole and appends its events to `out`.
   *  @param bytes  the file from byte `offset` on, as far as it is there
   *  @param offset  position of bytes[0] in the file
   *  @param final  nothing comes after `bytes`
   *  @returns bytes used up; the caller hands the rest in again with more behind it. With `final` all are used up */
  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number;

  /** Position in the file of the event with that index among those the last `decode` appended; for messages only,
   *  so it may be slow. */
  locate(index: number): number;

  /** Sensor size by the file's own word, once known. */
  readonly size: SensorSize | undefined;

  /** Steps back in time up to this many µs are the sensor's own jitter and are held at the latest time, as
   *  events keep their order; 0 where the format allows none. */
  readonly jitterUs: number;
}

/** Makes the decoder of one file. */
export type DecoderFactory = (options: DecodeOptions, problems: Problems) => StreamDecoder;
