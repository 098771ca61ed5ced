// An analyst's day by keyboard alone, and what must never happen in it.
import assert from "node:assert/strict";
import { open } from "./browser.mjs";
import { axe } from "./sweep.mjs";

/** From signing in to a decision, without the mouse. */
export async function day(browser, base, { name, password }) {
  const { context, page, wrong } = await open(browser, base);
  const key = (...keys) => keys.reduce((before, one) => before.then(() => page.keyboard.press(one)), Promise.resolve());
  const heading = (text) => page.getByRole("heading", { level: 1, name: text }).waitFor({ state: "attached" });
  await page.goto(`${base}/`);
  // The name has the focus already.
  await page.getByLabel("Name").waitFor();
  await page.keyboard.type(name);
  await key("Tab");
  await page.keyboard.type(password);
  await key("Enter");
  await page.locator("#row-0").waitFor();

  // Help, and away again.
  await key("?");
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await key("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  // The strongest come first, as the head of the column says.
  const scores = (await page.locator(".grid .body .score > span").allTextContents()).map(Number);
  assert.ok(scores.length > 5 && scores.every((one, n) => n === 0 || one <= scores[n - 1]), `the queue is not by score: ${scores}`);

  // Down the queue, up again; the chosen row is in sight.
  await key("j", "j", "j", "k");
  assert.equal(await page.locator(".line.at").getAttribute("id"), "row-2");
  await key("End");
  await page.locator(".line.at").waitFor();
  assert.ok(await page.locator(".line.at").isVisible());
  await key("Home");
  assert.equal(await page.locator(".line.at").getAttribute("id"), "row-0");

  // The flow, in each of its views, with payments stepped through.
  await key("Enter");
  await page.locator(".flow .pay").first().waitFor({ state: "attached" });
  const alert = new URL(page.url()).hash.split("/")[2].split("?")[0];
  await key("n");
  await page.locator(".flow .pay.picked").waitFor({ state: "attached" });
  const first = await page.locator(".picked .id").textContent();
  await key("n");
  await page.waitForFunction((before) => document.querySelector(".picked .id")?.textContent !== before, first);
  await key("4");
  await page.locator("table tr.chosen").first().waitFor();
  await key("5");
  await page.locator(".timeline").waitFor();
  await key("1");
  await key("Escape");
  await page.locator(".flow.dim").waitFor({ state: "detached" });

  // A number of the reason shows the payments behind it.
  await page.locator(".why .value").first().focus();
  await key("Enter");
  await page.locator(".why .value[aria-pressed=true]").first().waitFor();
  await page.locator(".flow.dim").waitFor({ state: "attached" });
  await page.evaluate(() => document.activeElement.blur());
  await key("Escape");

  // Take it, open its case, note, decide.
  await key("a");
  await page.getByRole("link", { name: /^Case / }).waitFor();
  await key("c");
  await page.getByRole("heading", { level: 2, name: "Log" }).waitFor();
  const id = new URL(page.url()).hash.split("/")[2];
  await key("m");
  await page.keyboard.type("Asked the branch.");
  await key("Control+Enter");
  await page.locator(".log .note-entry", { hasText: "Asked the branch." }).waitFor();
  await page.evaluate(() => document.activeElement.blur());
  // From the alert's own screen, where one has just looked.
  await page.goBack();
  await page.locator(".flow .pay").first().waitFor({ state: "attached" });
  await page.getByRole("link", { name: /^Case / }).waitFor();
  const seen = await page.evaluate((which) => fetch(`/v1/alerts/${which}`).then((answer) => answer.json()), alert);
  await key("d");
  await page.getByRole("dialog", { name: "Decide" }).waitFor();
  await page.getByText(/payments are attached/).waitFor();
  assert.deepEqual(await axe(page), []);
  await key("Space");
  await key("Tab");
  await page.keyboard.type("The chain of payments has no purpose that the documents show.");
  await key("Control+Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("heading", { level: 2, name: "Decision" }).waitFor();
  assert.match(await page.locator(".log").textContent(), /decided/);
  // The alert that was on the screen goes with it, at the revision that was seen.
  const rests = await page.evaluate((which) => fetch(`/v1/cases/${which}`).then((answer) => answer.json()), id);
  assert.deepEqual(rests.decision.alerts, [{ id: seen.id, revision: seen.revision }]);
  await page.getByText(`at revision ${seen.revision}`).first().waitFor();

  // The file of the case has the picture, the payments and the decision.
  await key("f");
  await heading(/^Case file/);
  await page.locator(".paper .flow .pay").first().waitFor({ state: "attached" });
  await page.locator(".paper").getByText("has no purpose that the documents show").first().waitFor();
  const pdf = await page.pdf({ format: "A4" });
  assert.ok(pdf.length > 20_000, "the case file as PDF is empty");

  // The queue says that it is decided.
  await key("g", "q");
  await page.locator("#row-0").waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
  return { alert: decodeURIComponent(alert), case: id };
}

/** Two people on one case: the second is told, and nothing that was typed is lost. */
export async function two(browser, base, people, id) {
  const [a, b] = await Promise.all(people.map(async (person) => {
    const it = await open(browser, base);
    await it.page.goto(`${base}/`);
    await it.page.getByLabel("Name").fill(person.name);
    await it.page.getByLabel("Password").fill(person.password);
    await it.page.keyboard.press("Enter");
    await it.page.getByRole("navigation").waitFor();
    await it.page.goto(`${base}/#/cases/${id}`);
    await it.page.getByRole("heading", { level: 2, name: "Log" }).waitFor();
    return it;
  }));
  // What the one notes, the other sees without doing anything.
  await a.page.keyboard.press("m");
  await a.page.keyboard.type("From the first desk.");
  await a.page.keyboard.press("Control+Enter");
  await b.page.locator(".log", { hasText: "From the first desk." }).waitFor({ timeout: 10_000 });
  // Without the events of the other, the version is stale: it is said, and the text stays.
  await b.page.route("**/v1/cases/*/commands", async (route) => {
    const body = route.request().postDataJSON();
    await route.continue({ postData: JSON.stringify({ ...body, version: body.version - 1 }) });
  });
  await b.page.keyboard.press("m");
  await b.page.keyboard.type("From the second desk.");
  await b.page.keyboard.press("Control+Enter");
  await b.page.getByText("Somebody changed the case meanwhile").waitFor();
  assert.equal(await b.page.getByLabel("Note", { exact: true }).inputValue(), "From the second desk.");
  await b.page.unroute("**/v1/cases/*/commands");
  await b.page.keyboard.press("Control+Enter");
  await a.page.locator(".log", { hasText: "From the second desk." }).waitFor({ timeout: 10_000 });
  assert.deepEqual([...a.wrong, ...b.wrong], []);
  await a.context.close();
  await b.context.close();
}

/** The network goes and comes back; a session ends and is taken up where it was. */
export async function interruptions(browser, base, { name, password }, alert) {
  const { context, page, wrong } = await open(browser, base);
  await page.goto(`${base}/`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.locator("#row-0").waitFor();
  await context.setOffline(true);
  await page.goto(`${base}/#/alerts/${encodeURIComponent(alert)}`);
  await page.getByRole("heading", { name: "The service does not answer" }).waitFor();
  await context.setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".flow .pay").first().waitFor({ state: "attached" });
  // The session ends behind the desk's back.
  await context.clearCookies();
  await page.keyboard.press("a");
  await page.getByRole("dialog", { name: "Sign in" }).waitFor();
  assert.ok(await page.locator(".flow .pay").first().isVisible(), "what was on the screen is gone");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("h");
  await page.locator(".flow .pay.cx").first().waitFor({ state: "attached" });
  assert.deepEqual(wrong.filter((one) => !/EventSource|ERR_INTERNET/.test(one)), []);
  await context.close();
}

/** The chain is verified in the browser; an account is unmasked for a reason, for a while. */
export async function trust(browser, base, { name, password }, id) {
  const { context, page, wrong } = await open(browser, base);
  await page.goto(`${base}/`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation").waitFor();
  await page.goto(`${base}/#/cases/${id}`);
  await page.locator("th a[href*='#/alerts/']").first().click();
  // The case has such a line too.
  await page.locator(".alert .picked").waitFor();
  await page.keyboard.press("n");
  await page.locator(".alert .picked .token").first().click();
  await page.getByRole("button", { name: "Show number" }).click();
  await page.getByRole("dialog", { name: "Show the account number" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByLabel("Reason").fill("The report needs the number.");
  await page.keyboard.press("Tab");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.locator(".number").waitFor();
  await page.getByText(/hidden again in \d+ s/).waitFor();
  await page.getByRole("button", { name: "Hide now" }).click();
  await page.locator(".number").waitFor({ state: "detached" });
  // It stands in the log of the case too: who, when, of which token and why, never the number.
  const shown = decodeURIComponent(new URL(page.url()).hash.split("/")[2]);
  await page.goto(`${base}/#/cases/${id}`);
  const line = page.locator(".log .grave", { hasText: "saw the number of" });
  await line.waitFor();
  const said = await line.textContent();
  assert.ok(said.includes(name) && said.includes(shown) && said.includes("The report needs the number."), said);
  await page.keyboard.press("g");
  await page.keyboard.press("u");
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await page.getByText(/the chain is whole/).waitFor({ timeout: 20_000 });
  assert.deepEqual(wrong, []);
  await context.close();
}
