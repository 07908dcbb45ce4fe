import type { ParityComparison } from "./compare-records.js";

/** What a parity certificate was made from; all of it is named in the certificate. */
export interface CertificateInput {
  readonly comparison: ParityComparison;
  readonly engine: string;
  /** Forms of the embedded program that ran. */
  readonly programs: readonly ("typed" | "x86")[];
  /** `noise`: seeded noise, where no recordings fit the input contract. */
  readonly data: "real" | "simulated" | "noise";
  /** e.g. "double N-MNIST, protocol B". */
  readonly source: string;
  readonly protocol: string;
  readonly split: string;
  /** Numbers of the tasks that were run, and the seed of their sequence. */
  readonly tasks: readonly number[];
  readonly taskSeed: number;
  readonly chipSeed: number;
  /** Part of the bundle → SHA-256 of its content. */
  readonly hashes: Readonly<Record<string, string>>;
  /** x1 is cleared by the embedded program at the end of a presentation. */
  readonly resetPreTrace: boolean;
}

/** The outcome of holding trainer and simulated chip against each other, with everything needed to repeat it. */
export interface Certificate extends CertificateInput {
  readonly verdict: "equal" | "different";
  /** What the claim is and what it is not, one sentence each. */
  readonly statements: readonly string[];
}

/** Makes the certificate. Nothing in it depends on the machine or the hour, so equal runs give equal certificates. */
export function makeCertificate(input: CertificateInput): Certificate {
  const { comparison: { differences, compared } } = input;
  const verdict = differences === 0 && compared.presentations > 0 ? "equal" : "different";
  return { ...input, verdict, statements: statementsOf(input, verdict) };
}

/** "typed program and its x86 machine code". */
export const describePrograms = (programs: readonly ("typed" | "x86")[]): string =>
  programs.map((p) => (p === "x86" ? "x86 machine code" : "typed program")).join(" and ");

const count = (n: number): string => n.toLocaleString("en-US");

const dataOf = ({ data, source, protocol, split }: CertificateInput): string =>
  data === "noise" ? "seeded noise that fits the input contract, no recordings"
    : `${data} recordings: ${source}, protocol ${protocol}, ${split} split`;

function statementsOf(input: CertificateInput, verdict: Certificate["verdict"]): string[] {
  const { compared, differences } = input.comparison;
  return [
    `${verdict === "equal" ? "No difference" : `${count(differences)} differences`} between the prediction of the ` +
    `${input.engine} engine and the simulated chip (${describePrograms(input.programs)}) over ` +
    `${count(compared.spikes)} spikes of all layers, ${count(compared.weights)} weights, ${count(compared.potentials)} values of ` +
    `u and v, ${count(compared.y1)} of y1 and ${count(compared.decisions)} decisions.`,
    `Measured on ${dataOf(input)}, ${input.tasks.length} ${input.tasks.length === 1 ? "task" : "tasks"} of seed ${input.taskSeed}; chip seed ${input.chipSeed}.`,
    "The chip is a simulator, not silicon. Loihi's own random generator is not public: between our parts the claim is " +
    "equal bits, toward silicon equal distribution.",
    input.resetPreTrace
      ? "resetPreTrace is on: the embedded program clears the pre trace x1 between presentations, which no public " +
        "document says an x86 core can do."
      : "resetPreTrace is off: the pre trace x1 runs on between presentations, in trainer and simulator alike.",
  ];
}

/** The certificate for people, lines of plain text. */
export function formatCertificate(certificate: Certificate): string {
  const { first } = certificate.comparison;
  return [
    `Parity: ${certificate.verdict}`,
    ...certificate.statements.map((s) => `  ${s}`),
    ...(first ? [`  First difference: ${formatDifference(first)}`] : []),
    ...Object.entries(certificate.hashes).map(([part, hash]) => `  ${part}  sha256 ${hash}`),
  ].join("\n");
}

/** One difference in words: where, what, both values and the events before it. */
export function formatDifference(d: NonNullable<ParityComparison["first"]>): string {
  const where = `presentation ${d.presentation}, step ${d.step}, layer "${d.layer}", neuron ${d.neuron}` +
    `${d.input === undefined ? "" : `, input ${d.input}`}`;
  const events = d.context
    ? `; "${d.context.source}" fired in step ${d.context.steps}: ${d.context.of} ${list(d.context.a)} against ${list(d.context.b)}` +
      `${d.context.omitted > 0 ? ` (${d.context.omitted} more)` : ""}`
    : "";
  return `${where}: ${d.quantity} ${d.a} against ${d.b}${events}`;
}

const list = (values: readonly number[]): string => (values.length === 0 ? "none" : values.join(" "));
