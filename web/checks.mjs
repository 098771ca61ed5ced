// What must hold of the build: licences of what is shipped and of what builds it, and its size.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LICENCES = new Set(["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD"]);
// Only to build and to test, never shipped: data and tools that a browser's vendor or a library
// author licensed otherwise.
const TOOLS = new Set(["MPL-2.0", "CC-BY-4.0", "BlueOak-1.0.0", "Python-2.0", "CC0-1.0", "Unlicense", "MIT OR CC0-1.0", "(MIT OR CC0-1.0)"]);
const MOST_INITIAL = 250_000;

const what = process.argv[2];
const wrong = [];
if (what === "licences") {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  for (const [name, { license, dev, optional, devOptional }] of Object.entries(packages)) {
    if (!name) continue;
    const tool = dev || optional || devOptional;
    if (!LICENCES.has(license) && !(tool && TOOLS.has(license))) wrong.push(`${name}: ${license}`);
  }
} else if (what === "size") {
  const page = readFileSync("dist/index.html", "utf8");
  const first = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((match) => match[1]);
  const size = (file) => gzipSync(readFileSync(`dist/${file}`)).length;
  const initial = first.reduce((sum, file) => sum + size(file), gzipSync(page).length);
  const all = readdirSync("dist/assets").reduce((sum, file) => sum + size(`assets/${file}`), 0);
  console.log(`desk: first load ${(initial / 1000).toFixed(0)} kB gzip, all ${(all / 1000).toFixed(0)} kB`);
  if (initial > MOST_INITIAL) wrong.push(`the first load is ${initial} bytes, and ${MOST_INITIAL} are the most`);
  // The policy of the service allows neither.
  if (/<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=/i.test(page)) wrong.push("index.html has a script, a style or a handler in its text");
} else wrong.push("usage: node checks.mjs licences|size");
for (const one of wrong) console.error(`desk: ${one}`);
process.exit(wrong.length > 0 ? 1 : 0);
