// A rule's way to production: edited, checked, tried, proposed, in shadow, approved by another
// person, taken back.
import assert from "node:assert/strict";
import { open, signIn } from "./browser.mjs";
import { axe } from "./sweep.mjs";

export async function way(browser, base, author, reviewer, out) {
  const { context, page, wrong } = await open(browser, base);
  await signIn(page, base, author.name, author.password);
  await page.goto(`${base}/#/rules`);
  await page.getByRole("button", { name: "Edit a copy" }).click();
  await page.getByText("all is right").waitFor();

  // What is wrong is told as one types, and its place is one key away.
  await page.getByRole("link", { name: /^fan-in/ }).click();
  const text = page.getByLabel("Text of fan-in.toml");
  const before = await text.inputValue();
  await text.fill(before.replace("group = ", "grup = "));
  await page.getByText("1 error", { exact: true }).waitFor();
  const finding = page.getByRole("button", { name: /^fan-in\.toml:\d+:\d+$/ }).first();
  await finding.focus();
  await page.keyboard.press("Enter");
  const selected = await text.evaluate((box) => box.value.slice(box.selectionStart, box.selectionEnd));
  assert.ok(selected.length > 0 && (await text.evaluate((box) => box === document.activeElement)), "the place is chosen");
  assert.equal(await page.getByRole("button", { name: /^Propose…/ }).isDisabled(), true);
  assert.deepEqual(await axe(page), []);

  // Another number, its examples, what it would have said.
  const changed = before.replace("value = 6\nrange = [2, 50]", "value = 5\nrange = [2, 50]");
  assert.notEqual(changed, before);
  await text.fill(changed);
  await page.getByText("all is right").waitFor();
  await page.reload();
  await page.getByRole("link", { name: /^fan-in/ }).click();
  assert.equal(await text.inputValue(), changed, "what was typed is still there");
  // From here on by keys alone, and each step says what comes next.
  const next = (text) => page.locator(".steps [role=status]", { hasText: text }).waitFor();
  await next("run the examples (x)");
  await text.focus();
  await page.keyboard.press("Escape");
  await page.keyboard.press("x");
  await page.getByText(/^All \d+ examples give what they must$/).waitFor();
  await next("run a backtest (b)");
  await page.getByLabel("Days counted").fill("366");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("b");
  await page.getByRole("progressbar", { name: "Payments of the log" }).waitFor();
  await page.keyboard.press("c");
  // A fast machine may have been done before the key came.
  const cancelled = page.getByText("The backtest was cancelled");
  await cancelled.or(page.getByRole("img", { name: "Alerts a day" })).waitFor({ timeout: 60_000 });
  if (await cancelled.count() > 0) await page.keyboard.press("b");
  await page.getByRole("img", { name: "Alerts a day" }).waitFor({ timeout: 60_000 });
  await next("propose it (p)");
  // What lies under the bar is no target for the moment.
  await page.evaluate(() => scrollTo(0, 0));
  assert.deepEqual(await axe(page), []);
  await page.screenshot({ path: `${out}/rules-backtest-light-1280.png`, fullPage: true });
  await page.keyboard.press("p");
  await page.getByLabel("What it is for").waitFor();
  await page.keyboard.type("fewer payers are enough");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: /^Run in shadow/ }).waitFor();
  await next("in shadow: it sees what comes");
  await page.getByRole("button", { name: /^Run in shadow/ }).focus();
  await page.keyboard.press("Enter");
  await page.getByText(/payments compared, 0 waiting/).waitFor({ timeout: 60_000 });
  assert.deepEqual(await axe(page), []);
  await page.screenshot({ path: `${out}/rules-shadow-light-1280.png` });
  await next("another person than eva");
  assert.equal(await page.getByRole("button", { name: /^Approve/ }).count(), 0, "an author approves nothing");
  assert.deepEqual(wrong, []);
  await context.close();

  // Another person, by keyboard.
  const other = await open(browser, base);
  await signIn(other.page, base, reviewer.name, reviewer.password);
  await other.page.goto(`${base}/#/rules`);
  await other.page.getByRole("button", { name: "Library" }).waitFor();
  await other.page.keyboard.press("v");
  const give = async (button, said) => {
    await other.page.getByRole("button", { name: button }).first().focus();
    await other.page.keyboard.press("Enter");
    await other.page.getByLabel("Reason").waitFor();
    await other.page.keyboard.type("as we agreed");
    await other.page.keyboard.press("Tab");
    await other.page.keyboard.press("Tab");
    await other.page.keyboard.press("Enter");
    await other.page.getByText(said, { exact: true }).waitFor();
  };
  await other.page.getByRole("button", { name: /^Approve/ }).waitFor();
  await give(/^Approve/, "It is active");
  await other.page.getByText("runs on, ready for a way back").waitFor();
  assert.deepEqual(await axe(other.page), []);
  await give(/^Roll back/, "It is active again");
  assert.deepEqual(other.wrong, []);
  await other.context.close();
}
