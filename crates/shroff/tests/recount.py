"""Counts the figures of a backtest once more, from verdicts.parquet, alerts.parquet and
attempts.parquet alone, and compares them with rules.parquet, recall.parquet, days.parquet,
overlap.parquet, curve.parquet and run.json.

    python3 recount.py FOLDER
"""

import json
import sys
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq

folder = Path(sys.argv[1])
rows = lambda name: pq.read_table(folder / f"{name}.parquet").to_pylist()
run = json.loads((folder / "run.json").read_text())
verdicts, alerts = rows("verdicts"), rows("alerts")
rules = {(row["part"], row["rule"]): row for row in rows("rules")}
names = sorted({rule for _, rule in rules} - {"all"})
wrong = []


def same(what, ours, theirs):
    near = ours is not None and theirs is not None and not isinstance(ours, (str, bool, set))
    near = near and not hasattr(ours, "date")
    if near and abs(float(ours) - float(theirs)) <= 1e-9 * max(1.0, abs(float(ours))):
        return
    if ours != theirs:
        wrong.append(f"{what}: {ours} here, {theirs} there")


def share(part, whole):
    return part / whole if whole else None


by_id = {v["id"]: v for v in verdicts}
assert len(by_id) == len(verdicts), "ids are used once"
guilty = {end for v in verdicts if v["label"] for end in (v["debtor"], v["creditor"])}
accounts = {end for v in verdicts for end in (v["debtor"], v["creditor"])}
attempts = defaultdict(list)
for v in verdicts:
    if v["label"] and v["attempt"]:
        attempts[v["attempt"]].append(v)

# What a payment is evidence of is what the alerts say.
action = {alert["id"]: alert["action"] for alert in alerts}
assert set(action.values()) > {"hold"}, "some suggest a hold, and some do not"
evidence = defaultdict(set)
for alert in alerts:
    for payment in alert["payments"]:
        evidence[payment].add(alert["id"])
for v in verdicts:
    same(f"alerts of {v['id']}", evidence[v["id"]], set(v["alerts"]))
    same(f"touched and alerts of {v['id']}", bool(v["touched"]), bool(v["alerts"]))
for alert in alerts:
    right = any(by_id[p]["label"] for p in alert["payments"])
    same(f"right of {alert['id']}", right, bool(alert["right"]))
    ends = {end for p in alert["payments"] for end in (by_id[p]["debtor"], by_id[p]["creditor"])}
    same(f"accounts of {alert['id']}", ends, set(alert["accounts"]))

