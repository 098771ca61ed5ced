// A provider of OpenID Connect, and a browser that signs in by it.
//
//   node provider.mjs serve            prints its issuer, then reads the address to send people back to
//   node provider.mjs visit URL NAME   signs in as NAME where URL leads, and prints what came of it
//
// Who has which role is in roles.json, read anew each time.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const roles = () => JSON.parse(readFileSync("roles.json", "utf8"));

async function serve() {
  const { Provider } = await import("oidc-provider");
  const server = createServer((request, response) => handler(request, response));
  let handler = (_, response) => response.writeHead(503).end();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  console.log(issuer);
  for await (const line of createInterface({ input: process.stdin })) {
    const provider = new Provider(issuer, {
      clients: [{ client_id: "shroff", client_secret: "a secret of the client", redirect_uris: [line] }],
      cookies: { keys: ["a key of the provider"] },
      claims: { openid: ["sub", "preferred_username", "role"] },
      conformIdTokenClaims: false,
      pkce: { required: () => true },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: `subject of ${id}`, preferred_username: id, role: roles()[id] }) }),
    });
    handler = provider.callback();
    console.log("ready");
  }
  process.exit(0);
}

async function visit(begin, name) {
  const jar = new Map();
  const base = new URL(begin).origin;
  const ask = async (url, form) => {
    const cookie = [...jar].map(([key, value]) => `${key}=${value}`).join("; ");
    const headers = { cookie, ...(form && { "content-type": "application/x-www-form-urlencoded" }) };
    const response = await fetch(url, { method: form ? "POST" : "GET", redirect: "manual", headers, body: form });
    for (const set of response.headers.getSetCookie()) {
      const [key, ...value] = set.split(";")[0].split("=");
      if (value.join("=")) jar.set(key, value.join("=")); else jar.delete(key);
    }
    return response;
  };
  let [url, form] = [begin, undefined];
  for (let hops = 0; hops < 20; hops += 1) {
    const response = await ask(url, form);
    form = undefined;
    if (response.status >= 300 && response.status < 400) {
      url = new URL(response.headers.get("location"), url).href;
      if (url === `${base}/`) {
        const session = await ask(`${base}/v1/session`);
        return { status: session.status, body: await session.json(), cookie: jar.get("shroff_session"), left: jar.get("shroff_attempt") ?? null };
      }
      continue;
    }
    const text = await response.text();
    const action = /<form[^>]* action="([^"]+)"/.exec(text)?.[1];
    if (!action) return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
    form = new URLSearchParams(/name="login"/.test(text) ? { prompt: "login", login: name, password: "any" } : { prompt: "consent" }).toString();
    url = new URL(action, url).href;
  }
  return { status: 0, body: "it goes round and round" };
}

const [what, ...more] = process.argv.slice(2);
if (what === "serve") await serve();
else console.log(JSON.stringify(await visit(...more)));
