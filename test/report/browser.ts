import { existsSync } from "node:fs";
import type { Browser, LaunchOptions } from "puppeteer-core";

/** Where a browser comes from: Chromium through npm on Linux, an installed Chrome elsewhere, or why there is none. */
async function launchOptions(): Promise<LaunchOptions | string> {
  if (process.platform === "linux" && process.arch === "x64") {
    try {
      const { default: chromium } = await import("@sparticuz/chromium");
      return { executablePath: await chromium.executablePath(), args: [...chromium.args, "--no-sandbox"], headless: "shell" };
    } catch {
      // It is an optional dependency: fall through to an installed browser.
    }
  }
  const places = [
    process.env.CHROME_PATH, "/usr/bin/google-chrome", "/usr/bin/chromium", "/usr/bin/chromium-browser",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  ];
  const found = places.find((place) => place !== undefined && existsSync(place));
  return found ? { executablePath: found, args: ["--no-sandbox"] } : "no browser: neither @sparticuz/chromium nor an installed Chrome";
}

/** A headless browser, or the reason why these tests are skipped. */
export async function openBrowser(): Promise<Browser | string> {
  const options = await launchOptions();
  if (typeof options === "string") return options;
  try {
    const { default: puppeteer } = await import("puppeteer-core");
    return await puppeteer.launch(options);
  } catch (error) {
    return `no browser: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
  }
}
