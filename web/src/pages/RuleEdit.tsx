// A copy of the rules to edit: checked as one types, tried on its examples and on what was paid,
// and proposed. What is typed stays in this browser until it is proposed or thrown away.
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { path, post, Problem, remove } from "../api/client";
import type { Backtest, Finding, RuleFile, RuleFiles, RuleTest, RuleVersion } from "../api/types";
import { useGet } from "../api/use";
import { en } from "../en";
import { count, percent, short } from "../format";
import { byDay, changed, isName, lineCount, offsetOf } from "../rules/text";
import { go, to } from "../router";
import { can, useSession } from "../session";
import { store, stored } from "../theme";
import { Bones, Dialog, Nothing, Shown } from "../ui/basics";
import { say, sayFailed } from "../ui/toast";
import { useKeys } from "../ui/keys";
import { Steps, type Step } from "./RuleSteps";
import { Compared } from "./RuleVersions";

const Chart = lazy(() => import("../ui/Chart"));
const KEPT = "rules-draft";
interface Draft { of: string; files: RuleFile[] }

function kept(of: string): RuleFile[] | null {
  try {
    const draft = JSON.parse(stored(KEPT) ?? "null") as Draft | null;
    return draft?.of === of ? draft.files : null;
  } catch {
    return null;
  }
}

export function RuleEdit({ version }: { version: string }) {
  const base = useGet<RuleFiles>(path(["rules", version]));
  return <Shown of={base} lines={14}>{(got) => <Editor key={version} base={got} />}</Shown>;
}

