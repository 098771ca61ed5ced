// Figures as Lighthouse takes them: a slow network and a slow processor, first visits of three screens.
import assert from "node:assert/strict";
import { open, signIn } from "./browser.mjs";

/** Bytes of the program until a screen stands: what the desk promises of its first sight. */
const MOST_BYTES = 250 * 1_024;
/** From here on people notice that things move. */
const MOST_SHIFT = 0.1;

export async function light(browser, base, { name, password }, hashes) {
  const found = {};
  for (const [title, hash, place] of [["sign in", "", "form"], ...hashes]) {
    const { context, page, wrong } = await open(browser, base);
    if (title !== "sign in") {
      await signIn(page, base, name, password);
      // The session stays, what was loaded does not.
      await page.goto("about:blank");
    }
    await page.addInitScript(() => {
      globalThis.seen = { long: [], shift: 0, largest: 0 };
      new PerformanceObserver((list) => { for (const one of list.getEntries()) globalThis.seen.long.push(one.duration); }).observe({ type: "longtask", buffered: true });
      new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) globalThis.seen.shift += one.value; }).observe({ type: "layout-shift", buffered: true });
      new PerformanceObserver((list) => { for (const one of list.getEntries()) globalThis.seen.largest = one.startTime; }).observe({ type: "largest-contentful-paint", buffered: true });
    });
    const debug = await context.newCDPSession(page);
    await debug.send("Network.enable");
    await debug.send("Network.clearBrowserCache");
    await debug.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 7.5e5 / 8 });
    await debug.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    // The program, and what it says and asks beside.
    const data = new Set();
    let [bytes, all] = [0, 0];
    debug.on("Network.requestWillBeSent", (one) => { if (new URL(one.request.url).pathname.startsWith("/v1/")) data.add(one.requestId); });
    debug.on("Network.loadingFinished", (one) => {
      all += one.encodedDataLength;
      if (!data.has(one.requestId)) bytes += one.encodedDataLength;
    });
    await page.goto(`${base}/${hash}`);
    await page.locator(place).first().waitFor({ state: "attached" });
    await page.locator(".bones").first().waitFor({ state: "detached" });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 500))));
    const its = await page.evaluate(() => ({ ...globalThis.seen, paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0 }));
    found[title] = { "first paint": Math.round(its.paint), "largest paint": Math.round(its.largest), blocked: Math.round(its.long.reduce((sum, one) => sum + Math.max(0, one - 50), 0)), longest: Math.round(Math.max(0, ...its.long)), shift: Number(its.shift.toFixed(3)), "kB of program": Math.round(bytes / 1_024), kB: Math.round(all / 1_024) };
    assert.ok(bytes < MOST_BYTES, `${title}: ${bytes} bytes`);
    assert.ok(its.shift < MOST_SHIFT, `${title}: what was read moved by ${its.shift}`);
    assert.deepEqual(wrong.filter((one) => !/ERR_ABORTED/.test(one)), []);
    await context.close();
  }
  return found;
}
