/* Choosing pictures in the activity. Lists follow what happens, but not under anybody's hand. */
(() => {
  "use strict";
  const lists = ["activity", "journey"];

  // While something in it is chosen or has the focus, a list stays as it is.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const list = event.target;
    if (!lists.includes(list.id)) return;
    const held = list.contains(document.activeElement) || list.querySelector(":checked:not(option)");
    if (held || list.querySelector("details[open]")) event.preventDefault();
  });

  const form = document.querySelector("[data-acting]");
  if (!form) return;
  const boxes = () => [...form.querySelectorAll('input[name="picture"]')];
  const said = form.querySelector("[data-chosen]");
  const all = form.querySelector("[data-choose-all]");
  all.hidden = false;

  const tell = () => {
    const count = boxes().filter((one) => one.checked).length;
    const text = count === 1 ? said.dataset.one : said.dataset.other;
    said.textContent = text.replace("{count}", count);
  };
  form.addEventListener("change", tell);
  form.addEventListener("reset", () => setTimeout(tell));
  all.addEventListener("click", () => {
    boxes().forEach((one) => { one.checked = true; });
    tell();
  });
  // Coming back, the browser may remember what was chosen.
  window.addEventListener("pageshow", tell);
})();
