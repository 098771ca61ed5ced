// Every screen in both themes and two widths: a picture of each, and axe on each.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { open, signIn } from "./browser.mjs";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function axe(page) {
  // Through the debugger: the page's own policy stays as strict as it is.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return found.violations.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.failureSummary?.split("\n").slice(1, 2).join("")}`).join(" | ")}`);
}

/** What is wider than the screen scrolls inside itself, never the page. */
export const overflows = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

export async function sweep(browser, base, { name, password, screens, out, themes = ["light", "dark"], widths = [1280, 390] }) {
  const wrongs = [];
  for (const theme of themes) for (const width of widths) {
    const { context, page, wrong } = await open(browser, base, { width, height: width < 500 ? 844 : 800, theme });
    await signIn(page, base, name, password);
    for (const [title, hash, ready] of screens) {
      const at = `${title} ${theme} ${width}`;
      await page.goto(`${base}/${hash}`);
      await page.locator(ready ?? "main h1").first().waitFor({ state: "attached" });
      await page.locator(".bones").first().waitFor({ state: "detached", timeout: 10_000 }).catch(() => wrongs.push(`${at}: still loading`));
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      await page.screenshot({ path: `${out}/${title}-${theme}-${width}.png` });
      for (const one of await axe(page)) wrongs.push(`${at}: axe ${one}`);
      const over = await overflows(page);
      if (over > 0) wrongs.push(`${at}: the page is ${over} px too wide`);
    }
    for (const one of new Set(wrong)) wrongs.push(`${theme} ${width}: ${one}`);
    await context.close();
  }
  return wrongs;
}
