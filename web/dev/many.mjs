// A development tool, never the product: 100,000 alerts on the real service, and how long it and the
// desk take with them.
//
//   SHROFF=path/to/shroff node dev/many.mjs [--alerts 100000] [--postgres]
//
// Circles of three payments, each of accounts of its own, sent as a payment system sends them: an
// alert each. Then each list, search and screen, ten times, and the slowest and the middle of each.
import { launch, open, signIn } from "../e2e/browser.mjs";
import { startPostgres } from "../e2e/postgres.mjs";
import { paid, PASSWORD, people, start } from "../e2e/service.mjs";

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const alerts = Number(option("alerts", 100_000));
const postgres = process.argv.includes("--postgres") ? startPostgres() : null;
const service = await start(process.env.SHROFF, postgres ? ["--register", postgres.url] : []);
const { base } = service;
const timed = async (work) => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};
const shown = (times) => {
  const sorted = [...times].sort((a, b) => a - b);
  return `${sorted[Math.floor(sorted.length / 2)].toFixed(0)} ms (slowest ${sorted.at(-1).toFixed(0)})`;
};

try {
  await people(service);
  const begun = Date.now() - alerts * 30_000 - 3_600_000;
  // Some are of the same accounts, so that there is a before.
  const hub = (n) => (n % 50 === 0 ? `hub-${n % 1_000}` : `a${n}`);
  const took = await timed(async () => {
    for (let first = 0; first < alerts; first += 2_000) {
      const lines = [];
      for (let n = first; n < Math.min(alerts, first + 2_000); n += 1) {
        const accounts = [hub(n), `b${n}`, `c${n}`];
        for (let hop = 0; hop < 3; hop += 1) {
          lines.push(JSON.stringify({ id: `p${n}-${hop}`, time: new Date(begun + n * 30_000 + hop * 5_000).toISOString(), debtor: accounts[hop], creditor: accounts[(hop + 1) % 3], amount: String(900 + (n % 900) - hop * 10), currency: "EUR" }));
        }
      }
      await paid(service, lines);
    }
  });
  const { cookie, ...csrf } = service.admin;
  const ask = async (path) => {
    const response = await fetch(`${base}${path}`, { headers: { cookie, ...csrf } });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  let total = 0;
  while (total < alerts * 0.9) {
    total = (await ask("/v1/overview")).alerts_total;
    await new Promise((done) => setTimeout(done, 500));
  }
  // Within minutes the database does so by itself.
  postgres?.analyze();
  console.log(`${total} alerts of ${alerts * 3} payments in ${(took / 1000).toFixed(0)} s${postgres ? ", PostgreSQL" : ", SQLite"}`);
  const first = (await ask("/v1/alerts?limit=500&sort=amount")).alerts;
  const hubs = (await ask("/v1/alerts?limit=500&q=p50-0")).alerts[0] ?? first[0];
  const page = await ask("/v1/alerts?limit=200");
  const paths = {
    "list by score": "/v1/alerts?limit=100&sort=score", "list by time": "/v1/alerts?limit=100&sort=time", "list by amount": "/v1/alerts?limit=100&sort=amount", "the next page": `/v1/alerts?limit=200&cursor=${encodeURIComponent(page.next_cursor)}`,
    "typology": "/v1/alerts?limit=100&typology=cycle&sort=score", "state open": "/v1/alerts?limit=100&state=open&sort=score", "from a score": "/v1/alerts?limit=100&min_score=0.8&sort=score", "from an amount": "/v1/alerts?limit=100&min_amount=3000&sort=score",
    "since": `/v1/alerts?limit=100&sort=score&since=${new Date(begun + alerts * 15_000).toISOString()}`, "account": `/v1/alerts?limit=100&account=${hubs.accounts[0]}`, "search an id": `/v1/alerts?limit=100&q=${first[7].id}`, "search a beginning": "/v1/alerts?limit=100&q=cycle-1", "search a payment": `/v1/alerts?limit=100&q=p${alerts >> 1}-1`, "search nothing": "/v1/alerts?limit=100&q=nothing-like-it",
    "action, state, score, amount": "/v1/alerts?limit=100&state=open&action=review&min_score=0.5&min_amount=1000&sort=time",
    "overview": "/v1/overview?days=30", "overview of a year": "/v1/overview?days=365", "an alert": `/v1/alerts/${encodeURIComponent(first[3].id)}`, "an alert with a before": `/v1/alerts/${encodeURIComponent(hubs.id)}`, "its neighbours": `/v1/alerts/${encodeURIComponent(hubs.id)}/graph?hops=1`, "an account": `/v1/accounts/${hubs.accounts[0]}`,
    "cases": "/v1/cases?limit=100", "holds": "/v1/holds?state=open&limit=50", "audit": "/v1/audit?limit=100",
  };
  for (const [name, path] of Object.entries(paths)) {
    const times = [];
    for (let n = 0; n < 10; n += 1) times.push(await timed(() => ask(path)));
    console.log(`service  ${name}: ${shown(times)}`);
  }
  const browser = await launch();
  const { page: screen, wrong } = await open(browser, base);
  await screen.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => { for (const one of list.getEntries()) globalThis.longTasks.push(one.duration); }).observe({ type: "longtask", buffered: true });
  });
  await signIn(screen, base, "ada", PASSWORD);
  const screens = {
    queue: ["#/queue", "#row-0"], "queue, open": ["#/queue?state=open", "#row-0"], search: [`#/queue?q=${first[7].id}`, "#row-0"], overview: ["#/overview", ".chart canvas"], alert: [`#/alerts/${encodeURIComponent(hubs.id)}`, ".flow .pay"], "alert, network": [`#/alerts/${encodeURIComponent(hubs.id)}?view=network`, ".net canvas"], account: [`#/accounts/${hubs.accounts[0]}`, "table"], audit: ["#/audit", "table"],
  };
  for (const [name, [hash, place]] of Object.entries(screens)) {
    const times = [];
    const long = [];
    for (let n = 0; n < 5; n += 1) {
      await screen.goto(`${base}/#/users`);
      await screen.locator("main h1").first().waitFor();
      await screen.evaluate(() => { globalThis.longTasks.length = 0; });
      times.push(await timed(async () => {
        await screen.evaluate((to) => { location.hash = to; }, hash);
        await screen.locator(place).first().waitFor({ state: "attached" });
      }));
      await screen.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60))));
      long.push(Math.max(0, ...(await screen.evaluate(() => globalThis.longTasks))));
    }
    console.log(`screen   ${name}: ${shown(times)}, longest task ${Math.max(...long).toFixed(0)} ms`);
  }
  await screen.goto(`${base}/#/queue`);
  await screen.locator("#row-0").waitFor();
  await screen.evaluate(() => { globalThis.longTasks.length = 0; });
  // As often as it takes: a key that comes while the next rows do not changes nothing.
  const held = await timed(async () => {
    while (await screen.locator(".line.at#row-1000").count() === 0) await screen.keyboard.down("j");
    await screen.keyboard.up("j");
  });
  console.log(`screen   j a thousand times: ${held.toFixed(0)} ms, longest task ${Math.max(0, ...(await screen.evaluate(() => globalThis.longTasks))).toFixed(0)} ms`);
  if (wrong.length > 0) console.log(wrong);
  await browser.close();
} finally {
  await service.stop();
  postgres?.stop();
}
