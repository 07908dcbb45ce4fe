import { vi } from "vitest";
import { BACKEND_VARIABLE, loadTfjs } from "../../../src/engines/tfjs/node/load-tfjs.js";

// A plain test run takes the backend that every machine has; `npm run test:tfjs-node` asks for the real thing.
process.env[BACKEND_VARIABLE] ??= "wasm";

// Seconds on a quiet machine; a busy one takes ten times as long.
vi.setConfig({ testTimeout: 300_000 });

/** The library with the backend that this test run is for. */
export const { tf, backend } = await loadTfjs(1);
