// Pictures of screens while one works on them: node e2e/look.mjs BASE NAME=HASH... [--dark] [--narrow]
import { launch, open, signIn } from "./browser.mjs";
const [base, ...rest] = process.argv.slice(2);
const flags = rest.filter((one) => one.startsWith("--"));
const browser = await launch();
const narrow = flags.includes("--narrow");
const { page, wrong } = await open(browser, base, { width: narrow ? 390 : Number(process.env.WIDTH ?? 1280), height: narrow ? 844 : 800, theme: flags.includes("--dark") ? "dark" : "light" });
await signIn(page, base, process.env.AS ?? "ada", process.env.PASSWORD ?? "desk");
for (const one of rest.filter((it) => !it.startsWith("--"))) {
  const at = one.indexOf("=");
  await page.goto(`${base}/${one.slice(at + 1)}`);
  await page.waitForTimeout(Number(process.env.WAIT ?? 900));
  await page.screenshot({ path: `e2e/out/${one.slice(0, at)}${flags.includes("--dark") ? "-dark" : ""}${narrow ? "-390" : ""}.png`, fullPage: flags.includes("--full") });
}
for (const one of new Set(wrong)) console.log(one);
await browser.close();
