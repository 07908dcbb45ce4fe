import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/base/node/package-root.js";
import { commands } from "../../src/cli/commands/index.js";
import { GROUPS } from "../../src/cli/usage-sentence.js";
import { PRESETS } from "../../src/model/presets.js";
import { resolveConfig } from "../../src/train/config.js";

const readme = readFileSync(join(packageRoot(), "README.md"), "utf8");

describe("the README", () => {
  it("names every command that the command line has, and every preset", () => {
    const names = commands.map(({ command }) => String(command).split(" ")[0]).filter((name) => name !== "bench" && name !== "data");
    const inner = Object.entries(GROUPS).flatMap(([group, forms]) => forms.map((form) => `${group} ${form.split(" ")[0]}`));
    for (const name of [...names, ...inner]) expect(readme).toMatch(new RegExp(`(\`|npx metaloihi |npm run )${name}\\b`));
    for (const preset of Object.keys(PRESETS).filter((p) => !p.endsWith("-srm"))) expect(readme).toContain(`\`${preset}\``);
  });

  it("shows a configuration that is read as it stands", () => {
    const [, json] = /```json\n([\s\S]*?)```/.exec(readme) ?? [];
    const { spec } = resolveConfig(JSON.parse(json), "README.md");
    expect(spec.soel?.passes).toBe(8);
    expect(spec.layers.map((layer) => layer.name)).toEqual(["conv1", "conv2", "conv3", "output"]);
  });
});
