// More than a thousand alerts, and text that means harm: it is shown and never obeyed, breaks no
// layout, poses as nothing else; the queue stays quick.
import assert from "node:assert/strict";
import { open, signIn } from "./browser.mjs";
import { invite, paid, PASSWORD, people, start } from "./service.mjs";
import { axe, overflows } from "./sweep.mjs";

export const CIRCLES = 1_100;
/** Rows that a queue draws at most, however many alerts there are: those in sight and twelve on either side. */
const MOST_ROWS = 80;
/** No task of the page may be longer. They take some 20 to 60 ms on two cores that do nothing else; a
 * test has a loaded machine to reckon with, and one that draws all rows takes seconds. */
const LONGEST_MS = 600;

/** Each fits into 128 bytes, which is the most that an id may have. */
const HOSTILE = [
  "<script>globalThis.hurt=1</script>",
  "<img src=x onerror=\"globalThis.hurt=1\">",
  "\"><svg onload=globalThis.hurt=1>",
  "javascript:globalThis.hurt=1",
  "{{constructor.constructor('globalThis.hurt=1')()}}${7*7}",
  "abc\u202edcba\u202c-\u2066x\u2069",
  "\u05d0\u05d1\u05d2 12-34 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
  "zero\u200bwidth\u200djoin\ufeffer\u00ad",
  "W".repeat(128),
  "\u{1f9d1}\u200d\u{1f680}\u{1f4b8} \u{1f469}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}",
  "'; DROP TABLE alerts; --",
  "=HYPERLINK(\"http://evil.example\",\"x\")",
  "%2e%2e%2f#/users?x=<b>&y",
  "Z\u0351\u0343\u0302\u0310a\u0351\u0343\u0302\u0310l\u0351\u0343\u0302\u0310g\u0351\u0343\u0302\u0310o\u0351\u0343\u0302\u0310",
];
const LONG = `${"a word that is long ".repeat(200)}${"N".repeat(3_000)}`.slice(0, 7_000);

/** Circles of three payments, each of accounts of its own: an alert each. */
function circles() {
  const lines = [];
  const begun = Date.now() - 20 * 86_400_000;
  for (let n = 0; n < CIRCLES; n += 1) {
    const its = HOSTILE[n % HOSTILE.length];
    // The first of each kind has its hostile text bare; the others need ids of their own.
    const id = (hop) => (n < HOSTILE.length && hop === 2 ? its : [...`${n}.${hop} ${its}`].slice(0, 24).join(""));
    const accounts = [0, 1, 2].map((one) => [...`${n}-${one} ${its}`].slice(0, 24).join(""));
    for (let hop = 0; hop < 3; hop += 1) {
      lines.push(JSON.stringify({
        id: id(hop), time: new Date(begun + n * 60_000 + hop * 9_000).toISOString(), debtor: accounts[hop], creditor: accounts[(hop + 1) % 3],
        amount: String(900 + (n % 400) - hop * 10), currency: "EUR", method: [...its].slice(0, 12).join(""),
      }));
    }
  }
  return lines;
}

/** What must hold on every screen, whatever the text. */
async function harmless(page, at) {
  const found = await page.evaluate(() => {
    const wrong = [];
    if (globalThis.hurt !== undefined) wrong.push("something was obeyed");
    for (const link of document.querySelectorAll("a[href]")) if (!/^(#|\/v1\/audit\/export$|http:\/\/127\.0\.0\.1:\d+\/|blob:)/.test(link.getAttribute("href"))) wrong.push(`a link to ${link.getAttribute("href").slice(0, 60)}`);
    if (document.querySelector("main script, main img, main iframe, main object, main [onerror], main [onload]")) wrong.push("an element that nobody of ours made");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!parent || parent.closest("script, style, textarea, title, desc")) continue;
      const text = node.data;
      if (/[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/.test(text)) wrong.push(`what is not seen is in ${JSON.stringify(text.slice(0, 60))}`);
      if (!/[\u0590-\u08ff]/.test(text) || parent.closest("option")) continue;
      // Of its own direction, or all that its block has.
      let isolated = false;
      for (let one = parent; one && !isolated; one = one.parentElement) {
        const style = getComputedStyle(one);
        isolated = /isolate|plaintext/.test(style.unicodeBidi) || one.localName === "bdi" || one.namespaceURI.endsWith("/svg");
        if (!isolated && style.display !== "inline") { isolated = one.textContent === text && one.dir !== ""; break; }
      }
      if (!isolated) wrong.push(`${JSON.stringify(text.slice(0, 60))} in ${parent.outerHTML.slice(0, 90)} turns what is around it`);
    }
    return [...new Set(wrong)];
  });
  assert.deepEqual(found, [], at);
  assert.ok((await overflows(page)) <= 0, `${at}: the page is too wide`);
}

/** The longest task of the page since it was last asked, in ms. */
const longest = (page) => page.evaluate(() => {
  const most = Math.max(0, ...globalThis.longTasks);
  globalThis.longTasks.length = 0;
  return Math.round(most);
});

async function watched(browser, base, options) {
  const it = await open(browser, base, options);
  it.page.on("dialog", (dialog) => {
    it.wrong.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await it.page.exposeFunction("violated", (what) => it.wrong.push(`against the policy: ${what}`));
  await it.page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => { for (const one of list.getEntries()) globalThis.longTasks.push(one.duration); }).observe({ type: "longtask", buffered: true });
    addEventListener("securitypolicyviolation", (event) => globalThis.violated(`${event.violatedDirective} ${event.blockedURI}`));
  });
  return it;
}

