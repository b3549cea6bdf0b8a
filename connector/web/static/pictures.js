/* Choosing and labelling pictures, by mouse and by keyboard. What was labelled goes out one after
   the other while the person goes on; everything works by plain forms without this. */
(() => {
  "use strict";
  const form = document.querySelector("[data-sorting]");
  const button = (key) => document.querySelector(`[data-sorting] [data-key="${key}"], [data-keyed] [data-key="${key}"]`);
  const typing = (target) => target.matches("input:not([type=checkbox], [type=radio]), textarea, select");

  // --- one picture by itself: keys press its buttons, arrows leaf on -------------------------
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || typing(event.target)) return;
    const undoes = (event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey;
    if (!undoes && (event.ctrlKey || event.metaKey || event.altKey)) return;
    const key = undoes ? "u" : event.key.toLowerCase();
    const pressed = /^[0-9u]$/.test(key) && button(key);
    if (pressed) {
      event.preventDefault();
      pressed.click();
    } else if (!form && (key === "arrowleft" || key === "arrowright")) {
      document.querySelector(`[data-way="${key === "arrowleft" ? "newer" : "older"}"]`)?.click();
    }
  });
  if (!form) return;

  // --- choosing -------------------------------------------------------------------------------
  const list = form.querySelector("#tiles");
  const chosenText = form.querySelector("#chosen");
  const boxes = () => [...list.querySelectorAll('.tile:not([hidden]) > label > input')];
  const chosen = () => boxes().filter((box) => box.checked);
  // What was chosen while this script was still on its way counts.
  let anchor = chosen().at(-1) ?? null;

  const count = () => {
    const number = chosen().reduce((sum, box) => sum + box.value.split(",").length, 0);
    const { none, one, other } = chosenText.dataset;
    chosenText.textContent = number === 0 ? none : number === 1 ? one : other.replace("{count}", number.toLocaleString("en"));
  };
  const range = (from, to) => {
    const all = boxes();
    const [first, last] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b);
    if (first < 0) return;
    all.slice(first, last + 1).forEach((box) => { box.checked = true; });
    count();
  };
  list.addEventListener("click", (event) => {
    const box = event.target.closest(".tile")?.querySelector("input");
    if (!box || event.target.closest("a")) return;
    if (event.shiftKey && anchor && anchor.isConnected && anchor !== box) {
      // The browser's own click on the box would take back what the range has just chosen.
      event.preventDefault();
      const from = anchor;
      setTimeout(() => range(from, box));
    }
    anchor = box;
  });
  list.addEventListener("change", count);
  if (anchor) count();

  // --- moving ---------------------------------------------------------------------------------
  const columns = () => getComputedStyle(list).gridTemplateColumns.split(" ").length;
  const steps = { arrowleft: () => -1, arrowright: () => 1, arrowup: () => -columns(), arrowdown: columns };
  const move = (event, key) => {
    const all = boxes();
    const at = all.indexOf(document.activeElement);
    if (at < 0 && key !== "arrowright") return;
    const to = all[at < 0 ? 0 : at + steps[key]()];
    if (!to) return;
    event.preventDefault();
    to.focus();
    if (event.shiftKey) range(all[Math.max(at, 0)], to);
    anchor = to;
  };
  document.addEventListener("keydown", (event) => {
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const box = event.target.closest?.(".tile") && event.target.matches("input") ? event.target : null;
    if (steps[key] && (box || event.target === document.body)) move(event, key);
    else if (key === "enter" && box) {
      event.preventDefault();
      box.closest(".tile").querySelector(".tile-open").click();
    } else if (key === "escape") {
      chosen().forEach((one) => { one.checked = false; });
      count();
    } else if (key === "a" && (box || event.target === document.body)) {
      const all = boxes(), every = all.every((one) => one.checked);
      all.forEach((one) => { one.checked = !every; });
      count();
    }
  });

  // --- labelling ------------------------------------------------------------------------------
  const token = JSON.parse(document.body.getAttribute("hx-headers"));
  const waiting = [];
  let sending = false;

  const answer = async (response) => {
    const elsewhere = response.headers.get("HX-Redirect");
    if (elsewhere) { window.location.href = elsewhere; return; }
    const text = await response.text();
    const focused = document.activeElement.closest?.(".tile")?.id;
    htmx.swap(response.ok ? "#said" : "#messages", text, { swapStyle: "innerHTML" });
    if (!response.ok) window.scrollTo({ top: 0 });
    // What had the focus may have been drawn anew.
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.querySelector("input")?.focus();
  };
  const send = async () => {
    if (sending) return;
    sending = true;
    while (waiting.length) {
      const { url, body, tiles } = waiting.shift();
      try {
        await answer(await fetch(url, { method: "POST", body, headers: { ...token, "HX-Request": "true", "HX-Current-URL": window.location.href } }));
      } catch {
        document.dispatchEvent(new CustomEvent("htmx:sendError"));
      }
      // Those that were labelled were drawn anew; the others are as they were.
      tiles.forEach((tile) => tile.classList.remove("sending"));
    }
    sending = false;
    count();
    refill();
  };
  // What was labelled leaves the pictures without a label: others come in its place.
  const refill = () => {
    const more = list.querySelector(".tiles-more a");
    if (more && boxes().length < 12) more.click();
  };
  const next = (picked) => {
    const all = boxes();
    const last = all.indexOf(picked[picked.length - 1]);
    return all.slice(last + 1).find((box) => !picked.includes(box)) || all.find((box) => !picked.includes(box));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const by = event.submitter;
    const undoes = by?.hasAttribute("data-undoes");
    const body = new FormData(form, by);
    const inFocus = document.activeElement.closest?.(".tile")?.querySelector("input");
    let picked = undoes ? [] : chosen();
    if (!picked.length && !undoes && inFocus) {
      picked = [inFocus];
      body.append("picture", inFocus.value);
    }
    if (undoes) body.delete("picture");
    else if (picked.length && inFocus) next(picked)?.focus();
    if (by?.hasAttribute("data-give-new")) form.elements.new_label.value = "";
    else body.delete("new_label");
    const tiles = picked.map((box) => box.closest(".tile"));
    tiles.forEach((tile) => { tile.classList.add("sending"); tile.querySelector("input").checked = false; });
    count();
    waiting.push({ url: undoes ? form.dataset.undo : form.action, body: new URLSearchParams(body), tiles });
    send();
  });
  window.addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });
})();
