import { describe, expect, it } from "vitest";
import { type CertificateInput, formatCertificate, makeCertificate } from "../../src/parity/certificate.js";
import { compareRecords, EMPTY_COMPARISON } from "../../src/parity/compare-records.js";
import { copyTrace, handTrace } from "./records.js";

const layers = ["hidden", "output"];
const inputWith = (comparison: CertificateInput["comparison"]): CertificateInput => ({
  comparison, engine: "native", programs: ["typed"], data: "real", source: "double N-MNIST", protocol: "B", split: "test",
  tasks: [0, 1], taskSeed: 7, chipSeed: 3, hashes: { "image.mlh": "ab12" }, resetPreTrace: true,
});

describe("the parity certificate", () => {
  it("says equal where nothing differs, and names data, protocol, seeds, hashes and the undocumented reset", () => {
    const text = formatCertificate(makeCertificate(inputWith(compareRecords([handTrace], [handTrace], layers))));
    for (const words of ["Parity: equal", "6 spikes", "12 weights", "real recordings", "protocol B", "seed 7", "chip seed 3",
      "simulator, not silicon", "equal distribution", "resetPreTrace is on", "sha256 ab12"]) {
      expect(text).toContain(words);
    }
  });

  it("says different where one value differs, and shows it", () => {
    const other = copyTrace(handTrace);
    other.u[3] = 31;
    const certificate = makeCertificate(inputWith(compareRecords([handTrace], [other], layers)));
    expect(certificate.verdict).toBe("different");
    expect(formatCertificate(certificate)).toContain('step 2, layer "output", neuron 1: u 30 against 31');
  });

  it("never certifies a comparison of nothing", () => {
    expect(makeCertificate(inputWith(EMPTY_COMPARISON)).verdict).toBe("different");
  });
});