async function queue(page, base, out) {
  const figures = {};
  const task = async (name, work) => {
    await longest(page);
    await work();
    figures[name] = await longest(page);
    assert.ok(figures[name] < LONGEST_MS, `${name}: a task of ${figures[name]} ms`);
    const rows = await page.locator(".grid .body .line").count();
    assert.ok(rows <= MOST_ROWS, `${name}: ${rows} rows are drawn`);
  };
  await page.locator("#row-0").waitFor();
  await page.getByText(new RegExp(`of ${CIRCLES.toLocaleString("en-GB")} loaded`)).waitFor();
  await task("j held down", async () => {
    for (let n = 1; n <= 350; n += 1) {
      await page.keyboard.down("j");
      // Faster than a keyboard repeats: pages of rows come in between.
      if (n % 40 === 0) await page.waitForFunction(() => document.querySelector(".grid").getAttribute("aria-busy") === "false");
    }
    await page.keyboard.up("j");
    await page.locator(".line.at#row-350").waitFor();
  });
  await task("k held down", async () => {
    for (let n = 0; n < 100; n += 1) await page.keyboard.down("k");
    await page.keyboard.up("k");
    await page.locator(".line.at#row-250").waitFor();
  });
  await task("scrolled to the end", async () => {
    await page.waitForFunction((last) => {
      const grid = document.querySelector(".grid");
      grid.scrollTop = grid.scrollHeight;
      return document.getElementById(last) !== null;
    }, `row-${CIRCLES - 1}`);
    await page.locator(`#row-${CIRCLES - 1}`).waitFor();
  });
  await task("sorted", async () => {
    await page.getByRole("button", { name: /^Sort by Amount/ }).click();
    await page.waitForFunction(() => location.hash.includes("sort=amount") && document.querySelector(".grid").getAttribute("aria-busy") === "false");
  });
  await task("filtered and searched", async () => {
    await page.goto(`${base}/#/queue`);
    await page.getByLabel("Id or payment").fill(HOSTILE[0]);
    await page.getByText("1 of 1 loaded").waitFor();
    await page.getByLabel("Id or payment").fill("<b>nobody</b>");
    await page.getByRole("heading", { name: "No alert fits these filters" }).waitFor();
  });
  assert.deepEqual(await axe(page), []);
  await page.goto(`${base}/#/queue`);
  await page.locator("#row-20").waitFor();
  await page.screenshot({ path: `${out}/hostile-queue-light-1280.png` });
  await harmless(page, "queue");
  return figures;
}

