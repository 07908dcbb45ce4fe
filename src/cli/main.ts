#!/usr/bin/env node
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { UserError } from "../base/errors.js";
import { packageVersion } from "../base/node/package-root.js";
import { commandsFor } from "./commands/commands-for.js";
import { EXIT, reportError } from "./run.js";
import { usageSentence } from "./usage-sentence.js";

const commands = await commandsFor(hideBin(process.argv));
const forms = commands.flatMap((c) => (typeof c.command === "string" ? [c.command] : []));

/** The mistakes yargs finds are the user's: one sentence, exit code 2. */
function refuse(message: string | null, error: Error | undefined): never {
  if (error instanceof UserError) process.exit(reportError(error));
  if (error && !message) throw error;
  process.stderr.write(`${usageSentence(message ?? "bad arguments", hideBin(process.argv), forms)}\n`);
  process.exit(EXIT.user);
}

const cli = yargs(hideBin(process.argv))
  .scriptName("metaloihi")
  .usage("$0 <command>\n\nMeta-train, compile and replay few-shot learning for Intel Loihi.")
  .version(packageVersion())
  .strict()
  .demandCommand(1, "name a command")
  .fail((message, error) => refuse(message, error))
  .wrap(Math.min(110, process.stdout.columns ?? 110));
for (const command of commands) cli.command(command);
await cli.parseAsync();