for part in ("all", "train", "validation", "test"):
    own = [v for v in verdicts if part in ("all", v["part"])]
    own_alerts = [a for a in alerts if part in ("all", a["part"])]
    own_attempts = {k: v for k, v in attempts.items() if part in ("all", v[0]["part"])}
    for payments in own_attempts.values():
        assert len({v["part"] for v in payments}) == 1, "an attempt stays on one side"
    for rule in names + ["all"]:
        told = rules[(part, rule)]
        on = lambda of: bool(of) if rule == "all" else rule in of
        touched = [v for v in own if on(v["touched"])]
        caught = [v for v in touched if v["label"]]
        labelled = [v for v in own if v["label"]]
        mine = [a for a in own_alerts if on(a["rules"])]
        right = [a for a in mine if a["right"]]
        ends = {end for v in touched for end in (v["debtor"], v["creditor"])}
        often = defaultdict(int)
        for alert in mine:
            named = [by_id[p] for p in alert["payments"]]
            # Of a payment in several alerts it is not said which of them a rule named it in.
            if rule != "all":
                continue
            for end in {end for v in named for end in (v["debtor"], v["creditor"])} - guilty:
                often[end] += 1
        found = {k: sum(1 for v in vs if on(v["touched"])) for k, vs in own_attempts.items()}
        figures = {
            "payments": len(own), "labelled": len(labelled),
            "fired": sum(1 for v in own if on(v["fired"])),
            "alerts": len(mine), "right_alerts": len(right),
            "payments_touched": len(touched), "payments_caught": len(caught),
            "accounts_touched": len(ends), "innocent_accounts": len(ends - guilty),
            "attempts": len(own_attempts),
            "attempts_touched": sum(1 for n in found.values() if n),
            "attempts_half": sum(1 for k, n in found.items() if 2 * n >= len(own_attempts[k])),
            "value": sum(v["amount"] for v in labelled),
            "value_caught": sum(v["amount"] for v in caught),
            "alerts_per_day": len(mine) / told["days"],
            "alert_precision": share(len(right), len(mine)),
            "payment_precision": share(len(caught), len(touched)),
            "recall": share(len(caught), len(labelled)),
        }
        if rule == "all":
            figures["innocent_accounts_again"] = sum(1 for n in often.values() if n >= 3)
            # Of an alert's payments, whichever of them a rule named.
            held = [v for v in own if any(action[a] == "hold" for a in v["alerts"])]
            ends = {end for v in held for end in (v["debtor"], v["creditor"])}
            figures["innocent_accounts_held"] = len(ends - guilty)
        else:
            only = [v for v in touched if v["touched"] == [rule]]
            figures["only_payments"] = len(only)
            figures["only_payments_caught"] = sum(1 for v in only if v["label"])
            figures["only_alerts"] = sum(1 for a in mine if a["rules"] == [rule])
            figures["only_attempts"] = sum(
                1 for vs in own_attempts.values()
                if {r for v in vs for r in v["touched"]} == {rule}
            )
        for name, value in figures.items():
            same(f"{part} {rule} {name}", value, told[name])

# Recall by labelled typology, over the whole history.
for row in rows("recall"):
    own = {
        k: v for k, v in attempts.items()
        if k.split(":", 1)[-1] == row["labelled_typology"] and row["part"] in ("all", v[0]["part"])
    }
    on = lambda v: bool(v["touched"]) if row["rule"] == "all" else row["rule"] in v["touched"]
    counts = {k: sum(map(on, vs)) for k, vs in own.items()}
    what = f"recall {row['part']} {row['rule']} {row['labelled_typology']}"
    same(what, len(own), row["attempts"])
    same(what + " touched", sum(1 for n in counts.values() if n), row["attempts_touched"])
    half = sum(1 for k, n in counts.items() if 2 * n >= len(own[k]))
    same(what + " half", half, row["attempts_half"])
    same(what + " payments", sum(counts.values()), row["payments_caught"])

# Time to detection: never before an attempt's first payment, and the figures are those of the rows.
delays = defaultdict(list)
for row in rows("attempts"):
    payments = attempts[row["attempt"]]
    same(f"first of {row['attempt']}", min(v["time"] for v in payments), row["first_time"])
    same(f"size of {row['attempt']}", len(payments), row["payments"])
    touched = any(
        v["touched"] if row["rule"] == "all" else row["rule"] in v["touched"] for v in payments
    )
    same(f"{row['attempt']} detected by {row['rule']}", touched, row["detected_time"] is not None)
    if row["detected_time"] is not None:
        delay = (row["detected_time"] - row["first_time"]) / timedelta(seconds=1)
        same(f"delay of {row['attempt']}", delay, row["delay_seconds"])
        assert delay >= 0, row
        delays[row["rule"]].append(delay)
