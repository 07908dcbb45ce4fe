#!/usr/bin/env node
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { nearestName, UserError } from "../base/errors.js";
import { packageVersion } from "../base/node/package-root.js";
import { commands } from "./commands/index.js";
import { EXIT, reportError } from "./run.js";

const names = commands.flatMap((c) => (typeof c.command === "string" ? [c.command.split(" ")[0]] : []));

/** The mistakes yargs finds are the user's: one sentence, exit code 2. */
function refuse(message: string | null, error: Error | undefined): never {
  if (error instanceof UserError) process.exit(reportError(error));
  if (error && !message) throw error;
  const unknown = /^Unknown (?:command|argument)s?: (\S+)/.exec(message ?? "");
  const nearest = unknown && nearestName(unknown[1], names);
  process.stderr.write(`${message ?? "bad arguments"}${nearest ? `; did you mean "${nearest}"?` : ""} (see metaloihi --help)\n`);
  process.exit(EXIT.user);
}

const cli = yargs(hideBin(process.argv))
  .scriptName("metaloihi")
  .usage("$0 <command>\n\nMeta-train, compile and replay few-shot learning for Intel Loihi.")
  .version(packageVersion())
  .strict()
  .demandCommand(1, "name a command")
  .recommendCommands()
  .fail((message, error) => refuse(message, error))
  .wrap(Math.min(110, process.stdout.columns ?? 110));
for (const command of commands) cli.command(command);
await cli.parseAsync();
