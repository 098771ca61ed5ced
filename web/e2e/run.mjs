// The desk in a real browser on the real service: SHROFF=path/to/shroff node e2e/run.mjs [PART...]
//
// Parts: desk, demo, hostile, postgres; all of them where none is named.
// Pictures of every screen, in both themes and two widths, go to e2e/out.
import { existsSync, mkdirSync } from "node:fs";
import assert from "node:assert/strict";
import { launch, open, signIn } from "./browser.mjs";
import { day, interruptions, trust, two } from "./day.mjs";
import { firstVisit } from "./demo.mjs";
import { CIRCLES, hostile } from "./hostile.mjs";
import { light } from "./light.mjs";
import { startPostgres } from "./postgres.mjs";
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

/** A service of its own for some steps, with people and nothing else in it. */
async function beside(more, work) {
  const other = await start(shroff, more);
  try {
    await people(other);
    return await work(other);
  } finally {
    await other.stop();
  }
}

const browser = await launch();
const parts = {
  async desk() {
    const service = await start(shroff);
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
      const figures = await step("first sight on a slow network and a slow processor", () => light(browser, base, person("ada"), [["queue", "#/queue", "#row-0"], ["alert", `#/alerts/${encodeURIComponent(done.alert)}`, ".flow .pay"], ["overview", "#/overview", ".tiles"]]));
      for (const [title, its] of Object.entries(figures)) console.log(`    ${title}: ${JSON.stringify(its)}`);
      await step("the chain verified, an account unmasked", () => trust(browser, base, person("ada"), done.case));
    } finally {
      await service.stop();
    }
  },
  async demo() {
    await beside([], (other) => step("a first visit: the demo world with one click, cancelled, gone on with", () => firstVisit(browser, other, { admin: person("ada"), other: person("ben"), out })));
  },
  async hostile() {
    const figures = await step(`${CIRCLES} alerts and text that means harm`, () => hostile(browser, shroff, { out }));
    console.log(`    longest tasks in ms: ${JSON.stringify(figures)}`);
  },
  async postgres() {
    const postgres = startPostgres();
    if (!postgres) console.log("skipped: the same on PostgreSQL, which is not installed (Debian: apt-get install postgresql)");
    else {
      try {
        await beside(["--register", postgres.url], async (other) => {
          await world(shroff, other);
          const same = await step("an analyst's day by keyboard, on PostgreSQL", () => day(browser, other.base, person("ada")));
          await step("two people on one case, on PostgreSQL", () => two(browser, other.base, [person("ada"), person("ben")], same.case));
        });
      } finally {
        postgres.stop();
      }
    }
  },
};
try {
  const wanted = process.argv.slice(2);
  for (const [name, part] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) await part();
} finally {
  await browser.close();
}
