/** Progress of long work on stderr: one line rewritten on a terminal, plain lines elsewhere (at most one in 5 s). */
export class Progress {
  private readonly started = performance.now();
  private lastPrinted = 0;
  private lineOpen = false;

  constructor(
    private readonly label: string,
    private readonly total: number,
    private readonly quiet = false,
  ) {}

  /** @param done items so far  @param note e.g. "validation 88.1 %" */
  update(done: number, note = ""): void {
    if (this.quiet) return;
    const now = performance.now();
    const terminal = process.stderr.isTTY === true;
    const due = now - this.lastPrinted > (terminal ? 100 : 5000);
    if (!due && done < this.total) return;
    this.lastPrinted = now;
    const rate = done / Math.max(1e-9, (now - this.started) / 1000);
    const left = rate > 0 ? (this.total - done) / rate : 0;
    const line = `${this.label} ${done}/${this.total}  ${rate.toFixed(1)}/s  ${formatSeconds(left)} left${note ? `  ${note}` : ""}`;
    process.stderr.write(terminal ? `\r\x1b[K${line}` : `${line}\n`);
    this.lineOpen = terminal;
  }

  /** A line that stays, e.g. the validation accuracy. */
  line(text: string): void {
    if (this.quiet) return;
    process.stderr.write(`${this.lineOpen ? "\r\x1b[K" : ""}${text}\n`);
    this.lineOpen = false;
  }

  done(): void {
    if (this.lineOpen) process.stderr.write("\n");
    this.lineOpen = false;
  }
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}
