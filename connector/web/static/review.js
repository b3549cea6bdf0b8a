/* Answering without waiting: the next picture lies ready, and answers are sent behind the scenes.
   Every form works without this, one page after the other. */
(() => {
  "use strict";
  const desk = () => document.getElementById("desk");
  const question = () => document.getElementById("question");
  const said = () => document.getElementById("said");
  const csrf = () => document.querySelector('#desk input[name="csrf"]')?.value || "";
  const idOf = (element) => element?.dataset.review || "";
  // As our other scripts ask: then errors come as a part that can be shown.
  const asPart = { "HX-Request": "true" };

  const toElement = (html) => {
    const box = document.createElement("template");
    box.innerHTML = html.trim();
    return box.content.firstElementChild;
  };
  const note = (text, kind) => {
    const alert = document.createElement("div");
    alert.className = `alert ${kind}`;
    alert.append(Object.assign(document.createElement("p"), { textContent: text }));
    document.getElementById("messages").replaceChildren(alert);
  };

  // --- the question that comes next, with its picture ---------------------------------------
  let next = null;      // a promise of an element, or of null when nothing is left
  let nextId = "";
  let unsent = 0;       // answers that are on their way

  const fetchNext = async (besides) => {
    const asked = new URL(desk().dataset.next, location.href);
    asked.searchParams.set("within", desk().dataset.within);
    besides.filter(Boolean).forEach((id) => asked.searchParams.append("besides", id));
    const response = await fetch(asked, { headers: asPart });
    if (response.status === 204 || !response.ok) return null;
    const element = toElement(await response.text());
    nextId = idOf(element);
    element.querySelectorAll("img").forEach((one) => { new Image().src = one.src; one.loading = "eager"; });
    return element;
  };
  const prepare = (...besides) => {
    nextId = "";
    next = fetchNext(besides).catch(() => null);
  };

  const put = (element) => {
    question().replaceWith(element);
    nextId = "";
    element.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  };

  // --- answering ----------------------------------------------------------------------------
  const send = async (form, submitter) => {
    const body = new URLSearchParams(new FormData(form, submitter));
    unsent += 1;
    try {
      return await fetch(submitter.getAttribute("formaction") || form.action, { method: "POST", body, headers: asPart });
    } finally {
      unsent -= 1;
    }
  };

  // Answered by somebody else, or gone: there is nothing to answer any more, so it goes on.
  const OVER = [404, 409, 410];
  const show = async (response) => {
    const text = await response.text();
    if (response.ok) {
      said().innerHTML = text;
      const left = said().querySelector("[data-left]");
      if (left) document.getElementById("left").textContent = left.content.textContent;
      document.getElementById("messages").replaceChildren();
      return;
    }
    const part = response.headers.get("Content-Type")?.startsWith("text/html") ? text : "";
    if (!OVER.includes(response.status)) throw new Refused(part);
    document.getElementById("messages").innerHTML = part;
  };
  class Refused extends Error {
    constructor(part) {
      super("refused");
      this.part = part;
    }
  }

  let busy = false;
  const answer = async (form, submitter) => {
    if (busy) return;
    busy = true;
    const before = question();
    const sent = send(form, submitter);
    try {
      const ready = await next;
      if (ready) {
        put(ready);
        prepare(idOf(ready), idOf(before));
        busy = false;
        await show(await sent);
      } else {
        // Nothing lay ready: what is left is known when the answer has arrived.
        await show(await sent);
        const last = await fetchNext([]);
        if (last) put(last);
        prepare(idOf(question()));
        busy = false;
      }
    } catch (error) {
      // It did not get through, so the picture is put back; nothing was answered.
      const current = question();
      if (current !== before) {
        current.replaceWith(before);
        prepare(idOf(before));
      }
      if (error.part) document.getElementById("messages").innerHTML = error.part;
      else note(desk().dataset.failed, "bad");
      busy = false;
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-answer]");
    if (!form || !event.submitter) return;
    event.preventDefault();
    answer(form, event.submitter);
  }, true);

  // Taking back waits for what is on its way, so that there is something to take back.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-undo]");
    if (!link || !unsent) return;
    event.preventDefault();
    while (unsent) await new Promise((done) => { setTimeout(done, 30); });
    document.querySelector("[data-undo]")?.click();
  });

  // --- keys ---------------------------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.altKey || event.target.matches?.("input, textarea, select")) return;
    const key = event.key.toLowerCase();
    const undo = key === "u" || (key === "z" && (event.ctrlKey || event.metaKey));
    if (!undo && (event.ctrlKey || event.metaKey)) return;
    const wanted = undo
      ? document.querySelector("[data-undo]")
      : question()?.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!wanted) return;
    event.preventDefault();
    wanted.click();
  });

  // --- claims: kept while the page is looked at, given back when it is left -------------------
  const held = () => [idOf(question()), nextId].filter(Boolean);
  const heldForm = () => {
    const body = new URLSearchParams();
    held().forEach((id) => body.append("held", id));
    body.set("csrf", csrf());
    return body;
  };
  const keep = async () => {
    if (document.visibilityState !== "visible" || busy || !held().length) return;
    const response = await fetch(desk().dataset.hold, { method: "POST", body: heldForm(), headers: asPart });
    if (!response.ok) return;
    const lost = (await response.json()).lost;
    if (lost.includes(nextId)) prepare(idOf(question()));
    if (lost.includes(idOf(question()))) {
      const ready = (await next) || (await fetchNext([]));
      if (!ready) return;
      note(desk().dataset.taken, "note");
      put(ready);
      prepare(idOf(ready));
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    if (!desk() || "alone" in desk().dataset) return;
    if (idOf(question())) prepare(idOf(question()));
    setInterval(() => keep().catch(() => {}), 1000 * Number(desk().dataset.seconds));
    window.addEventListener("pagehide", () => {
      if (held().length) navigator.sendBeacon(desk().dataset.leave, heldForm());
    });
    window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  });
})();
