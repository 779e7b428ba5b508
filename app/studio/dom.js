// Makes elements. Texts are never read as HTML.
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const clock = (seconds) =>
  `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;

// Says something to whoever looks and to whoever listens; may offer to undo it.
export function toast(text, { undo, undoText, failed } = {}) {
  document.querySelector(".toast")?.remove();
  const box = h("div", { class: failed ? "toast failed" : "toast", role: failed ? "alert" : "status" }, text);
  if (undo) box.append(h("button", { type: "button", onclick: () => { undo(); box.remove(); } }, undoText));
  document.body.append(box);
  setTimeout(() => box.remove(), 8000);
}
