// A development tool, never the product: serves the contract's JSON from a world that
// `shroff demo` made, so that the desk can be worked on without the service.
//
//   SHROFF=path/to/shroff node dev/server.mjs [--port 8790] [--many 100000] [--hostile] [--empty] [--dist]
//
// Signs in anyone with the password `desk`. State is in memory and gone at the end. Tests run
// against the real service, not this.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const option = (name) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const has = (name) => process.argv.includes(`--${name}`);
const port = Number(option("port") ?? 8790);
const world = join(here, "world");
const shroff = process.env.SHROFF ?? "shroff";
if (!existsSync(join(world, "alerts.jsonl"))) {
  execFileSync(shroff, ["demo", "--report", "--out", world], { stdio: "ignore" });
}

const jsonLines = (file) => readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const token = new Map(
  readFileSync(join(world, "accounts.csv"), "utf8").trim().split("\n").slice(1).map((line) => {
    const [made, account] = line.split(",");
    return [account, made];
  }),
);
// A scan names the accounts of its alerts; the others get tokens here.
const tokenOf = (account) => {
  if (!token.has(account)) token.set(account, createHash("sha256").update(account).digest("hex").slice(0, 12).replace(/(.{4})(.{4})(.{4})/, "$1-$2-$3"));
  return token.get(account);
};
const payments = new Map();
for (const line of readFileSync(join(world, "payments.csv"), "utf8").trim().split("\n").slice(1)) {
  const [id, time, debtor, creditor, amount, currency] = line.split(",");
  payments.set(id, { id, time, debtor: tokenOf(debtor), creditor: tokenOf(creditor), amount: Number(amount), currency });
}
const byAccount = new Map();
for (const payment of payments.values()) {
  for (const account of new Set([payment.debtor, payment.creditor])) {
    if (!byAccount.has(account)) byAccount.set(account, []);
    byAccount.get(account).push(payment);
  }
}
// The world is moved to end now.
const newest = Math.max(...[...payments.values()].map((p) => Date.parse(p.time)));
const shift = Date.now() - newest;
const moved = (time) => new Date(Date.parse(time) + shift).toISOString().replace(/\.\d+Z$/, "Z");
for (const payment of payments.values()) payment.time = moved(payment.time);

const typologyFolder = join(here, "../../typologies");
const texts = (toml, key) =>
  [...toml.matchAll(new RegExp(`^${key} = """([\\s\\S]*?)"""`, "gm"))].map((m) => m[1].trim());
