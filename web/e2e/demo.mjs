// The first visit: a made-up world with one click, seen coming in, cancelled, gone on with.
import assert from "node:assert/strict";
import { open, signIn } from "./browser.mjs";
import { axe } from "./sweep.mjs";

export async function firstVisit(browser, service, { admin, other, out }) {
  const { base } = service;
  // Whoever may not load it is told who may.
  const guest = await open(browser, base);
  await signIn(guest.page, base, other.name, other.password);
  await guest.page.getByRole("heading", { name: "No payment has come yet" }).waitFor();
  await guest.page.getByText("An administrator may load it here.").waitFor();
  assert.equal(await guest.page.getByRole("button", { name: "Load the demo world" }).count(), 0);

  const { context, page, wrong } = await open(browser, base);
  await signIn(page, base, admin.name, admin.password);
  await page.getByRole("heading", { name: "No payment has come yet" }).waitFor();
  const load = page.getByRole("button", { name: "Load the demo world" });
  await load.waitFor();
  assert.deepEqual(await axe(page), []);
  await page.screenshot({ path: `${out}/start-light-1280.png` });
  await load.focus();
  await page.keyboard.press("Enter");
  // It stops when one says so, at once: the whole takes seconds.
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByText(/was cancelled at [\d,]+ of [\d,]+ payments/).waitFor({ timeout: 30_000 });
  const held = await page.evaluate(() => fetch("/v1/demo").then((answer) => answer.json()));
  assert.ok(held.phase === "cancelled" && held.taken < 40_000 && held.may_begin, JSON.stringify(held));
  assert.deepEqual(await axe(page), []);
  await page.screenshot({ path: `${out}/start-cancelled-light-1280.png` });
  await page.getByRole("button", { name: "Go on loading" }).click();
  // It comes in while one looks.
  await page.locator("#row-0").waitFor({ timeout: 120_000 });
  await page.screenshot({ path: `${out}/start-loading-light-1280.png` });
  await page.getByText(/^The demo world/).waitFor({ state: "detached", timeout: 240_000 });
  const done = await page.evaluate(() => fetch("/v1/demo").then((answer) => answer.json()));
  assert.deepEqual(done, { phase: "done", taken: 40_000, of: 40_000, may_begin: false });
  // Each payment is there once, by the door of all payments.
  const counted = await page.evaluate(() => fetch("/v1/overview").then((answer) => answer.json()));
  assert.equal(counted.payments_total, 40_000);
  // Who did it is in the trail.
  const trail = await page.evaluate(() => fetch("/v1/audit?object=demo").then((answer) => answer.json()));
  const acts = trail.entries.filter((entry) => entry.object === "demo").map((entry) => `${entry.actor} ${entry.action}`).sort();
  assert.deepEqual(acts, ["ada demo.cancel", "ada demo.load", "ada demo.load"]);
  // The other one, who only watched, has the queue too.
  await guest.page.locator("#row-0").waitFor({ timeout: 30_000 });
  assert.deepEqual([...wrong, ...guest.wrong], []);
  await guest.context.close();
  await context.close();
}