for rule, own in delays.items():
    own.sort()
    at = max(0, -(-len(own) // 2) - 1)
    same(f"median delay of {rule}", own[at], rules[("all", rule)]["delay_median_seconds"])

# Days, overlap, the curve and the average precision.
for row in rows("days"):
    on = lambda of: bool(of) if row["rule"] == "all" else row["rule"] in of
    day = row["day"].date()
    count = sum(1 for a in alerts if a["raised_time"].date() == day and on(a["rules"]))
    same(f"alerts of {row['rule']} on {day}", count, row["alerts"])
both = defaultdict(int)
for v in verdicts:
    for one in v["touched"]:
        for other in v["touched"]:
            both[(one, other)] += 1
for row in rows("overlap"):
    pair = (row["rule"], row["other"])
    same(f"overlap {pair}", both[pair], row["payments_in_both"])
drawn = {row["alerts"]: row for row in rows("curve")}
right, seen, counts = 0, set(), defaultdict(int)
ranked = sorted(alerts, key=lambda a: -a["score"])
for at, alert in enumerate(ranked, 1):
    right += bool(alert["right"])
    # Alerts of one score stand in another order here: only where a score ends is all the same.
    for payment in alert["payments"]:
        v = by_id[payment]
        if v["label"] and payment not in seen:
            seen.add(payment)
            if v["attempt"]:
                counts[v["attempt"]] += 1
    ends = at == len(ranked) or ranked[at]["score"] != alert["score"]
    if at in drawn and ends:
        same(f"curve at {at}: right", right, drawn[at]["right_alerts"])
        half = sum(1 for k, n in counts.items() if 2 * n >= len(attempts[k]))
        same(f"curve at {at}: half", half, drawn[at]["attempts_half"])
best = {}
for alert in alerts:
    for payment in alert["payments"]:
        best[payment] = max(best.get(payment, 0.0), alert["score"])
ranks = defaultdict(lambda: [0, 0])
for v in verdicts:
    rank = ranks[best.get(v["id"], -1.0)]
    rank[0] += 1
    rank[1] += bool(v["label"])
above = found = 0
total = sum(rank[1] for rank in ranks.values())
precision = 0.0
for score in sorted(ranks, reverse=True):
    above += ranks[score][0]
    found += ranks[score][1]
    precision += ranks[score][1] * found / above
same("average precision", precision / total if total else None, run["average_precision"])

# Intervals over the whole history, drawn again from the seed.
MASK = (1 << 64) - 1


def draws(seed):
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


by_day = defaultdict(lambda: [0, 0])
for v in verdicts:
    by_day[v["time"].date()]
for alert in alerts:
    day = by_day[alert["raised_time"].date()]
    day[0] += 1
    day[1] += bool(alert["right"])
days = [by_day[day] for day in sorted(by_day)]
first = {k: i for i, k in reversed(list(enumerate([v["attempt"] for v in verdicts if v["label"]])))}
order = sorted(attempts, key=lambda k: first[k])
halves = [2 * sum(1 for v in attempts[k] if v["touched"]) >= len(attempts[k]) for k in order]
bootstrap = run["bootstrap"]
block, stream = bootstrap["block_days"], draws(bootstrap["seed"])
ratios = {"alert_precision": [], "alerts_per_day": [], "attempts_half_share": []}
for _ in range(bootstrap["replicates"]):
    drawn, sums = 0, [0, 0]
    while drawn < len(days):
        start = next(stream) * len(days) >> 64
        for at in range(min(block, len(days) - drawn)):
            day = days[(start + at) % len(days)]
            sums[0] += day[0]
            sums[1] += day[1]
        drawn += block
    picked = [halves[next(stream) * len(order) >> 64] for _ in order]
    ratios["alerts_per_day"].append(sums[0] / len(days))
    if sums[0]:
        ratios["alert_precision"].append(sums[1] / sums[0])
    if picked:
        ratios["attempts_half_share"].append(sum(picked) / len(picked))
for name, values in ratios.items():
    values.sort()
    told = rules[("all", "all")]
    if values:
        low, high = values[len(values) * 25 // 1000], values[-(-len(values) * 975 // 1000) - 1]
        same(f"{name} low", low, told[f"{name}_low"])
        same(f"{name} high", high, told[f"{name}_high"])

if wrong:
    print("\n".join(wrong[:40]))
    sys.exit(f"{len(wrong)} figures differ")
print(f"figures agree: {len(verdicts)} payments, {len(alerts)} alerts, {len(attempts)} attempts")
