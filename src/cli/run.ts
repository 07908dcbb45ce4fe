import { CheckFailed, UserError } from "../base/errors.js";

/** Exit codes: 0 done and true; 1 our fault, or a check that failed; 2 the user's mistake. */
export const EXIT = { done: 0, failed: 1, user: 2, interrupted: 130 } as const;

/** Options that every command has. */
export interface CommonArgs {
  readonly json?: boolean;
}

/** What a command gives back: one object for `--json`, or text for people; `failed` where a check came out false. */
export interface CommandResult {
  readonly json: object;
  readonly text: string;
  readonly failed?: boolean;
  /** Stopped by Ctrl-C, in good order. */
  readonly interrupted?: boolean;
}

/** Wraps a command: prints its result, turns errors into one clear sentence and an exit code, never a stack trace
 *  (set METALOIHI_DEBUG=1 to see one). */
export function runHandler<A extends CommonArgs>(
  command: (args: A) => Promise<CommandResult> | CommandResult,
): (args: A) => Promise<void> {
  return async (args) => {
    try {
      const result = await command(args);
      process.stdout.write(args.json ? `${JSON.stringify(result.json)}\n` : `${result.text.trimEnd()}\n`);
      process.exitCode = result.failed ? EXIT.failed : result.interrupted ? EXIT.interrupted : EXIT.done;
    } catch (error) {
      process.exitCode = reportError(error);
    }
  };
}

/** Prints an error for a person; returns the exit code. */
export function reportError(error: unknown): number {
  if (process.env.METALOIHI_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (error instanceof UserError) {
    process.stderr.write(`${error.message}\n`);
    return EXIT.user;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CheckFailed) process.stderr.write(`${message}\n`);
  else process.stderr.write(`metaloihi failed, and that is our fault: ${message}\n`);
  return EXIT.failed;
}
