import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ReportData } from "../../src/report/report-data.js";
import { renderReport } from "../../src/report/render-report.js";
import { openBrowser } from "./browser.js";
import { sampleReport } from "./sample-data.js";

const SECTIONS = ["result", "training", "rasters", "errors", "chip", "cost", "parity", "commands"];

describe("renderReport", () => {
  const html = renderReport(sampleReport);

  it("makes one page that loads nothing: no script, no link to elsewhere", () => {
    expect(html).not.toMatch(/<script|<iframe|@import|url\(/i);
    const references = [...html.matchAll(/\b(?:src|href)="([^"]*)"/g)].map((m) => m[1]);
    expect(references).toEqual(["data:,"]);
  });

  it("is the same bytes for the same data", () => {
    expect(renderReport(sampleReport)).toBe(html);
  });

  it("labels what everything was measured on", () => {
    for (const words of ["real recordings", "protocol B", "not silicon", "never trained on", "Orchard et al. 2015"]) expect(html).toContain(words);
    expect(renderReport({ ...sampleReport, data: "simulated" })).toContain("simulated recordings");
  });

  it("makes names from the user harmless", () => {
    const hostile: ReportData = { ...sampleReport, title: '<img src=x onerror="alert(1)">' };
    expect(renderReport(hostile)).not.toContain("<img");
  });

  it("leaves out what there is not, and says so", () => {
    const bare = renderReport({
      ...sampleReport, example: null, certificate: null, costs: [], commands: [], learningCurve: { training: [], validation: [] },
      floors: { ...sampleReport.floors, gradientStep: Number.NaN },
    });
    expect(bare).toContain("there is no learning curve");
    expect(bare).toContain("Parity was not checked");
    expect(bare).toContain("not measured");
    expect(bare).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("writes no broken number into a chart", () => {
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });
});

const browser = await openBrowser();
if (typeof browser === "string") console.warn(`the report is not looked at in a browser: ${browser}`);

describe.skipIf(typeof browser === "string")("the report in a headless browser", () => {
  let page: Page;
  const messages: string[] = [];
  const requests: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "metaloihi-report-"));

  beforeAll(async () => {
    const file = join(folder, "report.html");
    writeFileSync(file, renderReport(sampleReport));
    page = await (browser as Browser).newPage();
    page.on("console", (message) => messages.push(message.text()));
    page.on("pageerror", (error) => messages.push(String(error)));
    page.on("request", (request) => { if (!request.url().startsWith("data:")) requests.push(request.url()); });
    await page.setViewport({ width: 1000, height: 900 });
    await page.goto(pathToFileURL(file).href);
  });

  afterAll(async () => {
    await (browser as Browser).close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("opens offline without a message on the console and without another request", () => {
    expect(messages).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it("shows every section, one under the other, with a heading", async () => {
    const boxes = await page.evaluate((ids) => ids.map((id) => {
      const box = document.getElementById(id)?.getBoundingClientRect();
      return { top: box?.top ?? -1, height: box?.height ?? 0, heading: document.querySelector(`#${id} h2`)?.textContent ?? "" };
    }), SECTIONS);
    boxes.forEach((box, k) => {
      expect(box.height, SECTIONS[k]).toBeGreaterThan(60);
      expect(box.heading.length, SECTIONS[k]).toBeGreaterThan(3);
      if (k > 0) expect(box.top).toBeGreaterThanOrEqual(boxes[k - 1].top + boxes[k - 1].height);
    });
  });

  it("draws every chart inside its own box: no mark or label is cut off", async () => {
    const outside = await page.evaluate(() => [...document.querySelectorAll("svg")].flatMap((svg) => {
      const frame = svg.getBoundingClientRect();
      return [...svg.querySelectorAll("text, rect")].filter((mark) => {
        const box = mark.getBoundingClientRect();
        return box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2;
      }).map((mark) => `${svg.getAttribute("aria-label")}: ${mark.textContent}`);
    }));
    expect(outside).toEqual([]);
  });

  it("draws as many spikes as there are", async () => {
    const drawn = await page.evaluate(() => [...document.querySelectorAll("#rasters path.spikes")].map((p) => (p.getAttribute("d") ?? "").split("M").length - 1));
    const { support, query } = sampleReport.example as NonNullable<ReportData["example"]>;
    expect(drawn).toEqual([...support.layers, ...query.layers].map((layer) => layer.step.length));
  });

  it.each([["light", 1000], ["dark", 1000], ["light", 390]] as const)("has readable contrast and no sideways scroll (%s, %i px)", async (scheme, width) => {
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    const seen = await page.evaluate(() => {
      const luminance = (color: string) => {
        const [r, g, b] = (color.match(/[\d.]+/g) ?? []).map(Number).map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const paper = luminance(getComputedStyle(document.body).backgroundColor);
      const contrast = (selector: string, property: "color" | "fill") => {
        const ink = luminance(getComputedStyle(document.querySelector(selector) as Element)[property]);
        return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
      };
      return {
        sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        contrasts: [contrast("p", "color"), contrast("figcaption", "color"), contrast("svg .tick", "fill"), contrast(".main dd", "color")],
      };
    });
    expect(seen.sideways).toBeLessThanOrEqual(0);
    for (const ratio of seen.contrasts) expect(ratio).toBeGreaterThan(4.5); // WCAG AA for text.
  });
});
