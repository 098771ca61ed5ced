// The real service, on a folder of its own, with people and a simulated world in it.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const PASSWORD = "a sentence is a good password";

/** Starts it and waits for the address, the first person's link and the first key that it prints. */
export async function start(shroff, more = []) {
  const folder = mkdtempSync(join(tmpdir(), "shroff-desk-"));
  const child = spawn(shroff, ["serve", "--data", join(folder, "data"), "--listen", "127.0.0.1:0", ...more], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1" } });
  const said = [];
  const found = {};
  await new Promise((done, fail) => {
    const limit = setTimeout(() => fail(new Error(`the service did not say where it is:\n${said.join("\n")}`)), 60_000);
    const listen = (stream) => createInterface({ input: stream }).on("line", (line) => {
      said.push(line);
      found.base ??= /(http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
      found.setup ??= /#\/setup\/([\w-]+)/.exec(line)?.[1];
      found.key ??= /\b(shroff_[\w-]{20,}|[\w-]{40,})\b/.exec(line.replace(/#\/setup\/\S+/, ""))?.[1];
      if (found.base && found.setup && found.key) {
        clearTimeout(limit);
        done();
      }
    });
    listen(child.stdout);
    listen(child.stderr);
    child.on("exit", (code) => fail(new Error(`the service ended with ${code}:\n${said.join("\n")}`)));
  });
  return { ...found, folder, said, stop: () => new Promise((done) => { child.on("exit", done); child.kill("SIGTERM"); }) };
}

async function sent(base, address, body, headers = {}) {
  const response = await fetch(`${base}${address}`, { method: "POST", headers: { "content-type": "application/json", origin: base, ...headers }, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${address}: ${response.status} ${text}`);
  return { body: text ? JSON.parse(text) : null, cookie: response.headers.getSetCookie()[0]?.split(";")[0] };
}

/** The administrator by the link that was printed; the others by invitation. */
export async function people(service) {
  const { body, cookie } = await sent(service.base, "/v1/setup", { token: service.setup, name: "ada", password: PASSWORD });
  service.admin = { cookie, "x-csrf-token": body.csrf };
  for (const [name, role] of [["ben", "analyst"], ["cleo", "reviewer"], ["dan", "auditor"], ["eva", "rule-author"]]) await invite(service, name, role);
}

/** Somebody more, whom the administrator invites. */
export async function invite(service, name, role) {
  const { body: invitation } = await sent(service.base, "/v1/users", { name, role }, service.admin);
  await sent(service.base, "/v1/setup", { token: invitation.token, name, password: PASSWORD });
}

/** Payments, each a line of JSON, sent as a payment system would; all of them must be taken. */
export async function paid(service, lines) {
  for (let n = 0; n < lines.length; n += 5_000) {
    const response = await fetch(`${service.base}/v1/payments`, { method: "POST", headers: { authorization: `Bearer ${service.key}`, "content-type": "application/x-ndjson" }, body: `${lines.slice(n, n + 5_000).join("\n")}\n` });
    const text = await response.text();
    if (!response.ok) throw new Error(`payments: ${response.status}`);
    const refused = text.split("\n").find((line) => line.includes("urn:shroff:problem:"));
    if (refused) throw new Error(`a payment was refused: ${refused}`);
  }
}

/** A world with planted laundering, paid into the service as a payment system would. */
export async function world(shroff, service, { payments = 20_000, accounts = 2_000, seed = 1 } = {}) {
  const file = join(service.folder, "world.csv");
  execFileSync(shroff, ["simulate", "--payments", String(payments), "--accounts", String(accounts), "--seed", String(seed), "--out", file], { stdio: "ignore" });
  const [head, ...rows] = readFileSync(file, "utf8").trim().split("\n");
  const names = head.split(",");
  const at = Object.fromEntries(names.map((name, n) => [name, n]));
  const lines = rows.map((row) => {
    const cells = row.split(",");
    return JSON.stringify({ id: cells[at.id], time: cells[at.time], debtor: cells[at.debtor], creditor: cells[at.creditor], amount: cells[at.amount], currency: cells[at.currency], method: cells[at.method] });
  });
  await paid(service, lines);
}
