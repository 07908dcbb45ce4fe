import { describe, expect, it } from "vitest";
import { parseLessons, parseSample } from "../../src/cli/lessons.js";

describe("parseLessons", () => {
  it("takes names with one or several files, and pairs joined by a plus sign", () => {
    expect(parseLessons(["wave=a.bin,b.bin", "nod=l.bin+r.bin"])).toEqual([
      { name: "wave", samples: [["a.bin"], ["b.bin"]] }, { name: "nod", samples: [["l.bin", "r.bin"]] },
    ]);
  });

  it("adds up files of a name that stands twice, and keeps further equals signs in the file's name", () => {
    expect(parseLessons(["wave=a=1.bin", "wave=b.bin"])).toEqual([{ name: "wave", samples: [["a=1.bin"], ["b.bin"]] }]);
  });

  it.each(["wave", "=a.bin", "wave=", "wave=a.bin,,b.bin"])("refuses %s (E-TEACH-010)", (value) => {
    expect(() => parseLessons([value])).toThrow("[E-TEACH-010]");
  });
});

describe("parseSample", () => {
  it("keeps a file together whose own name has a plus sign", () => {
    expect(parseSample("package.json")).toEqual(["package.json"]);
    expect(parseSample("a.bin+b.bin")).toEqual(["a.bin", "b.bin"]);
  });
});
