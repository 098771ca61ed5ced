// Enhances the report; everything is readable without it.
(() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const list = $("list");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const scrollTo = (element, block) =>
    element.scrollIntoView({ block, behavior: still ? "auto" : "smooth" });

  // Names of accounts stay in sight while a wide picture is scrolled.
  for (const box of document.querySelectorAll(".picture")) {
    const svg = box.querySelector("svg");
    if (!svg) continue;
    box.addEventListener("scroll", () => {
      const shift = box.scrollLeft * svg.viewBox.baseVal.width / svg.clientWidth;
      for (const names of svg.querySelectorAll(".names")) {
        names.setAttribute("transform", `translate(${shift.toFixed(1)} 0)`);
      }
    }, { passive: true });
  }

  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

  if (!list) return;
  const alerts = [...list.querySelectorAll(".alert")];

  // A payment and its row point at each other; an account at its payments.
  const pair = (element) => {
    const path = element.closest("path[data-f]");
    if (path) return [path, $("r" + path.id.slice(1))];
    const row = element.closest("tr[id^=r]");
    return row ? [$("p" + row.id.slice(1)), row] : [];
  };
  const mark = (element, on) => {
    for (const part of pair(element)) if (part) part.classList.toggle("hot", on);
    const name = element.closest("text[data-a]");
    if (!name) return;
    const svg = name.closest(".flow");
    svg.classList.toggle("dim", on);
    const mine = `[data-f="${name.dataset.a}"],[data-t="${name.dataset.a}"]`;
    for (const path of svg.querySelectorAll(mine)) path.classList.toggle("hot", on);
  };
  list.addEventListener("mouseover", (event) => mark(event.target, true));
  list.addEventListener("mouseout", (event) => mark(event.target, false));
  list.addEventListener("click", (event) => {
    const path = event.target.closest("path[data-f]");
    const row = path && $("r" + path.id.slice(1));
    if (!row) return;
    row.closest("details").open = true;
    for (const old of list.querySelectorAll("tr.chosen")) old.classList.remove("chosen");
    row.classList.add("chosen");
    scrollTo(row, "center");
  });

  // Choosing and ordering.
  const apply = () => {
    const kind = $("by-typology").value;
    const wanted = $("find").value.trim().toLowerCase();
    let shown = 0;
    for (const alert of alerts) {
      const fits = (!kind || alert.dataset.typology === kind) &&
        (!wanted || alert.textContent.toLowerCase().includes(wanted));
      alert.hidden = !fits;
      shown += fits;
    }
    $("shown").textContent = shown === alerts.length ? "" : `${shown} of ${alerts.length} shown`;
  };
  const order = () => {
    const key = $("sort").value;
    const value = (alert) => (key === "n" ? -1 : 1) * Number(alert.dataset[key]);
    list.append(...alerts.sort((a, b) => value(b) - value(a) || a.dataset.n - b.dataset.n));
  };
  $("by-typology").addEventListener("change", apply);
  $("find").addEventListener("input", apply);
  $("sort").addEventListener("change", order);
  $("fold").addEventListener("click", (event) => {
    const open = event.target.textContent === "Expand all";
    for (const alert of alerts) alert.querySelector("details").open = open;
    event.target.textContent = open ? "Collapse all" : "Expand all";
  });
  $("tools").hidden = false;

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) return;
    const step = { j: 1, k: -1 }[event.key];
    if (!step) return;
    const visible = alerts.filter((alert) => !alert.hidden);
    const here = visible.findIndex((alert) => alert.contains(document.activeElement));
    const below = visible.findIndex((alert) => alert.getBoundingClientRect().top > 1);
    const next = here >= 0 ? here + step : step > 0 ? below : below - 1;
    const target = visible[Math.max(0, Math.min(visible.length - 1, next))];
    if (!target) return;
    event.preventDefault();
    target.querySelector("summary").focus({ preventScroll: true });
    scrollTo(target, "start");
  });
})();
