/* What makes the tab Automate kinder; everything works without it. */
(() => {
  "use strict";
  // A click into something to copy selects all of it; a selection of one's own stays.
  document.addEventListener("click", (event) => {
    const block = event.target.closest("pre.code");
    const selection = window.getSelection();
    if (!block || String(selection)) return;
    selection.selectAllChildren(block);
  });
})();
