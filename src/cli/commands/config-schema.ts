import type { CommandModule } from "yargs";
import { writeWhole } from "../../base/node/files.js";
import { configJsonSchema } from "../../train/config.js";
import { type CommandResult, type CommonArgs, runHandler } from "../run.js";

interface SchemaArgs extends CommonArgs {
  readonly out?: string;
}

/** The JSON Schema of configurations, printed or written, for completion in editors. */
export function configSchemaResult(args: SchemaArgs): CommandResult {
  const schema = configJsonSchema();
  const text = JSON.stringify(schema, null, 1);
  if (args.out) writeWhole(args.out, `${text}\n`);
  return { json: schema, text: args.out ? `${args.out}: JSON Schema of configurations; name it in "$schema"` : text };
}

/** `config-schema`. */
export const configSchemaCommand: CommandModule = {
  command: "config-schema",
  describe: "the JSON Schema of configurations, for completion in editors",
  builder: (yargs) => yargs
    .options({
      out: { alias: "o", type: "string", describe: "file to write" },
      json: { type: "boolean", describe: "print the schema as one JSON object" },
    })
    .example("$0 config-schema -o metaloihi.schema.json", 'then "$schema": "./metaloihi.schema.json" in a configuration'),
  handler: runHandler((args) => configSchemaResult(args as unknown as SchemaArgs)) as CommandModule["handler"],
};