function Editor({ base }: { base: RuleFiles }) {
  const session = useSession();
  const writes = can(session, "writeRules");
  const of = base.version.version;
  const [files, setFiles] = useState<RuleFile[]>(() => kept(of) ?? base.files);
  const [name, setName] = useState(files[0]?.name ?? "");
  const [findings, setFindings] = useState<Finding[] | null>(null);
  const [tests, setTests] = useState<RuleTest[] | null>(null);
  const [tried, setTried] = useState<RuleFile[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [asks, setAsks] = useState<"propose" | "add" | null>(null);
  const changes = useMemo(() => changed(base.files, files), [base.files, files]);
  const box = useRef<HTMLTextAreaElement>(null);
  const jump = useRef<Finding | null>(null);
  const change = (next: RuleFile[]): void => { setFiles(next); setTests(null); store(KEPT, JSON.stringify({ of, files: next } satisfies Draft)); };

  // Checked a moment after the last key; a check that is overtaken is given up.
  useEffect(() => {
    if (!writes) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      post<{ findings: Finding[] }>(path(["rules", "check"]), { files }, stop.signal).then(({ findings: got }) => setFindings(got), (error: unknown) => { if (!stop.signal.aborted) sayFailed(error); });
    }, 250);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [files, writes]);
  useEffect(() => {
    const wanted = jump.current;
    if (wanted && wanted.file === name) { jump.current = null; show(box.current, wanted); }
  }, [name]);

  const open = (finding: Finding): void => {
    if (finding.file === name) show(box.current, finding);
    else if (files.some((file) => file.name === finding.file)) { jump.current = finding; setName(finding.file); }
  };
  const test = (): void => {
    setBusy(true);
    post<{ findings: Finding[]; tests: RuleTest[] }>(path(["rules", "test"]), { files }).then((got) => { setFindings(got.findings); setTests(got.tests); }, sayFailed).finally(() => setBusy(false));
  };
  const shown = files.find((file) => file.name === name) ?? files[0];
  const errors = findings?.filter(({ severity }) => severity === "error").length ?? 0;
  const wrongIn = new Set(findings?.map(({ file }) => file));
  const mayTest = writes && !busy && errors === 0;
  const mayPropose = writes && errors === 0 && changes.length > 0;
  const move = (by: number): void => { const next = files[files.findIndex((file) => file === shown) + by]; if (next) setName(next.name); };
  useKeys({ j: () => move(1), k: () => move(-1), i: () => box.current?.focus(), x: () => { if (mayTest) test(); }, p: () => { if (mayPropose) setAsks("propose"); } });
  const failed = tests?.filter(({ passed }) => !passed).length ?? 0;
  const [at, next]: [Step, string] = changes.length === 0 ? [0, en.rules.next.change] : errors > 0 ? [0, en.rules.next.mend(errors)]
    : tests === null ? [1, en.rules.next.test] : failed > 0 ? [1, en.rules.next.failing(failed)] : tried === files ? [3, en.rules.next.propose] : [2, en.rules.next.backtest];
  return (
    <div className="stack">
      {writes && <Steps at={at} next={next} />}
      {!writes && <p className="note">{en.rules.readOnly}</p>}
      <div className="library">
        <nav className="card" aria-label={en.rules.files}>
          <ul className="shelf">{files.map((file) => <li key={file.name}><a href={to(["rules"], { view: "edit", of })} aria-current={file === shown ? "true" : undefined} onClick={(event) => { event.preventDefault(); setName(file.name); }}>{file.name.replace(/\.toml$/, "")}{changes.some((one) => one.name === file.name) && <span className="muted small">{en.rules.changedMark}</span>}{wrongIn.has(file.name) && <span className="badge hold">{en.rules.wrongMark}</span>}</a></li>)}</ul>
          {writes && <div className="acts in"><button type="button" className="button" onClick={() => setAsks("add")}>{en.rules.add}</button>{files.length > 1 && shown && <button type="button" className="button grave" onClick={() => { change(files.filter((file) => file !== shown)); setName(""); }}>{en.rules.takeOut(shown.name)}</button>}</div>}
        </nav>
        <div className="stack">
          {shown && <section className="card"><header><h2 className="grow">{shown.name}</h2><span className="small muted" role="status">{!writes ? "" : findings === null ? en.rules.checking : errors > 0 ? en.rules.errors(errors) : en.rules.right}</span></header>
            <Text key={shown.name} file={shown} box={box} writes={writes} change={(text) => change(files.map((file) => (file === shown ? { ...file, text } : file)))} /></section>}
          {findings && findings.length > 0 && (
            <section className="card"><h2>{en.rules.findings}</h2>
              <ul className="list in">{findings.map((one, n) => <li key={n}><button type="button" className="plain" onClick={() => open(one)}>{one.file}:{one.line}:{one.column}</button><span className="grow"><strong>{one.severity === "error" ? en.rules.error : en.rules.warning}</strong> {short(one.message, 400)} {one.hint && <span className="muted">{short(one.hint, 400)}</span>}</span></li>)}</ul></section>
          )}
          {writes && <div className="acts">
            <button type="button" className="button" disabled={!mayTest} onClick={test}>{en.rules.test} <kbd>x</kbd></button>
            <button type="button" className="button main" disabled={!mayPropose} onClick={() => setAsks("propose")}>{en.rules.propose} <kbd>p</kbd></button>
            <button type="button" className="button bare" disabled={changes.length === 0} onClick={() => { change(base.files); setName(base.files[0]?.name ?? ""); }}>{en.rules.throwAway}</button>
            <span className="muted small">{changes.length === 0 ? en.rules.unchanged : changes.map((one) => en.rules.how(one.name, one.how)).join(", ")}</span>
          </div>}
          {tests && <Tests tests={tests} open={open} />}
          {writes && <Trial files={files} ready={errors === 0} done={setTried} />}
        </div>
      </div>
      {asks === "propose" && <Propose files={files} close={() => setAsks(null)} refused={(got) => { setAsks(null); setFindings(got.findings); setTests(got.tests); }} />}
      {asks === "add" && <Add taken={files} close={() => setAsks(null)} add={(file) => { change([...files, file].sort((a, b) => (a.name < b.name ? -1 : 1))); setName(file.name); setAsks(null); }} like={shown} />}
    </div>
  );
}

