// Evaluated in the page; returns what is wrong with it. Nothing is changed.
(() => {
  const faults = [];
  const root = document.documentElement;
  if (!document.title.startsWith("vmtest: ")) faults.push("title is " + document.title);
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("main *, header *")].filter(e => e.getBoundingClientRect().right > root.clientWidth && !e.closest("pre > *, .scroll *"));
    faults.push(`${root.scrollWidth} px wide in a window of ${root.clientWidth}: ${wide.slice(0, 3).map(e => (e.parentElement.outerHTML || "").slice(0, 200))}`);
  }
  for (const bad of document.querySelectorAll("iframe, img, object, embed, form, base, body style, script ~ script"))
    faults.push("there is a " + bad.localName);

  // Contrast of text, as WCAG 2 reckons it: 4.5 to 1.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] === 255) return c;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || e.closest("noscript, script, .vh") || !e.checkVisibility()) continue;
    const [a, b] = [light(rgba(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(`contrast ${ratio.toFixed(2)} of ${e.localName}.${e.className}`);
  }
  faults.push(...[...poor].slice(0, 10));

  // Names for what reads the page aloud.
  for (const e of document.querySelectorAll("button, a[href], input, summary"))
    if (!(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length)) faults.push("no name: " + e.outerHTML.slice(0, 80));
  return faults;
})()
