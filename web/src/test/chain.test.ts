import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AuditEntry } from "../api/types";
import { canonical, hashOf, verify } from "../audit/chain";

/** A trail as the service writes it, hashed here by another implementation. */
function trail(length: number): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (let n = 1; n <= length; n += 1) {
    const previous = entries.at(-1)?.hash ?? "0".repeat(64);
    const [at, actor, role, action, object] = [`2026-01-01T00:00:0${n % 10}Z`, "ada \u00e9\u4e2d", "analyst", "case.note", `C-${n}`];
    const detail = { text: `line\n"${n}"`, b: [1, null, true], a: { z: 1, y: 2 } };
    const text = `{"n":${n},"at":"${at}","actor":"${actor}","role":"${role}","action":"${action}","object":"${object}","detail":{"a":{"y":2,"z":1},"b":[1,null,true],"text":"line\\n\\"${n}\\""}}`;
    entries.push({ n, at, actor, role, action, object, detail, previous, hash: createHash("sha256").update(previous + text).digest("hex") });
  }
  return entries;
}
const check = (entries: AuditEntry[]) => verify(entries.map((entry) => JSON.stringify(entry)), () => undefined);

describe("the audit chain", () => {
  it("is whole where nothing was changed", async () => {
    const entries = trail(450);
    expect(await check(entries)).toEqual({ checked: 450, hash: entries.at(-1)!.hash, fault: null, stopped: false });
  });
  it("knows the hash of a written-down entry", async () => {
    const entry = trail(1)[0]!;
    expect(await hashOf(entry)).toBe(entry.hash);
  });
  it("names an entry that was changed", async () => {
    const entries = trail(5);
    entries[2] = { ...entries[2]!, actor: "eve" };
    expect((await check(entries)).fault).toEqual({ n: 3, why: "changed" });
  });
  it("names a change that was hashed anew by the entry after it", async () => {
    const entries = trail(5);
    const changed = { ...entries[2]!, actor: "eve" };
    entries[2] = { ...changed, hash: await hashOf(changed) };
    expect((await check(entries)).fault).toEqual({ n: 4, why: "link" });
  });
  it("names a deleted and a reordered entry", async () => {
    const entries = trail(5);
    expect((await check(entries.filter(({ n }) => n !== 3))).fault).toEqual({ n: 4, why: "order" });
    expect((await check([entries[0]!, entries[2]!, entries[1]!])).fault).toEqual({ n: 3, why: "order" });
  });
  it("names a line that is no entry", async () => {
    expect((await verify(["{"], () => undefined)).fault).toEqual({ n: 1, why: "unreadable" });
  });
  it("stops when it is told to", async () => {
    const stop = new AbortController();
    stop.abort();
    expect((await verify(trail(3).map((entry) => JSON.stringify(entry)), () => undefined, stop.signal)).stopped).toBe(true);
  });
  it("writes a value in one way", () => {
    expect(canonical({ b: 1, a: [{ d: null, c: "x" }] })).toBe('{"a":[{"c":"x","d":null}],"b":1}');
  });
});