function show(box: HTMLTextAreaElement | null, at: { line: number; column: number }): void {
  if (!box) return;
  const from = offsetOf(box.value, at.line, at.column);
  const end = box.value.indexOf("\n", from);
  box.focus();
  box.setSelectionRange(from, end < 0 ? box.value.length : end);
  const height = box.scrollHeight / lineCount(box.value);
  box.scrollTop = Math.max(0, (at.line - 6) * height);
}

function Text({ file, box, writes, change }: { file: RuleFile; box: React.RefObject<HTMLTextAreaElement | null>; writes: boolean; change: (text: string) => void }) {
  const gutter = useRef<HTMLPreElement>(null);
  const lines = lineCount(file.text);
  return (
    <div className="editor">
      <pre ref={gutter} aria-hidden="true">{Array.from({ length: lines }, (_, n) => n + 1).join("\n")}</pre>
      <textarea ref={box} aria-label={en.rules.textOf(file.name)} spellCheck={false} autoCapitalize="off" autoComplete="off" wrap="off" readOnly={!writes} maxLength={65_536} value={file.text}
        onScroll={(event) => { if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop; }} onChange={(event) => change(event.target.value)}
        onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }} />
    </div>
  );
}

function Tests({ tests, open }: { tests: RuleTest[]; open: (at: Finding) => void }) {
  const failed = tests.filter(({ passed }) => !passed);
  return (
    <section className="card" role="status" ref={(card) => card?.scrollIntoView({ block: "nearest" })}><h2>{en.rules.tests(tests.length, failed.length)}</h2>
      {failed.length > 0 && <ul className="list in">{failed.map((one) => <li key={`${one.file}${one.test}`}><button type="button" className="plain" onClick={() => open({ ...one, column: 1, hint: "", severity: "error" })}>{one.file}:{one.line}</button><pre className="grow" tabIndex={0}>{short(one.message, 600)}</pre></li>)}</ul>}
    </section>
  );
}

function Propose({ files, close, refused }: { files: RuleFile[]; close: () => void; refused: (got: { findings: Finding[]; tests: RuleTest[] }) => void }) {
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const send = (): void => {
    setBusy(true);
    post<RuleVersion>(path(["rules"]), { files, note: note.trim() }).then(() => { store(KEPT, "null"); say(en.rules.wasProposed); go(to(["rules"], { view: "versions" })); }, (error: unknown) => {
      setBusy(false);
      sayFailed(error);
      if (error instanceof Problem && error.status === 422) refused(error.body as unknown as { findings: Finding[]; tests: RuleTest[] });
    });
  };
  return (
    <Dialog title={en.rules.propose} close={close}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); if (note.trim()) send(); }}>
        <p className="muted">{en.rules.proposeText}</p>
        <label className="field"><span>{en.rules.note}</span><textarea data-first rows={3} maxLength={8_000} required value={note} onChange={(event) => setNote(event.target.value)} /></label>
        <div className="ends"><button type="button" className="button" onClick={close}>{en.cases.cancel}</button><button type="submit" className="button main" disabled={busy || !note.trim()}>{en.rules.proposeNow}</button></div>
      </form>
    </Dialog>
  );
}

