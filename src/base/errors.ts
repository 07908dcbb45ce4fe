/** What a person needs to mend a mistake: one sentence is made of it. */
export interface UserErrorDetail {
  /** Stable code, e.g. `E-PART-003`; every code has a test. */
  readonly code: string;
  /** File, field, layer or option, by the user's own name for it. */
  readonly at: string;
  /** What was found there. */
  readonly found: string;
  /** What is allowed, and where that limit stands. */
  readonly limit?: string;
  /** One thing to try. */
  readonly hint?: string;
}

/** One line, whatever a parser's own message held. */
const sentence = (d: UserErrorDetail): string =>
  `${d.at}: ${d.found}${d.limit ? `; allowed: ${d.limit}` : ""}${d.hint ? `. Try: ${d.hint}` : ""} [${d.code}]`.replace(/\s*\n\s*/g, " ");

/** The user's mistake: one clear sentence on stderr, exit code 2. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly details: readonly UserErrorDetail[];

  constructor(details: readonly UserErrorDetail[]) {
    super(details.map(sentence).join("\n"));
    this.details = details;
  }

  /** Code of the first detail. */
  get code(): string {
    return this.details[0].code;
  }
}

/** A check that came out false (parity, hashes, a bound): exit code 1. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
}

/** Makes the error for one mistake of the user; `throw userError({...})`. */
export const userError = (detail: UserErrorDetail): UserError => new UserError([detail]);

/** Collects all the mistakes of a stage, and warnings beside them; `throwIfErrors` ends the stage. */
export class Diagnostics {
  readonly errors: UserErrorDetail[] = [];
  readonly warnings: UserErrorDetail[] = [];

  error(code: string, detail: Omit<UserErrorDetail, "code">): void {
    this.errors.push({ code, ...detail });
  }

  warn(code: string, detail: Omit<UserErrorDetail, "code">): void {
    this.warnings.push({ code, ...detail });
  }

  /** @throws UserError with every error collected so far, if there is any */
  throwIfErrors(): void {
    if (this.errors.length > 0) throw new UserError(this.errors);
  }
}

/** A broken invariant of ours: exit code 1. `what` says whose bug it is, e.g. "compiler bug: piece without a core". */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Nearest of `known` to `given` by edit distance, or undefined where none is close; for "did you mean". */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(given.length / 2)) + 1;
  for (const candidate of known) {
    const distance = editDistance(given.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
