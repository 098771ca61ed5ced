// A development tool, never the product: the example of every typology on the real service, and a
// picture of each alert, as lanes and as a network, in both themes and two widths.
//
//   SHROFF=path/to/shroff node dev/typologies.mjs FOLDER [TYPOLOGY...]
import { launch, open, signIn } from "../e2e/browser.mjs";
import { paid, PASSWORD, people, start } from "../e2e/service.mjs";

const [folder, ...only] = process.argv.slice(2);
const service = await start(process.env.SHROFF);
const { base } = service;
try {
  await people(service);
  const { cookie } = service.admin;
  const ask = async (path) => (await fetch(`${base}${path}`, { headers: { cookie } })).json();
  const typologies = await ask("/v1/typologies");
  const all = [];
  for (const one of typologies) {
    const newest = Math.max(...one.example.map((payment) => Date.parse(payment.time)));
    const shift = Date.now() - 3_600_000 - newest;
    one.example.forEach((payment, n) => all.push({
      id: `${one.id}-${n}`, time: new Date(Date.parse(payment.time) + shift).toISOString(), debtor: `${one.id} ${payment.debtor}`, creditor: `${one.id} ${payment.creditor}`,
      amount: String(payment.amount), currency: payment.currency || "EUR",
    }));
  }
  // A hub: five hundred strangers pay it within two days, and it pays three.
  for (let n = 0; n < 500; n += 1) all.push({ id: `hub-${n}`, time: new Date(Date.now() - 172_800_000 + n * 330_000).toISOString(), debtor: `hub payer ${n}`, creditor: "hub", amount: String(40 + ((n * 37) % 300)), currency: "EUR" });
  for (let n = 0; n < 3; n += 1) all.push({ id: `hub-out-${n}`, time: new Date(Date.now() - 3_000_000 + n * 60_000).toISOString(), debtor: "hub", creditor: `hub payee ${n}`, amount: "28000", currency: "EUR" });
  all.sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  await paid(service, all.map((one) => JSON.stringify(one)));
  const { alerts } = await ask("/v1/alerts?limit=500");
  const wanted = [];
  for (const { id } of typologies) {
    // Where another rule scores more, the alert of the example has its name.
    const named = alerts.filter((alert) => alert.typology === id);
    const its = named.length > 0 ? named : alerts.filter((alert) => alert.raised_by.startsWith(`${id}-`));
    if (its.length === 0) console.log(`${id}: no alert`);
    else if (only.length === 0 || only.includes(id)) wanted.push([id, its.sort((a, b) => b.payment_count - a.payment_count).at(-1).id]);
  }
  const big = [...alerts].sort((a, b) => b.accounts.length - a.accounts.length)[0];
  if (only.length === 0 || only.includes("hub")) wanted.push(["hub", big.id]);
  const browser = await launch();
  for (const [theme, width] of [["light", 1280], ["dark", 1280], ["light", 390], ["dark", 390]]) {
    const { page, wrong, context } = await open(browser, base, { theme, width, height: width < 500 ? 844 : 800 });
    await page.addInitScript(() => {
      globalThis.longTasks = [];
      new PerformanceObserver((list) => { for (const one of list.getEntries()) globalThis.longTasks.push(one.duration); }).observe({ type: "longtask", buffered: true });
    });
    await signIn(page, base, "ada", PASSWORD);
    for (const [name, id] of wanted) {
      for (const view of ["lanes", "network", ...(name === "hub" ? ["hops", "table", "timeline"] : [])]) {
        await page.goto(`${base}/#/queue`);
        await page.locator("#row-0").waitFor();
        await page.evaluate(() => { globalThis.longTasks.length = 0; });
        await page.goto(`${base}/#/alerts/${encodeURIComponent(id)}?view=${view === "hops" ? "lanes" : view}`);
        await page.locator(view === "network" ? ".net canvas" : view === "table" ? ".flowbox table" : view === "timeline" ? ".timeline" : ".flow .pay").first().waitFor({ state: "attached" });
        if (view === "hops") {
          await page.keyboard.press("h");
          await page.locator(".flow .pay.cx").first().waitFor({ state: "attached" });
        }
        await page.waitForTimeout(250);
        const longest = Math.round(Math.max(0, ...(await page.evaluate(() => globalThis.longTasks))));
        if (longest > 0) console.log(`${name} ${view} ${theme} ${width}: longest task ${longest} ms`);
        await page.locator(width < 500 ? "section.card >> nth=0" : ".alert > .stack >> nth=0").screenshot({ path: `${folder}/${name}-${view}-${theme}-${width}.png` });
      }
    }
    for (const one of new Set(wrong)) console.log(one);
    await context.close();
  }
  await browser.close();
} finally {
  await service.stop();
}
