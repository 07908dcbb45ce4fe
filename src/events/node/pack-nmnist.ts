import { deflateSync } from "fflate";
import { sha256Hex } from "../../base/bytes.js";
import { withHeader } from "../../base/file-header.js";
import { readFileBytes, writeWhole } from "../../base/node/files.js";
import { assetPath } from "../../base/node/package-root.js";
import { decodeEvents } from "../decode.js";
import { lowerBound } from "../encode.js";
import { listNmnist } from "./nmnist-layout.js";
import { NMNIST_ASSET, packNmnistPayload } from "../embedded-nmnist.js";

/** Recordings are cut here: the first saccade is what tasks use (design §8). */
const WINDOW_US = 100_000;

/** Makes `src/assets/nmnist-800.bin` from a zip in the official layout:
 *  `npx tsx src/events/node/pack-nmnist.ts nmnist-real-800.zip` */
async function main(zipPath: string): Promise<void> {
  const { entries, close } = await listNmnist(zipPath);
  const recordings = [];
  for (const { label, index, name, read } of entries) {
    const stream = decodeEvents(await read(), { name });
    const end = lowerBound(stream.tUs, WINDOW_US);
    const cut = {
      ...stream, tUs: stream.tUs.slice(0, end), x: stream.x.slice(0, end), y: stream.y.slice(0, end), polarity: stream.polarity.slice(0, end),
    };
    recordings.push({ label, index, stream: cut });
  }
  close();
  const packed = withHeader(
    { ...NMNIST_ASSET, parents: { zip: sha256Hex(readFileBytes(zipPath)) } },
    deflateSync(packNmnistPayload(recordings), { level: 9 }),
  );
  writeWhole(assetPath("nmnist-800.bin"), packed);
  process.stdout.write(`${recordings.length} recordings, ${packed.length} bytes\n`);
}

await main(process.argv[2]);
