// The desk in a real browser on the real service: SHROFF=path/to/shroff node e2e/run.mjs
//
// Pictures of every screen, in both themes and two widths, go to e2e/out.
import { existsSync, mkdirSync } from "node:fs";
import assert from "node:assert/strict";
import { launch, open, signIn } from "./browser.mjs";
import { day, interruptions, trust, two } from "./day.mjs";
import { way } from "./rules.mjs";
import { people, PASSWORD, start, world } from "./service.mjs";
import { axe, sweep } from "./sweep.mjs";

const shroff = process.env.SHROFF;
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
if (!shroff || !existsSync(shroff) || !existsSync(chromium)) {
  console.log(`skipped: ${!shroff || !existsSync(shroff) ? "SHROFF names no program" : `there is no ${chromium}`}`);
  process.exit(0);
}
const out = new URL("./out", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const person = (name) => ({ name, password: PASSWORD });
const step = async (name, work) => {
  const begun = Date.now();
  const result = await work();
  console.log(`ok  ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  return result;
};

const service = await start(shroff);
const browser = await launch();
try {
  const { base } = service;
  await step("the first link makes the administrator, in the browser", async () => {
    const { context, page, wrong } = await open(browser, base);
    await page.goto(`${base}/#/setup/${service.setup}`);
    assert.deepEqual(await axe(page), []);
    // The form is looked at; the account is made by the same request below.
    await page.getByLabel("Name").waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
    await people(service);
  });
  await step("an empty system has a guided start", async () => {
    const { context, page, wrong } = await open(browser, base);
    await signIn(page, base, "ada", PASSWORD);
    await page.getByRole("heading", { name: "No payment has come yet" }).waitFor();
    assert.deepEqual(await axe(page), []);
    await page.screenshot({ path: `${out}/start-light-1280.png` });
    await step("a world is paid in", () => world(shroff, service));
    await page.locator("#row-0").waitFor({ timeout: 30_000 });
    assert.deepEqual(wrong, []);
    await context.close();
  });
  const done = await step("an analyst's day by keyboard", () => day(browser, base, person("ada")));
  await step("two people on one case", () => two(browser, base, [person("ada"), person("ben")], done.case));
  await step("the network lost and back, a session ended", () => interruptions(browser, base, person("ben"), done.alert));
  await step("a rule's way to production", () => way(browser, base, person("eva"), person("cleo"), out));
  await step("every screen, both themes, two widths, axe", async () => {
    const { page, context } = await open(browser, base);
    await signIn(page, base, "ada", PASSWORD);
    const alerts = await page.evaluate(() => fetch("/v1/alerts?limit=500").then((response) => response.json()));
    await context.close();
    const screens = [
      ["queue", "#/queue"], ["cases", "#/cases"], ["case", `#/cases/${done.case}`], ["file", `#/cases/${done.case}/file`], ["overview", "#/overview"],
      ["holds", "#/holds"], ["rules", "#/rules/scatter-gather"], ["rules-versions", "#/rules?view=versions"], ["rules-edit", "#/rules?view=edit"], ["audit", "#/audit"], ["account", `#/accounts/${alerts.alerts[0].accounts[0]}`], ["users", "#/users"],
      ["network", `#/alerts/${encodeURIComponent(alerts.alerts[0].id)}?view=network`], ["table", `#/alerts/${encodeURIComponent(alerts.alerts[0].id)}?view=table`],
    ];
    const kinds = new Map();
    for (const alert of alerts.alerts) if (!kinds.has(alert.typology)) kinds.set(alert.typology, alert.id);
    for (const [kind, id] of kinds) screens.push([`alert-${kind}`, `#/alerts/${encodeURIComponent(id)}`]);
    assert.deepEqual(await sweep(browser, base, { ...person("ada"), screens, out }), []);
  });
  await step("the chain verified, an account unmasked", () => trust(browser, base, person("ada"), done.case));
} finally {
  await browser.close();
  await service.stop();
}
