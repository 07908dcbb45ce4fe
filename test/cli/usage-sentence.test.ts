import { describe, expect, it } from "vitest";
import { benchCommand } from "../../src/cli/commands/bench.js";
import { dataCommand } from "../../src/cli/commands/data-command.js";
import { GROUPS, usageSentence } from "../../src/cli/usage-sentence.js";

const forms = ["train <config>", "replay <bundle>", "compile <source>", "bench <what>", "data <command>"];
const say = (message: string, line: string): string => usageSentence(message, line.split(" ").filter(Boolean), forms);

describe("a wrong command line [E-CLI-002]", () => {
  it("is answered in one sentence on one line, with what is allowed", () => {
    expect(say('Invalid values:\n  Argument: program, Given: "arm", Choices: "typed", "x86"', "replay x --program arm"))
      .toBe('--program: "arm"; allowed: "typed", "x86". Try: metaloihi replay --help [E-CLI-002]');
    expect(say("Not enough non-option arguments: got 0, need at least 1", "train")).toBe("train: an argument is missing; allowed: metaloihi train <config>. Try: metaloihi train --help [E-CLI-002]");
    expect(say("Missing required argument: out", "compile x")).toMatch(/^compile: --out missing; /);
    expect(say("Not enough arguments following: seed", "train demo --seed")).toMatch(/^--seed: no value behind it\./);
    expect(say("Unknown arguments: threds, threds", "train demo --threds 3")).toMatch(/^train: unknown argument threds\./);
  });

  it("names the command that was meant, or all of them", () => {
    expect(say("Unknown argument: trian", "trian")).toMatch(/^trian: there is no such command; allowed: train, .*Try: metaloihi train \[/);
    expect(say("name a benchmark", "bench nosuch")).toBe("nosuch: there is no such bench command; allowed: meta-step, scaling, kernels, chip-step, decode. Try: metaloihi bench --help [E-CLI-002]");
    expect(say("Not enough non-option arguments: got 0, need at least 1", "bench")).toMatch(/no bench command was named; allowed: meta-step/);
    expect(say("name a command of data: info, convert or view", "data inof")).toMatch(/^inof: .*Try: metaloihi data info \[/);
    expect(say("Not enough non-option arguments: got 0, need at least 1", "data"))
      .toBe("metaloihi data: no data command was named; allowed: info, convert, view, audit, tasks, simulate. Try: metaloihi data --help [E-CLI-002]");
    expect(say("Not enough non-option arguments: got 0, need at least 1", "data simulate")).toMatch(/^data simulate: .*; allowed: metaloihi data simulate <saccades\|strokes\|hands>\./);
  });

  it("names the value that was meant, of an option and of an argument", () => {
    const engines = '"native", "wasm", "tfjs", "reference"';
    expect(say(`Invalid values:\n  Argument: engine, Given: "natve", Choices: ${engines}`, "train demo --engine natve"))
      .toBe(`--engine: "natve"; allowed: ${engines}. Try: --engine native [E-CLI-002]`);
    expect(say('Invalid values:\n  Argument: split, Given: "tset", Choices: "train", "validation", "test"', "replay x --split=tset")).toMatch(/Try: --split test \[/);
    expect(say('Invalid values:\n  Argument: kind, Given: "sacades", Choices: "saccades", "strokes", "hands"', "data simulate sacades")).toMatch(/^kind: "sacades"; .*Try: saccades \[/);
    expect(say(`Invalid values:\n  Argument: engine, Given: "cuda", Choices: ${engines}`, "train demo --engine cuda")).toMatch(/Try: metaloihi train --help \[/);
  });

  it("knows the commands of every group as the group itself lists them", () => {
    for (const [group, command] of Object.entries({ bench: benchCommand, data: dataCommand })) {
      const found: string[] = [];
      const yargs = { command: (c: { command: string }) => { found.push(c.command.split(" ")[0]); return yargs; }, demandCommand: () => yargs };
      (command.builder as (y: unknown) => unknown)(yargs);
      expect(found.sort(), group).toEqual(GROUPS[group as keyof typeof GROUPS].map((form) => form.split(" ")[0]).sort());
    }
  });

  it("passes a sentence of our own checks on as it is", () => {
    expect(say("--threads: 0; allowed: whole numbers 1…256 [E-CLI-001]", "train demo --threads 0")).toBe("--threads: 0; allowed: whole numbers 1…256 [E-CLI-001]");
  });
});