/** A case over an alert, with what people may write at its worst. */
async function worked(page, base, alert, text) {
  await page.goto(`${base}/#/queue`);
  await page.getByRole("navigation").waitFor();
  return page.evaluate(async ([alert, text, long]) => {
    const { csrf } = await (await fetch("/v1/session")).json();
    const post = async (path, body) => {
      const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json", "x-csrf-token": csrf }, body: JSON.stringify(body) });
      const it = await answer.json();
      if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(it)}`);
      return it;
    };
    let it = await post("/v1/cases", { alerts: [alert], title: text.slice(0, 100) });
    const command = async (body) => { it = await post(`/v1/cases/${it.id}/commands`, { version: it.version, ...body }); };
    await command({ command: "note", text: `${text} ${long}` });
    await command({ command: "note", text });
    await command({ command: "wait", until: new Date(Date.now() + 8.64e7).toISOString(), reason: text }).catch(() => undefined);
    await command({ command: "assign", to: "ada" });
    await command({ command: "escalate", reason: text });
    const whole = await (await fetch(`/v1/alerts/${encodeURIComponent(alert)}`)).json();
    await command({ command: "decide", outcome: "no_report", reason: text, evidence: whole.evidence.map((one) => one.id) });
    return it.id;
  }, [alert, text, LONG]);
}

async function screens(page, base, alerts, { cases, at }) {
  const ready = async (hash, place) => {
    await page.goto(`${base}/#/queue`);
    await page.goto(`${base}/${hash}`);
    await page.locator(place).first().waitFor({ state: "attached" });
    await page.locator(".bones").first().waitFor({ state: "detached" });
    await harmless(page, `${hash} ${at}`);
  };
  for (const id of alerts) {
    const its = encodeURIComponent(id);
    await ready(`#/alerts/${its}`, ".flow .pay");
    for (let n = 0; n < 3; n += 1) await page.keyboard.press("n");
    await page.locator(".picked .id").waitFor();
    await harmless(page, `${id} picked ${at}`);
    await ready(`#/alerts/${its}?view=table`, ".flowbox table");
    await ready(`#/alerts/${its}?view=timeline`, ".timeline");
  }
  for (const id of cases) {
    await ready(`#/cases/${id}`, ".log .note-entry");
    await ready(`#/cases/${id}/file`, ".paper .flow .pay");
  }
  await ready("#/cases", "table");
  await ready("#/users", "table, .list, .card");
  await ready("#/audit", "table, .card");
}

export async function hostile(browser, shroff, { out, more = [] }) {
  const service = await start(shroff, more);
  const { base } = service;
  try {
    await people(service);
    const friend = "\u202enimda <b onclick=hurt()>\u05d0\u05d1";
    await invite(service, friend, "analyst");
    await paid(service, circles());
    const { context, page, wrong } = await watched(browser, base, {});
    await signIn(page, base, "ada", PASSWORD);
    const figures = await queue(page, base, out);
    // An alert of each kind of text, and a case over each.
    const list = await page.evaluate(() => fetch("/v1/alerts?limit=500&sort=time&order=asc").then((answer) => answer.json()));
    const alerts = list.alerts.slice(0, HOSTILE.length).map((alert) => alert.id);
    const cases = [];
    for (const [n, alert] of alerts.entries()) cases.push(await worked(page, base, alert, HOSTILE[n]));
    const refused = await page.evaluate(async ([id]) => {
      const { csrf } = await (await fetch("/v1/session")).json();
      const { version } = await (await fetch(`/v1/cases/${id}`)).json();
      return (await fetch(`/v1/cases/${id}/commands`, { method: "POST", headers: { "content-type": "application/json", "x-csrf-token": csrf }, body: JSON.stringify({ command: "note", version, text: "x".repeat(10_000) }) })).status;
    }, cases);
    assert.equal(refused, 400, "ten thousand letters are too many for a note, and it is said");
    await screens(page, base, alerts, { cases, at: "1280" });
    await page.screenshot({ path: `${out}/hostile-case-light-1280.png`, fullPage: true });
    // On paper the same holds.
    await page.goto(`${base}/#/cases/${cases[5]}/file`);
    await page.locator(".paper .flow .pay").first().waitFor({ state: "attached" });
    await page.emulateMedia({ media: "print" });
    await harmless(page, "printed");
    assert.ok((await page.pdf({ format: "A4" })).length > 20_000);
    await page.emulateMedia({ media: "screen" });
    // A spreadsheet takes none of it for a formula.
    await page.goto(`${base}/#/cases/${cases[11]}`);
    const waiting = page.waitForEvent("download");
    await page.getByRole("button", { name: "CSV" }).click();
    const file = await (await waiting).createReadStream();
    let csv = "";
    for await (const part of file) csv += part;
    assert.ok(csv.includes("'=HYPERLINK") && !/(^|,|")=HYPERLINK/m.test(csv), csv.slice(0, 400));
    assert.deepEqual(wrong, []);
    await context.close();

    const small = await watched(browser, base, { width: 390, height: 844, theme: "dark" });
    await signIn(small.page, base, "ada", PASSWORD);
    await small.page.locator("#row-0").waitFor();
    await harmless(small.page, "queue 390");
    await screens(small.page, base, alerts, { cases, at: "390" });
    assert.deepEqual(small.wrong, []);
    await small.context.close();

    // Somebody whose own name means harm.
    const own = await watched(browser, base, {});
    await signIn(own.page, base, friend, PASSWORD);
    await own.page.locator("#row-0").waitFor();
    // One that nobody touched.
    await own.page.goto(`${base}/#/alerts/${encodeURIComponent(list.alerts[400].id)}`);
    await own.page.locator(".flow .pay").first().waitFor({ state: "attached" });
    await own.page.keyboard.press("a");
    await own.page.locator("h1 ~ .badge.assigned").waitFor();
    await harmless(own.page, "signed in as somebody hostile");
    assert.deepEqual(own.wrong, []);
    await own.context.close();
    return figures;
  } finally {
    await service.stop();
  }
}
