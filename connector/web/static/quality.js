/* The choice between fewer mistakes and fewer questions as a slider: without it, it is a list. */
(() => {
  "use strict";

  const place = (id, values) => {
    const element = document.querySelector(`[data-${id}]`);
    if (!element) return;
    for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
  };

  const begin = (form) => {
    const select = form.querySelector("select[name=choice]");
    const slider = form.querySelector("[data-slider] input");
    const steps = [...form.querySelectorAll("[data-step]")];
    const unsaved = form.querySelector("[data-unsaved]");
    const start = slider.value;

    const show = () => {
      const at = Number(slider.value);
      select.selectedIndex = at;
      steps.forEach((step, i) => { step.hidden = i !== at; });
      const { x, y, line } = steps[at].dataset;
      place("here", { x1: x, x2: x });
      place("handle", { cx: x, cy: y });
      place("promise", { y1: line, y2: line });
      slider.setAttribute("aria-valuetext", steps[at].textContent.replace(/\s+/g, " ").trim());
      if (unsaved) unsaved.hidden = slider.value === start;
    };

    form.querySelector("[data-plain]").hidden = true;
    form.querySelector("[data-slider]").hidden = false;
    slider.disabled = select.disabled;
    slider.addEventListener("input", show);
    show();
  };

  const find = (root) => {
    root.querySelectorAll("[data-careful]:not([data-begun])").forEach((form) => {
      form.dataset.begun = "yes";
      begin(form);
    });
  };
  document.addEventListener("DOMContentLoaded", () => find(document));
  document.addEventListener("htmx:load", (event) => find(event.detail.elt));
})();
