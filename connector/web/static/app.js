/* What makes pages quicker or kinder; everything works without it. No words: pages bring them. */
(() => {
  "use strict";
  const messages = () => document.getElementById("messages");

  const tell = (text) => {
    const box = messages();
    if (!box) return;
    const alert = document.createElement("div");
    alert.className = "alert bad";
    alert.setAttribute("role", "alert");
    alert.append(Object.assign(document.createElement("p"), { textContent: text }));
    box.replaceChildren(alert);
  };

  // colabel cannot be reached: say so, and take it back once it can.
  document.addEventListener("htmx:sendError", () => {
    if (!document.body.dataset.away) tell(document.body.dataset.offline);
    document.body.dataset.away = "yes";
  });
  document.addEventListener("htmx:afterOnLoad", () => {
    if (!document.body.dataset.away) return;
    delete document.body.dataset.away;
    messages()?.replaceChildren();
  });

  // Menus and questions close by Escape, and by a click elsewhere.
  const open = () => document.querySelectorAll("details[data-menu][open], details[data-dialog][open]");
  document.addEventListener("click", (event) => {
    open().forEach((one) => { if (!one.contains(event.target)) one.open = false; });
    if (event.target.closest("[data-close]")) event.target.closest("details").open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open().forEach((one) => {
      one.open = false;
      one.querySelector("summary").focus();
    });
  });

  // Copying: the buttons show themselves only where it works.
  const copying = (root) => {
    if (!navigator.clipboard) return;
    root.querySelectorAll("[data-copy]").forEach((one) => { one.hidden = false; });
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const text = button.querySelector("span");
    const before = text.textContent;
    text.textContent = button.dataset.done;
    setTimeout(() => { text.textContent = before; }, 2000);
  });

  // The theme changes at once; the form keeps the choice for the next page.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-themes]");
    if (!form || !event.submitter) return;
    event.preventDefault();
    const theme = event.submitter.value;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    fetch(form.action, { method: "POST", body, redirect: "manual" });
    document.documentElement.dataset.theme = theme;
    document.querySelector('meta[name="color-scheme"]').content = theme === "auto" ? "light dark" : theme;
    document.querySelectorAll("[data-themes] button").forEach((one) => {
      one.setAttribute("aria-pressed", String(one.value === theme));
    });
  });

  // A form that was sent is not sent again by a second click.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
  });

  // On a phone the tab that one is on may lie outside of what is seen.
  document.addEventListener("DOMContentLoaded", () => {
    const tab = document.querySelector(".tabs [aria-current]");
    if (!tab) return;
    const [box, here] = [tab.parentElement.getBoundingClientRect(), tab.getBoundingClientRect()];
    tab.parentElement.scrollLeft = here.left - box.left - (box.width - here.width) / 2;
  });

  document.addEventListener("DOMContentLoaded", () => copying(document));
  document.addEventListener("htmx:load", (event) => copying(event.detail.elt));
})();