const text = (toml, key) => texts(toml, key)[0] ?? toml.match(new RegExp(`^${key} = "(.*)"`, "m"))?.[1] ?? "";
const typologies = readdirSync(typologyFolder).filter((name) => name.endsWith(".toml")).map((name) => {
  const toml = readFileSync(join(typologyFolder, name), "utf8");
  const parameters = [...toml.matchAll(/\[parameters\.(\w+)\]\n([\s\S]*?)\n\n/g)].map((m) => {
    const range = m[2].match(/range = \[([\d_.-]+), ([\d_.-]+)\]/);
    const number = (digits) => Number(String(digits).replaceAll("_", ""));
    return { name: m[1], value: number(m[2].match(/value = ([\d_.-]+)/)?.[1]), unit: m[2].match(/unit = "(.*)"/)?.[1] ?? null,
      low: number(range?.[1]), high: number(range?.[2]), what: m[2].match(/what = "(.*)"/)?.[1] ?? "" };
  });
  const test = toml.match(/ledger = """\n([\s\S]*?)"""\nalerts = \["?([\d-]+)?/);
  const evidence = test?.[2]?.split("-").map(Number) ?? [0, 0];
  const example = (test?.[1] ?? "").trim().split("\n").slice(1).map((line, n) => {
    const [day, from, to, amount] = line.split(/\s+/);
    return { id: String(n + 1), time: new Date(Date.UTC(2024, 0, 1) + (Number.parseFloat(day) || n / 24) * 86_400_000).toISOString(), debtor: from, creditor: to,
      amount: Number(amount?.replaceAll("_", "")), currency: "EUR", in_evidence: n + 1 >= evidence[0] && n + 1 <= (evidence[1] ?? evidence[0]) };
  }).filter((p) => Number.isFinite(p.amount));
  return { id: text(toml, "id"), title: text(toml, "title"), version: "1", action: text(toml, "action"), what: text(toml, "what"),
    why: text(toml, "why"), innocent: text(toml, "innocent"), sources: [...(toml.match(/^sources = \[(.*)\]/m)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map((m) => m[1]),
    when: texts(toml, "when").concat([...toml.matchAll(/^when = "([^"\n]+)"/gm)].map((m) => m[1])),
    score: texts(toml, "score"), reason: [...toml.matchAll(/^reason = "(.*)"/gm)].map((m) => m[1]), parameters, example };
});
const ruleVersion = { version: "0123456789abcdef", state: "active", proposed_by: null, proposed_at: null, approved_by: null, approved_at: null, note: "what the service was first started with", reason: null, active_from_place: 0, allowed: [] };
const titleOf = (id) => typologies.find((t) => t.id === id)?.title ?? id;

const hostile = '<script>alert(1)</script>\u202Egnirts desrever\u202C "><img src=x onerror=alert(2)> ' + "very-long-".repeat(60);
let alerts = has("empty") ? [] : jsonLines(join(world, "alerts.jsonl")).map((alert) => {
  const evidence = alert.payments.map((id) => payments.get(id));
  const rules = alert.rules.map((rule, n) => ({ ...rule, title: titleOf(rule.typology), reason: alert.reasons[n] ?? "" }));
  return { id: alert.id, typology: alert.typology, title: titleOf(alert.typology), score: alert.score, action: alert.action,
    first_time: moved(alert.first_time), last_time: moved(alert.last_time), raised_at: payments.get(alert.raised_by).time, raised_by: alert.raised_by,
    amount: alert.amount, currency: alert.currency, accounts: alert.accounts, payment_count: alert.payments.length,
    revision: Math.min(3, alert.payments.length), reasons: alert.reasons, rules, payments: alert.payments, evidence, case: null };
});
if (has("hostile")) for (const [n, alert] of alerts.entries()) {
  if (n % 3) continue;
  alert.accounts = alert.accounts.map((a, i) => (i ? a : hostile));
  alert.reasons = alert.reasons.map((r) => `${r} ${hostile}`);
  alert.rules = alert.rules.map((r) => ({ ...r, reason: `${r.reason} ${hostile}` }));
  alert.evidence = alert.evidence.map((p, i) => ({ ...p, id: i ? p.id : hostile, debtor: p.debtor === alert.accounts[0] ? hostile : p.debtor }));
  alert.title = n % 2 ? alert.title : hostile;
}
// A hub of 500 payments, made by joining what one busy account did.
if (alerts.length) {
  const [hub, its] = [...byAccount].sort((a, b) => b[1].length - a[1].length)[0];
  const evidence = its.slice(-500);
  const first = alerts.find((a) => a.typology === "fan-in");
  alerts.push({ ...first, id: "fan-in-hub", score: 0.971, accounts: [hub, ...new Set(evidence.flatMap((p) => [p.debtor, p.creditor]).filter((a) => a !== hub))],
    evidence, payments: evidence.map((p) => p.id), payment_count: evidence.length, amount: Math.round(evidence.reduce((s, p) => s + p.amount, 0) * 100) / 100,
    first_time: evidence[0].time, last_time: evidence.at(-1).time });
}
const many = Number(option("many") ?? 0);
for (let n = 0; alerts.length && alerts.length < many; n += 1) {
  alerts.push({ ...alerts[n % 700], id: `${alerts[n % 700].id}-${n}`, score: Math.round((alerts[n % 700].score * 0.9 + (n % 97) / 1000) * 1000) / 1000 });
}
const alertById = new Map(alerts.map((alert) => [alert.id, alert]));

const cases = new Map();
const audit = [];
const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object") return `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join(",")}}`;
  return JSON.stringify(value);
};
const record = (session, action, object, detail = {}) => {
  const previous = audit.at(-1)?.hash ?? "0".repeat(64);
  const entry = { n: audit.length + 1, at: new Date().toISOString(), actor: session.name, role: session.role, action, object, detail };
  audit.push({ ...entry, previous, hash: createHash("sha256").update(`${previous}{${["n", "at", "actor", "role", "action", "object", "detail"].map((k) => `${JSON.stringify(k)}:${canonical(entry[k])}`).join(",")}}`).digest("hex") });
};
const holds = alerts.filter((a) => a.action === "hold").slice(0, 12).map((alert, n) => ({ payment: alert.raised_by, alert: alert.id,
  opened_at: new Date(Date.now() - n * 3_000_000).toISOString(), ends_at: new Date(Date.now() + (n + 1) * 2_700_000).toISOString(), state: "open", ended_by: null, reason: null }));

const head = (a) => {
  const c = a.case ? cases.get(a.case) : null;
  const { reasons, rules, payments: p, evidence, ...rest } = a;
  return { ...rest, state: c ? (c.state === "reopened" ? "open" : c.state) : "open", assignee: c?.assignee ?? null, outcome: c?.outcome ?? null };
};
const full = (c) => ({ ...c, alerts: c.alerts.map((id) => head(alertById.get(id))), hold: holds.filter((h) => c.alerts.includes(h.alert)) });
class Refused extends Error { constructor(status, title, detail, more = {}) { super(title); this.body = { type: "about:blank", title, status, detail, ...more }; } }

const streams = new Set();
const tell = (event, data) => { for (const s of streams) s.write(`id: ${Date.now()}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`); };

function command(session, c, body) {
  if (body.version !== c.version) throw new Refused(409, "This case was changed meanwhile", `It is at version ${c.version}.`, { current_version: c.version });
  const decided = c.state === "decided";
  const open = ["note", "link", "unlink", "reopen", "title"];
  if (decided && !open.includes(body.command)) throw new Refused(409, "Not in this state", `The case is decided; allowed are ${open.join(", ")}.`);
  if (["decide", "reopen", "escalate", "approve", "reject"].includes(body.command) && !String(body.reason ?? "").trim()) throw new Refused(422, "A reason is missing", "hint: say why");
  const entry = { n: c.log.length + 1, at: new Date().toISOString(), by: session.name, command: body.command, text: body.reason ?? body.text ?? body.to ?? null, detail: null };
  switch (body.command) {
    case "assign": c.assignee = body.to; c.state = "assigned"; break;
    case "unassign": c.assignee = null; c.state = "open"; break;
    case "wait": c.state = "waiting"; break;
    case "resume": c.state = "assigned"; break;
    case "escalate": c.state = "escalated"; break;
    case "decide": c.state = "decided"; c.outcome = body.outcome; c.decision = { outcome: body.outcome, reason: body.reason, by: session.name, at: entry.at, evidence: body.evidence, approved_by: null, approved_at: null }; break;
    case "approve": c.decision.approved_by = session.name; c.decision.approved_at = entry.at; break;
    case "reopen": c.state = "open"; c.outcome = null; c.decision = null; break;
    case "note": break;
    case "link": c.links.push(body.case); break;
    case "unlink": c.links = c.links.filter((l) => l !== body.case); break;
    case "due": c.due = body.at; break;
    case "join": for (const id of body.alerts) { c.alerts.push(id); alertById.get(id).case = c.id; } break;
    case "leave": c.alerts = c.alerts.filter((a) => a !== body.alert); alertById.get(body.alert).case = null; break;
    case "title": c.title = body.text; break;
    default: throw new Refused(422, "Not a command", String(body.command));
  }
  c.version += 1;
  c.log.push(entry);
  record(session, `case.${body.command}`, c.id, { text: entry.text });
  tell("case", full(c));
  for (const id of c.alerts) tell("alert", head(alertById.get(id)));
  return full(c);
}

const account = (id) => {
  const its = byAccount.get(id) ?? [];
  if (!its.length && id !== hostile) throw new Refused(404, "No such account", "It made no payment in the window.");
  const side = (which, other) => { const ps = its.filter((p) => p[which] === id); return { count: ps.length, amount: Math.round(ps.reduce((s, p) => s + p.amount, 0) * 100) / 100, counterparties: new Set(ps.map((p) => p[other])).size }; };
  const days = new Map();
  for (const p of its) { const day = p.time.slice(0, 10); const d = days.get(day) ?? { day, sent_count: 0, sent_amount: 0, received_count: 0, received_amount: 0 };
    if (p.debtor === id) { d.sent_count += 1; d.sent_amount += p.amount; } else { d.received_count += 1; d.received_amount += p.amount; } days.set(day, d); }
  return { token: id, first_time: its[0]?.time ?? null, last_time: its.at(-1)?.time ?? null, sent: side("debtor", "creditor"), received: side("creditor", "debtor"),
    days: [...days.values()], payments: its.slice(-200).reverse(), alerts: alerts.filter((a) => a.accounts.includes(id)).slice(0, 50).map(head) };
};
const overview = () => {
  const heads = alerts.map(head); const at = (state) => heads.filter((a) => a.state === state).length; const perDay = new Map();
  for (const a of heads) { const d = a.raised_at.slice(0, 10); perDay.set(d, (perDay.get(d) ?? 0) + 1); }
  const days = [...perDay].sort().slice(-30).map(([day, n]) => ({ day, alerts: n, decided: Math.floor(n * 0.6) }));
  const kinds = new Map(); for (const a of heads) { const k = kinds.get(a.typology) ?? { typology: a.typology, title: titleOf(a.typology), alerts: 0, decided: 0, reports: 0, precision: null }; k.alerts += 1; kinds.set(a.typology, k); }
  for (const k of kinds.values()) { k.decided = Math.floor(k.alerts * 0.6); k.reports = Math.floor(k.decided * 0.2); k.precision = k.decided ? k.reports / k.decided : null; }
  return { payments_total: has("empty") ? 0 : payments.size, alerts_total: heads.length, open: at("open"), assigned: at("assigned"), waiting: at("waiting"), escalated: at("escalated"), decided: at("decided"),
    reports: heads.filter((a) => a.outcome === "report").length, holds_open: holds.filter((h) => h.state === "open").length, oldest_open_time: heads.map((a) => a.raised_at).sort()[0] ?? null, per_day: days,
    per_typology: [...kinds.values()], burden: { accounts_alerted: 1646, accounts_alerted_again: 412, innocent_accounts: 1455, hold_hours_innocent: 31.5 }, time_to_decision_hours: { p50: 5.2, p90: 41 } };
};
const listed = (url) => {
  const q = url.searchParams; const get = (k) => q.get(k) || null;
  let rows = alerts;
  if (get("typology")) { const t = get("typology").split(","); rows = rows.filter((a) => t.includes(a.typology)); }
  if (get("min_score")) rows = rows.filter((a) => a.score >= Number(get("min_score")));
  if (get("min_amount")) rows = rows.filter((a) => a.amount >= Number(get("min_amount")));
  if (get("action")) rows = rows.filter((a) => a.action === get("action"));
  if (get("account")) rows = rows.filter((a) => a.accounts.includes(get("account")));
  if (get("q")) rows = rows.filter((a) => a.id.includes(get("q")) || a.payments.includes(get("q")));
  if (get("since")) rows = rows.filter((a) => a.raised_at >= get("since"));
  if (get("until")) rows = rows.filter((a) => a.raised_at < get("until"));
  if (get("state")) rows = rows.filter((a) => get("state").split(",").includes(head(a).state));
  if (get("assignee")) rows = rows.filter((a) => head(a).assignee === get("assignee"));
  const key = { score: (a) => a.score, time: (a) => Date.parse(a.raised_at), amount: (a) => a.amount }[get("sort") ?? "score"];
  const sign = get("order") === "asc" ? 1 : -1;
  rows = [...rows].sort((a, b) => sign * (key(a) - key(b)) || (a.id < b.id ? -1 : 1));
  const from = Number(get("cursor") ?? 0); const limit = Math.min(500, Number(get("limit") ?? 50));
  return { alerts: rows.slice(from, from + limit).map(head), next_cursor: from + limit < rows.length ? String(from + limit) : null, total: rows.length };
};

const sessions = new Map();
const users = new Map([["ada", "administrator"], ["ben", "analyst"], ["cleo", "reviewer"], ["dan", "auditor"]]);
const sessionJson = (s) => ({ user: { name: s.name, role: s.role }, rights: [], csrf: s.csrf, expires: new Date(Date.now() + 8 * 3_600_000).toISOString() });

function api(method, url, body, session, answer) {
  const path = url.pathname.split("/").slice(2).map(decodeURIComponent);
  const [what, id, sub] = path;
  const route = `${method} ${what}${id === undefined ? "" : "/*"}${sub === undefined ? "" : `/${sub}`}`;
  switch (route) {
    case "GET session": return sessionJson(session);
    case "GET users": return { users: [...users].map(([name, role]) => ({ name, role, disabled: false })), next_cursor: null };
    case "POST users": users.set(body.name, body.role); return { token: randomBytes(9).toString("hex"), expires: new Date(Date.now() + 86_400_000).toISOString() };
    case "GET alerts": return listed(url);
    case "GET alerts/*": { const a = alertById.get(id); if (!a) throw new Refused(404, "No such alert", "It is not known, or was not kept."); record(session, "alert.read", id);
      const earlier = alerts.filter((o) => o !== a && o.accounts.some((x) => a.accounts.slice(0, 40).includes(x))).slice(0, 20).map(head);
      const steps = Math.min(4, a.payment_count); const revisions = [...Array(steps).keys()].map((n) => { const p = a.evidence[Math.floor(((n + 1) / steps) * a.evidence.length) - 1]; return { revision: n + 1, payment: p.id, time: p.time, score: Math.round(a.score * (0.55 + 0.45 * ((n + 1) / steps)) * 1000) / 1000, action: n + 1 === steps ? a.action : "review", payment_count: Math.floor(((n + 1) / steps) * a.payment_count) }; });
      return { ...a, ...head(a), reasons: a.reasons, rules: a.rules, payments: a.payments, evidence: a.evidence, evidence_is_complete: true, revisions, earlier }; }
    case "GET alerts/*/graph": { const a = alertById.get(id); if (!a) throw new Refused(404, "No such alert", "");
      const its = new Map(a.evidence.map((p) => [p.id, { ...p, in_evidence: true }]));
      if (url.searchParams.get("hops") === "1") { const from = Date.parse(a.first_time) - 5 * 86_400_000; const to = Date.parse(a.last_time) + 5 * 86_400_000;
        for (const acc of a.accounts) for (const p of byAccount.get(acc) ?? []) if (!its.has(p.id) && Date.parse(p.time) > from && Date.parse(p.time) < to) its.set(p.id, { ...p, in_evidence: false }); }
      const ps = [...its.values()].sort((x, y) => (x.time < y.time ? -1 : x.time > y.time ? 1 : 0)).slice(-2000); const inside = new Set(a.evidence.flatMap((p) => [p.debtor, p.creditor]));
      return { accounts: [...new Set(ps.flatMap((p) => [p.debtor, p.creditor]))].map((t) => ({ token: t, in_evidence: inside.has(t) })), payments: ps, is_complete: its.size <= 2000 }; }
    case "GET accounts/*": record(session, "account.read", id); return account(id);
    case "GET overview": return overview();
    case "GET typologies": return { typologies };
    case "GET rules": return { active: ruleVersion.version, running: null, pending: null, versions: [ruleVersion] };
    case "GET rules/*": return { version: ruleVersion, files: readdirSync(typologyFolder).filter((name) => name.endsWith(".toml")).map((name) => ({ name, text: readFileSync(join(typologyFolder, name), "utf8") })) };
    case "POST rules/*": return { findings: [], tests: [] };
    case "GET holds": return { holds: holds.filter((h) => !url.searchParams.get("state") || h.state === url.searchParams.get("state")), next_cursor: null };
    case "POST holds/*/commands": { const h = holds.find((x) => x.payment === id); h.state = body.command === "release" ? "released" : "returned"; h.ended_by = session.name; h.reason = body.reason; record(session, `hold.${body.command}`, id, { reason: body.reason }); tell("hold", h); return h; }
    case "POST cases": { const n = `C-${1000 + cases.size + 1}`; const c = { id: n, version: 1, state: "open", title: body.title ?? titleOf(alertById.get(body.alerts[0]).typology), assignee: null, due: null, opened_at: new Date().toISOString(), opened_by: session.name, alerts: body.alerts, links: [], outcome: null, decision: null,
        log: [{ n: 1, at: new Date().toISOString(), by: session.name, command: "open", text: null, detail: { alerts: body.alerts } }] };
      for (const a of body.alerts) { if (alertById.get(a).case) throw new Refused(409, "Already in a case", `The alert is in ${alertById.get(a).case}.`); }
      for (const a of body.alerts) alertById.get(a).case = n; cases.set(n, c); record(session, "case.open", n); for (const a of c.alerts) tell("alert", head(alertById.get(a))); answer.status = 201; return full(c); }
    case "GET cases": { let rows = [...cases.values()].reverse(); const q = url.searchParams; if (q.get("state")) rows = rows.filter((c) => q.get("state").split(",").includes(c.state)); if (q.get("assignee")) rows = rows.filter((c) => c.assignee === q.get("assignee")); if (q.get("q")) rows = rows.filter((c) => `${c.id} ${c.title}`.includes(q.get("q"))); return { cases: rows.map(full), next_cursor: null }; }
    case "GET cases/*": { const c = cases.get(id); if (!c) throw new Refused(404, "No such case", ""); record(session, "case.read", id); return full(c); }
    case "POST cases/*/commands": return command(session, cases.get(id), body);
    case "GET audit": { const q = url.searchParams; const rows = [...audit].reverse().filter((e) => ["actor", "action", "object"].every((k) => !q.get(k) || String(e[k]).includes(q.get(k)))); const from = Number(q.get("cursor") ?? 0); return { entries: rows.slice(from, from + 50), next_cursor: from + 50 < rows.length ? String(from + 50) : null }; }
    case "POST unmask": record(session, "unmask", body.account, { case: body.case, reason: body.reason }); return { account: [...token].find(([, t]) => t === body.account)?.[0] ?? "DE00 0000", expires: new Date(Date.now() + 60_000).toISOString() };
    default: throw new Refused(404, "No such path", route);
  }
}

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  const send = (status, body, headers = {}) => { response.writeHead(status, { "content-type": status >= 400 ? "application/problem+json" : "application/json", ...headers }); response.end(body === undefined ? "" : JSON.stringify(body)); };
  let received = "";
  request.on("data", (part) => (received += part));
  request.on("end", () => {
    if (!url.pathname.startsWith("/v1/")) {
      const file = join(here, "../dist", normalize(url.pathname === "/" ? "/index.html" : url.pathname));
      if (!existsSync(file) || !statSync(file).isFile()) return send(404, { title: "No such path", status: 404 });
      response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", "content-security-policy": csp });
      return response.end(readFileSync(file));
    }
    const body = received ? JSON.parse(received) : {};
    if (url.pathname === "/v1/session/ways") return send(200, { password: true, oidc: false });
    if (url.pathname === "/v1/session" && request.method === "POST" || url.pathname === "/v1/setup") {
      if (body.password !== "desk" && url.pathname === "/v1/session") return send(401, { title: "Name or password is wrong", status: 401 });
      const s = { name: body.name, role: users.get(body.name) ?? "administrator", csrf: randomBytes(12).toString("hex") }; const id = randomBytes(12).toString("hex"); sessions.set(id, s);
      return send(url.pathname === "/v1/setup" ? 201 : 200, sessionJson(s), { "set-cookie": `shroff_session=${id}; HttpOnly; SameSite=Strict; Path=/` });
    }
    const id = /shroff_session=(\w+)/.exec(request.headers.cookie ?? "")?.[1]; const session = sessions.get(id);
    if (!session) return send(401, { title: "Nobody is signed in", status: 401 });
    if (request.method === "DELETE" && url.pathname === "/v1/session") { sessions.delete(id); return send(204); }
    if (request.method !== "GET" && request.headers["x-csrf-token"] !== session.csrf) return send(403, { title: "The CSRF token is missing", status: 403 });
    if (url.pathname === "/v1/events") { response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" }); response.write(": here\n\n"); streams.add(response); response.on("close", () => streams.delete(response)); return; }
    if (url.pathname === "/v1/audit/export") { response.writeHead(200, { "content-type": "application/x-ndjson" }); return response.end(audit.map((e) => JSON.stringify(e)).join("\n") + "\n"); }
    const answer = { status: 200 };
    try { const json = api(request.method, url, body, session, answer); send(answer.status, json); } catch (error) { if (error instanceof Refused) send(error.body.status, error.body); else { console.error(error); send(500, { title: "Failed", status: 500, detail: String(error) }); } }
  });
}).listen(port, "127.0.0.1", () => console.log(`desk dev server: http://127.0.0.1:${port} (${alerts.length} alerts)`));

// A new alert now and then, so that live updates can be seen.
if (!has("quiet") && alerts.length) setInterval(() => {
  const base = alerts[Math.floor(Math.random() * 300)];
  const fresh = { ...base, id: `${base.typology}-live-${Date.now() % 1e7}`, raised_at: new Date().toISOString(), case: null };
  alerts.push(fresh); alertById.set(fresh.id, fresh); tell("alert", head(fresh));
}, 20_000);