function Add({ taken, like, close, add }: { taken: RuleFile[]; like: RuleFile | undefined; close: () => void; add: (file: RuleFile) => void }) {
  const [id, setId] = useState("");
  const name = `${id.trim()}.toml`;
  const good = isName(name) && !taken.some((file) => file.name === name);
  return (
    <Dialog title={en.rules.add} close={close}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); if (good) add({ name, text: (like?.text ?? "").replace(/^id = "[^"]*"/m, `id = "${id.trim()}"`) }); }}>
        <p className="muted">{en.rules.addText(like?.name ?? "")}</p>
        <label className="field"><span>{en.rules.newId}</span><input data-first required maxLength={59} value={id} onChange={(event) => setId(event.target.value)} autoComplete="off" /></label>
        <div className="ends"><button type="button" className="button" onClick={close}>{en.cases.cancel}</button><button type="submit" className="button main" disabled={!good}>{en.rules.add}</button></div>
      </form>
    </Dialog>
  );
}

/** What the copy would have said of what was paid, beside the active rules. */
function Trial({ files, ready, done }: { files: RuleFile[]; ready: boolean; done: (of: RuleFile[]) => void }) {
  const [days, setDays] = useState(30);
  const [it, setIt] = useState<Backtest | null>(null);
  const [busy, setBusy] = useState(false);
  const [of, setOf] = useState<RuleFile[] | null>(null);
  const running = it?.phase === "running";
  const address = path(["rules", "backtest"]);
  const { data, reload } = useGet<Backtest>(address);
  useEffect(() => {
    // One that runs already was begun before one came here; what is over may be of another copy.
    if (data) setIt((known) => (known !== null || data.phase === "running" ? data : null));
  }, [data]);
  const isDone = it?.phase === "done";
  // Begun by a key, its progress and what it found may be out of sight.
  const card = useRef<HTMLElement>(null);
  useEffect(() => { if (of) card.current?.scrollIntoView({ block: running ? "nearest" : "start" }); }, [of, running]);
  useEffect(() => { if (isDone && of) done(of); }, [isDone, of, done]);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(reload, 700);
    return () => clearInterval(timer);
  }, [running, reload]);
  const begin = (): void => {
    setBusy(true);
    setOf(files);
    post<Backtest>(address, { files, days }).then(setIt, sayFailed).finally(() => setBusy(false));
  };
  const cancel = (): void => { remove(address).then(reload, sayFailed); };
  useKeys({ b: () => { if (!running && !busy && ready) begin(); }, c: () => { if (running) cancel(); } });
  const plot = useMemo(() => byDay(it?.days ?? []), [it]);
  const at = useMemo(() => plot.map(({ day }) => day), [plot]);
  const lines = useMemo(() => [
    { label: en.rules.activeSays, values: plot.map((one) => one.active), colour: "--pick" },
    { label: en.rules.copySays, values: plot.map((one) => one.candidate), colour: "--flow" },
  ], [plot]);
  return (
    <section className="card" ref={card}>
      <header><h2 className="grow">{en.rules.backtest}</h2>
        <label className="small">{en.rules.daysBack} <input className="w1" type="number" min={1} max={366} value={days} onChange={(event) => setDays(Math.min(366, Math.max(1, Math.round(Number(event.target.value)))))} /></label>
        {running ? <button type="button" className="button" onClick={cancel}>{en.rules.cancelTrial} <kbd>c</kbd></button> : <button type="button" className="button" disabled={busy || !ready} onClick={begin}>{en.rules.runTrial} <kbd>b</kbd></button>}
      </header>
      {isDone && of !== null && of !== files && <p className="note warn small">{en.rules.trialOld}</p>}
      {it === null ? <p className="in muted">{en.rules.trialText}</p> : running ? <div className="in stack" role="status"><progress value={it.next_place} max={Math.max(1, it.of)} aria-label={en.rules.progress} /><p className="muted small">{en.rules.replaying(count(it.next_place), count(it.of))}</p></div>
        : it.phase !== "done" ? <Nothing title={it.phase === "cancelled" ? en.rules.trialCancelled : en.rules.trialFailed} /> : (
          <>
            {at.length > 0 && <><h3 className="in">{en.rules.alertsPerDay}</h3><Suspense fallback={<Bones />}><Chart days={at} lines={lines} label={en.rules.alertsPerDay} /></Suspense></>}
            <Compared it={it} other={en.rules.copySide} />
            <Decided it={it} />
          </>
        )}
    </section>
  );
}

function Decided({ it }: { it: Backtest }) {
  const rows = it.decided?.candidate ?? [];
  if (rows.length === 0) return <p className="in muted small">{en.rules.noDecisions}</p>;
  return <ul className="list in">{rows.map((one) => <li key={one.typology}><span className="grow">{it.typologies.find(({ typology }) => typology === one.typology)?.title ?? one.typology}</span>{en.rules.precision(percent(one.reports / one.decided), count(one.reports), count(one.decided))}</li>)}</ul>;
}
