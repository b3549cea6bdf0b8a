/* Adding many pictures: files and folders that are dropped or chosen go out in small batches, two
   at a time, with progress. What was sent is remembered until all of it is there, so that dropping
   the same folder again goes on; the server knows pictures by their content anyway. */
(() => {
  "use strict";
  const form = document.querySelector("[data-adding]");
  if (!form) return;
  form.classList.add("by-script");
  const FILES = 24, BYTES = 8e6, AT_ONCE = 2, LABELS_SHOWN = 6;
  const CLUTTER = new Set(["thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"]);
  const words = form.dataset;
  const find = (name) => document.querySelector(`[data-${name}]`);
  const [progress, report, skipped, found, drop] = ["progress", "report", "skipped", "found", "drop"].map(find);
  const numeral = (value) => value.toLocaleString("en");
  const say = (name, count) => (count === 1 ? words[`${name}One`] : words[`${name}Other`].replace("{count}", numeral(count)));

  // --- what was dropped or chosen ---------------------------------------------------------------
  let planned = [];
  const isClutter = (path) => path.split("/").some((part) => part.startsWith(".") || CLUTTER.has(part.toLowerCase()));

  const children = async (folder) => {
    const reader = folder.createReader(), all = [];
    // A reader gives a hundred at a time, and none at the end.
    for (;;) {
      const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
      if (!some.length) return all;
      all.push(...some);
    }
  };
  const walk = async (entry, path, into) => {
    if (isClutter(entry.name)) return;
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
      into.push({ file, path: path + entry.name });
    } else {
      for (const child of await children(entry)) await walk(child, `${path}${entry.name}/`, into);
    }
  };
  const folderOf = (path) => path.split("/").slice(-2, -1)[0] || "";
  const isZip = (file) => /\.zip$/i.test(file.name);

  const chip = (text, count) => {
    const one = document.createElement("span");
    one.className = "chip";
    const number = Object.assign(document.createElement("span"), { className: "number", textContent: numeral(count) });
    one.append(text, " ", number);
    return one;
  };
  const plan = (files) => {
    planned = files.filter(({ path }) => !isClutter(path));
    form.classList.toggle("planned", planned.length > 0);
    found.replaceChildren();
    if (!planned.length) { found.textContent = words.nothing; form.classList.add("planned"); find("start").hidden = true; return; }
    find("start").hidden = false;
    find("start").textContent = say("start", planned.length);
    outline();
    find("start").focus();
  };
  // What is going to happen: how many there are of each label.
  const outline = () => {
    if (!planned.length) return;
    const total = Object.assign(document.createElement("strong"), { textContent: say("found", planned.length) });
    found.replaceChildren(total);
    if (form.elements.labels.value !== "folders") return;
    const counts = new Map();
    planned.filter(({ file }) => !isZip(file)).forEach(({ path }) => counts.set(folderOf(path), (counts.get(folderOf(path)) || 0) + 1));
    const sorted = [...counts].sort((a, b) => b[1] - a[1]);
    sorted.slice(0, LABELS_SHOWN).forEach(([label, count]) => found.append(chip(label || words.noFolder, count)));
    if (sorted.length > LABELS_SHOWN) found.append(words.more.replace("{count}", numeral(sorted.length - LABELS_SHOWN)));
  };
  form.querySelector("[data-modes]").addEventListener("change", outline);
  form.querySelectorAll("[type=file]").forEach((input) => {
    input.addEventListener("change", () => plan([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }))));
  });

  document.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (running) return;
    // Asked for at once: after the first wait the browser has forgotten them.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = [];
    if (entries.length) {
      form.classList.add("planned");
      found.textContent = words.reading;
      for (const entry of entries) await walk(entry, "", files);
    } else {
      files.push(...[...event.dataTransfer.files].map((file) => ({ file, path: file.name })));
    }
    plan(files);
  });

  // --- what was sent already, should the page have been left ------------------------------------
  let running = false, paused = false, sent, sums;
  const shelf = () => `colabel:sent:${words.adding}`;
  const mode = () => `${form.elements.labels.value}:${form.elements.labels.value === "one" ? form.elements.label.value : ""}`;
  const mark = ({ file, path }) => `${path}|${file.size}|${file.lastModified}`;
  const remembered = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(shelf()) || "{}");
      return new Set(kept.mode === mode() ? kept.marks : []);
    } catch { return new Set(); }
  };
  const remember = () => {
    // A browser that keeps nothing only sends twice what is not added twice.
    try { localStorage.setItem(shelf(), JSON.stringify({ mode: mode(), marks: [...sent] })); } catch { return; }
  };
  const forget = () => { try { localStorage.removeItem(shelf()); } catch { return; } };

  // --- sending ------------------------------------------------------------------------------------
  const batches = (files) => {
    const all = [];
    let batch = [], bytes = 0;
    for (const one of files) {
      if (batch.length && (batch.length >= FILES || bytes + one.file.size > BYTES)) { all.push(batch); batch = []; bytes = 0; }
      batch.push(one);
      bytes += one.file.size;
    }
    return batch.length ? [...all, batch] : all;
  };
  const token = JSON.parse(document.body.getAttribute("hx-headers"));
  const body = (batch) => {
    const data = new FormData();
    data.append("labels", form.elements.labels.value);
    data.append("label", form.elements.label.value);
    batch.forEach(({ file, path }) => { data.append("path", path); data.append("file", file, file.name || "file"); });
    return data;
  };
  const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
  const unpaused = async () => { while (paused) await pause(200); };

  class Refused extends Error {}
  const post = async (batch) => {
    const headers = { ...token, "HX-Request": "true", "HX-Current-URL": window.location.href, Accept: "application/json" };
    const response = await fetch(form.action, { method: "POST", body: body(batch), headers });
    const elsewhere = response.headers.get("HX-Redirect");
    if (elsewhere) { running = false; window.location.href = elsewhere; return new Promise(() => {}); }
    if (response.ok) return response.json();
    // What is over in a moment is tried again; what is not, a person has to read.
    const over = response.status >= 500 && response.status !== 507;
    throw new (over ? Error : Refused)(await response.text());
  };
  const lasting = async (batch) => {
    for (let wait = 1000; ; wait = Math.min(wait * 2, 30000)) {
      await unpaused();
      try {
        const answer = await post(batch);
        tell(paused ? words.paused : words.leave);
        return answer;
      } catch (error) {
        if (error instanceof Refused) throw error;
        tell(words.waiting);
        await pause(wait);
      }
    }
  };

  const tell = (text) => { find("state").textContent = text; };
  const bar = progress.querySelector("progress");
  const draw = (started) => {
    bar.max = sums.total;
    bar.value = sums.done;
    find("count").textContent = words.counted.replace("{done}", numeral(sums.done)).replace("{total}", numeral(sums.total));
    const seconds = (performance.now() - started) / 1000;
    const left = Math.round((seconds / Math.max(sums.done - sums.before, 1)) * (sums.total - sums.done));
    const text = left > 90 ? words.minutes.replace("{count}", Math.round(left / 60)) : words.seconds.replace("{count}", left);
    find("left").textContent = seconds > 3 && left > 1 && !paused ? `· ${text}` : "";
  };
  const list = (problems) => {
    if (!problems.length) return;
    sums.skipped += problems.length;
    skipped.hidden = false;
    find("skipped-count").textContent = say("skipped", sums.skipped);
    problems.forEach(({ name, reason }) => {
      const item = document.createElement("li");
      item.append(Object.assign(document.createElement("strong"), { textContent: name }), " ", Object.assign(document.createElement("span"), { className: "soft", textContent: reason }));
      skipped.querySelector("ul").append(item);
    });
  };
  const finish = () => {
    running = false;
    forget();
    progress.hidden = true;
    report.hidden = false;
    const parts = [say("added", sums.added)];
    for (const name of ["known", "changed", "zips", "before"]) if (sums[name]) parts.push(say(name, sums[name]));
    find("sums").textContent = parts.join(" ");
    report.focus();
  };
  const run = async () => {
    running = true;
    sent = remembered();
    const fresh = planned.filter((one) => !sent.has(mark(one)));
    const before = planned.length - fresh.length;
    sums = { total: planned.length, done: before, before, added: 0, known: 0, changed: 0, zips: 0, skipped: 0 };
    const started = performance.now(), todo = batches(fresh);
    form.hidden = true;
    progress.hidden = false;
    draw(started);
    const worker = async () => {
      for (let batch = todo.shift(); batch && running; batch = todo.shift()) {
        const answer = await lasting(batch);
        for (const name of ["added", "known", "changed", "zips"]) sums[name] += answer[name];
        sums.done += batch.length;
        batch.forEach((one) => sent.add(mark(one)));
        remember();
        list(answer.skipped);
        draw(started);
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      finish();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      running = false;
      htmx.swap("#messages", error.message, { swapStyle: "innerHTML" });
      window.scrollTo({ top: 0 });
      progress.hidden = true;
      form.hidden = false;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!running && planned.length) run();
  });
  const pauser = find("pause"), pausing = pauser.textContent;
  pauser.addEventListener("click", () => {
    paused = !paused;
    pauser.textContent = paused ? pauser.dataset.goOn : pausing;
    tell(paused ? words.paused : words.leave);
  });
  window.addEventListener("beforeunload", (event) => { if (running) event.preventDefault(); });
})();
