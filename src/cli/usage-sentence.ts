import { nearestName } from "../base/errors.js";

/** What `bench` takes. Here, as a command line that is wrong must not load the benchmarks. */
export const BENCHMARKS = ["meta-step", "scaling", "kernels", "chip-step", "decode"] as const;

/** Commands of commands, by the outer one's name. */
export type CommandGroups = Readonly<Record<string, readonly string[]>>;

/** What yargs found wrong with a command line, as one sentence for the user [E-CLI-002].
 *  @param message  as yargs says it, on one line or several
 *  @param given  the arguments after the program's name
 *  @param forms  the commands with their arguments, e.g. `train <config>` */
export function usageSentence(message: string, given: readonly string[], forms: readonly string[], groups: CommandGroups = {}): string {
  // The sentence of a check of ours, which yargs passes on as its own.
  if (/\[E-[A-Z]+-\d+\]$/.test(message)) return message;
  const words = given.filter((a) => !a.startsWith("-"));
  const { at, found, limit, hint } = sayIt(message, words, forms, groups);
  return `${at}: ${found}${limit ? `; allowed: ${limit}` : ""}. Try: ${hint} [E-CLI-002]`;
}

interface Said {
  readonly at: string;
  readonly found: string;
  readonly limit?: string;
  readonly hint: string;
}

function sayIt(message: string, [word, second]: readonly string[], forms: readonly string[], groups: CommandGroups): Said {
  const names = forms.map((f) => f.split(" ")[0]);
  const form = forms.find((f) => f.split(" ")[0] === word);
  if (!form) return oneOf(names, word, "metaloihi", "command");
  const inner = groups[word] ?? /^name a [\w ]+: (.*)$/.exec(message)?.[1].split(/, | or /);
  const nested = inner !== undefined || /<(command|what)>/.test(form);
  if (inner && !(second && inner.includes(second))) return oneOf(inner, second, `metaloihi ${word}`, `${word} command`);
  const at = nested && second ? `${word} ${second}` : word;
  const limit = nested ? undefined : `metaloihi ${form}`;
  const hint = `metaloihi ${at} --help`;
  const choice = /Argument: (\S+), Given: (.*?), Choices: (.*)/.exec(message);
  if (choice) return { at: `--${choice[1]}`, found: choice[2], limit: choice[3], hint };
  const missing = /^Missing required arguments?: (.*)$/.exec(message);
  if (missing) return { at, found: `${missing[1].split(", ").map((m) => `--${m}`).join(", ")} missing`, limit, hint };
  if (/^Not enough non-option arguments/.test(message)) return { at, found: "an argument is missing", limit, hint };
  const bare = /^Not enough arguments following: (.*)$/.exec(message);
  if (bare) return { at: `--${bare[1]}`, found: "no value behind it", hint };
  const unknown = /^Unknown arguments?: (.*)$/.exec(message);
  if (unknown) {
    const options = [...new Set(unknown[1].split(", "))];
    return { at, found: `unknown ${options.length > 1 ? "arguments" : "argument"} ${options.join(", ")}`, hint };
  }
  return { at, found: message.replace(/\s+/g, " ").replace(/\.$/, ""), hint };
}

function oneOf(names: readonly string[], given: string | undefined, before: string, kind: string): Said {
  const near = given && nearestName(given, names);
  return {
    at: given ?? before, found: given === undefined ? `no ${kind} was named` : `there is no such ${kind}`, limit: names.join(", "),
    hint: near ? `${before} ${near}` : `${before} --help`,
  };
}
