// Evaluated before the keys are pressed: marks what must be reached by Tab.
(() => {
  window.wanted = new Set([...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
    .filter(e => e.checkVisibility() && !e.disabled));
  window.unmarked = new Set();
  document.addEventListener("focusin", e => {
    wanted.delete(e.target);
    const style = getComputedStyle(e.target);
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 1) unmarked.add(e.target);
  });
  return wanted.size;
})()
