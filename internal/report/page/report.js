(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  root.classList.add("js");

  // Theme: what the system says until somebody chooses.
  const theme = document.getElementById("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  try { const kept = localStorage.getItem("vmtest-theme"); if (kept) root.dataset.theme = kept; } catch { /* private window */ }
  theme.addEventListener("click", () => {
    const want = dark() ? "light" : "dark";
    delete root.dataset.theme; // back to the system's choice, if that is wanted
    if ((want === "dark") !== dark()) root.dataset.theme = want;
    try {
      if (root.dataset.theme) localStorage.setItem("vmtest-theme", want); else localStorage.removeItem("vmtest-theme");
    } catch { /* private window */ }
    label();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();

  // Filter by outcome and by text: the matrix and the records together.
  const chips = all("button[data-filter]"), find = document.getElementById("find"), shown = document.getElementById("shown");
  const items = all("[data-id]");
  const filter = () => {
    const want = new Set(chips.filter(c => c.getAttribute("aria-pressed") === "true").map(c => c.dataset.filter));
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let records = 0, visible = 0;
    for (const item of items) {
      const outcomes = item.dataset.o.split(" ");
      const ok = (!want.size || outcomes.some(o => want.has(o))) && words.every(w => item.dataset.id.includes(w));
      item.hidden = !ok;
      if (item.localName === "details") { records++; if (ok) visible++; }
    }
    for (const group of all("[data-group]")) group.hidden = !all("[data-id]", group).some(i => !i.hidden);
    shown.value = visible === records ? "" : visible + " of " + records + " results";
  };
  for (const chip of chips) chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") === "true" ? "false" : "true");
    filter();
  });
  find.addEventListener("input", filter);
  find.addEventListener("keydown", e => { if (e.key === "Escape") { find.value = ""; filter(); } });

  const unfold = document.getElementById("unfold");
  unfold.addEventListener("click", () => {
    const open = unfold.dataset.open !== "1";
    for (const d of all("details.rec")) if (!d.hidden) d.open = open;
    unfold.dataset.open = open ? "1" : "";
    unfold.textContent = open ? "Close all" : "Open all";
  });

  // A link to a record opens it, also when a filter hides it.
  const go = () => {
    let id = location.hash.slice(1);
    try { id = decodeURIComponent(id); } catch { return; }
    const body = id && document.getElementById(id), record = body && body.closest("details");
    if (!record) return;
    if (record.hidden) { find.value = ""; for (const c of chips) c.setAttribute("aria-pressed", "false"); filter(); }
    record.open = true;
    record.scrollIntoView({ block: "start" });
    body.focus({ preventScroll: true }); // not the summary: the same Enter would close it again
  };
  addEventListener("hashchange", go);
  document.addEventListener("click", e => { // the same link once more changes no hash
    const a = e.target.closest('a[href^="#"]');
    if (a && a.hash === location.hash) go();
  });
  go();

  for (const button of all("button[data-copy]")) button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("pre");
    let done = true;
    try { await navigator.clipboard.writeText(code.textContent); } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl-C";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
})();
