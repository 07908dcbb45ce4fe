import { nearestName } from "../base/errors.js";

/** Commands of commands with their arguments, by the outer one's name, e.g. `info <file>`. */
export type CommandGroups = Readonly<Record<string, readonly string[]>>;

/** What `bench` and `data` take. Here, as a command line that is wrong must not load them. */
export const GROUPS = {
  bench: ["meta-step", "scaling", "kernels", "chip-step", "decode <file>"],
  data: ["info <file>", "convert <in> <out>", "view <file>", "audit <config>", "tasks <config>", "simulate <saccades|strokes|hands>"],
} as const satisfies CommandGroups;

const nameOf = (form: string): string => form.split(" ")[0];

/** Names of a group's commands, in one line. */
export const namesOf = (group: keyof typeof GROUPS): string => GROUPS[group].map(nameOf).join(", ");

/** What yargs found wrong with a command line, as one sentence for the user [E-CLI-002].
 *  @param message  as yargs says it, on one line or several
 *  @param given  the arguments after the program's name
 *  @param forms  the commands with their arguments, e.g. `train <config>`; of groups `GROUPS` */
export function usageSentence(message: string, given: readonly string[], forms: readonly string[]): string {
  // The sentence of a check of ours, which yargs passes on as its own.
  if (/\[E-[A-Z]+-\d+\]$/.test(message)) return message;
  const { at, found, limit, hint } = sayIt(message, given, forms);
  return `${at}: ${found}${limit ? `; allowed: ${limit}` : ""}. Try: ${hint} [E-CLI-002]`;
}

interface Said {
  readonly at: string;
  readonly found: string;
  readonly limit?: string;
  readonly hint: string;
}

function sayIt(message: string, given: readonly string[], forms: readonly string[]): Said {
  const [word, second] = given.filter((a) => !a.startsWith("-"));
  const form = forms.find((f) => nameOf(f) === word);
  if (!form) return oneOf(forms.map(nameOf), word, "metaloihi", "command");
  const group: readonly string[] | undefined = (GROUPS as CommandGroups)[word];
  const inner = group?.find((f) => nameOf(f) === second);
  if (group && !inner) return oneOf(group.map(nameOf), second, `metaloihi ${word}`, `${word} command`);
  const at = inner ? `${word} ${second}` : word;
  const limit = `metaloihi ${inner ? `${word} ${inner}` : form}`;
  const hint = `metaloihi ${at} --help`;
  const choice = /Argument: (\S+), Given: (.*?), Choices: (.*)/.exec(message);
  if (choice) return wrongChoice(choice[1], choice[2], choice[3], given, hint);
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

/** A value that is none of an option's, or of an argument's: with the one that was meant, where one is near. */
function wrongChoice(name: string, found: string, limit: string, given: readonly string[], help: string): Said {
  const option = given.some((a) => a === `--${name}` || a.startsWith(`--${name}=`));
  const quoted = (text: string): string[] => [...text.matchAll(/"([^"]*)"/g)].map(([, value]) => value);
  const known = quoted(limit);
  const wrong = quoted(found).find((value) => !known.includes(value));
  const near = wrong === undefined ? undefined : nearestName(wrong, known);
  return { at: option ? `--${name}` : name, found, limit, hint: near ? `${option ? `--${name} ` : ""}${near}` : help };
}

function oneOf(names: readonly string[], given: string | undefined, before: string, kind: string): Said {
  const near = given && nearestName(given, names);
  return {
    at: given ?? before, found: given === undefined ? `no ${kind} was named` : `there is no such ${kind}`, limit: names.join(", "),
    hint: near ? `${before} ${near}` : `${before} --help`,
  };
}
