// Makes elements. Texts are never read as HTML.
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const button = (text, onclick, props = {}) => h("button", { type: "button", class: "chip", onclick, ...props }, text);
export const link = (text, onclick, props = {}) => button(text, onclick, { class: "plain", ...props });

// Makes a labelled field of a form: an input, or whatever element is given.
export function field(label, props) {
  const input = props instanceof Element ? props : h("input", { class: "field", ...props });
  return h("label", { class: "labelled" }, label, input);
}

export const select = (options, chosen, props = {}) => h("select", { class: "field", ...props },
  ...options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));

export function svg(tag, props, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;

// As clock, for what is long: 1:02:05.
export function longClock(seconds) {
  const whole = Math.floor(seconds);
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return `${hours ? `${hours}:${two(Math.floor(whole / 60) % 60)}` : Math.floor(whole / 60)}:${two(whole % 60)}`;
}

// Says something to whoever looks and to whoever listens; may offer to undo it.
export function toast(text, { undo, undoText, failed, seconds = 8 } = {}) {
  document.querySelector(".toast")?.remove();
  const box = h("div", { class: failed ? "toast failed" : "toast", role: failed ? "alert" : "status" }, text);
  if (undo) box.append(h("button", { type: "button", onclick: () => { undo(); box.remove(); } }, undoText));
  document.body.append(box);
  setTimeout(() => box.remove(), seconds * 1000);
}

export async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    toast(text); // a page that came without TLS may not write to the clipboard
  }
}

// A place that takes files by drop, or by a click or the keyboard as any file input.
export function dropZone({ title, about, accept, multiple = false, onFiles }) {
  const input = h("input", { class: "hidden", type: "file", accept, multiple, onchange: () => {
    if (input.files.length) onFiles([...input.files]);
    input.value = "";
  } });
  const zone = h("label", { class: "drop" }, input, h("strong", {}, title), h("span", {}, about));
  const over = (is) => (event) => { event.preventDefault(); zone.classList.toggle("over", is); };
  zone.addEventListener("dragover", over(true));
  zone.addEventListener("dragleave", over(false));
  zone.addEventListener("drop", (event) => {
    over(false)(event);
    const files = [...event.dataTransfer.files];
    if (files.length) onFiles(multiple ? files : files.slice(0, 1));
  });
  return zone;
}

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
