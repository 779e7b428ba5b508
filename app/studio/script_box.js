// A text field over a drawing of its own text, with marks where the script is cut, what is read
// otherwise, and which word is heard.
import { h } from "./dom.js";
import { T } from "./texts.js";

export class ScriptBox {
  constructor({ onInput, onWord }) {
    this.plan = null;
    this.words = [];
    this.drawn = h("div", { class: "drawn", "aria-hidden": "true" });
    this.lamp = h("span", { class: "lamp", hidden: true });
    this.area = h("textarea", {
      "aria-label": T.speak.script, placeholder: T.speak.placeholder, spellcheck: "true",
      oninput: () => { this.plan = null; this.follow([]); this.draw(); onInput(); },
      onclick: () => { if (this.area.selectionStart === this.area.selectionEnd) this.chosen(onWord); },
      onkeydown: (event) => { if (event.altKey && event.key === "Enter") this.chosen(onWord); },
    });
    this.element = h("div", { class: "script" }, this.drawn, this.area);
    this.draw();
    new ResizeObserver(() => this.light(this.lit ?? -1)).observe(this.drawn);
  }

  get text() { return this.area.value; }
  set text(value) { this.area.value = value; this.plan = null; this.draw(); }

  showPlan(plan) { this.plan = plan; this.draw(); }

  // Marks are in characters as Python counts them; here a letter beyond the basic plane is two.
  unit(place) { return this.places ? this.places[place] ?? this.text.length : place; }

  draw() {
    const text = this.text;
    this.places = /[\ud800-\udbff]/.test(text) ? codePoints(text) : null;
    const marks = [];
    for (const [index, piece] of (this.plan?.pieces ?? []).entries()) {
      if (index) marks.push([this.unit(piece.script_start), 0]);
      for (const each of piece.changes) marks.push([this.unit(each.script_start), this.unit(each.script_end)]);
    }
    const parts = [];
    let done = 0;
    for (const [start, end] of marks) {
      if (start < done) continue;
      parts.push(text.slice(done, start));
      parts.push(end ? h("span", { class: "changed" }, text.slice(start, end)) : h("span", { class: "seam" }));
      done = end || start;
    }
    // A line end at the very end has no height of its own in a block.
    this.drawn.replaceChildren(this.lamp, ...parts, text.slice(done) + "\n");
    this.light(this.lit ?? -1);
  }

  // Takes the words of the speech that is played, as far as they are known.
  follow(words) {
    this.words = words;
    this.lit = undefined;
    this.light(-1);
  }

  chosen(onWord) {
    const at = this.area.selectionStart;
    const word = this.words.find((each) => at >= this.unit(each.script_start) && at <= this.unit(each.script_end));
    if (word) onWord(word);
  }

  // Shows which word is heard at a time; all before it have been said.
  at(seconds, playing) {
    let low = 0, high = this.words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.words[middle].start <= seconds) low = middle + 1; else high = middle;
    }
    if (low - 1 === this.lit) return;
    this.light(low - 1);
    if (playing) this.keepInView();
  }

  // Scrolls along with the speech, unless somebody writes.
  keepInView() {
    if (this.lamp.hidden || document.activeElement === this.area) return;
    const { top, bottom } = this.lamp.getBoundingClientRect();
    const below = document.querySelector("footer")?.getBoundingClientRect().top ?? innerHeight;
    if (top < 0 || bottom > below) this.lamp.scrollIntoView({ block: "center" });
  }

  light(index) {
    this.lit = index;
    const word = this.words[index];
    this.lamp.hidden = !word;
    CSS.highlights?.delete("said");
    if (!word) return;
    const start = this.unit(word.script_start);
    const range = this.range(start, this.unit(word.script_end));
    const [box] = range.getClientRects();
    const own = this.drawn.getBoundingClientRect();
    if (box) Object.assign(this.lamp.style, {
      left: `${box.left - own.left}px`, top: `${box.top - own.top}px`,
      width: `${box.width}px`, height: `${box.height}px`,
    });
    if (start && CSS.highlights) CSS.highlights.set("said", new Highlight(this.range(0, start)));
  }

  range(start, end) {
    const range = document.createRange();
    const walker = document.createTreeWalker(this.drawn, NodeFilter.SHOW_TEXT);
    let before = 0, begun = false;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const after = before + node.length;
      if (!begun && start < after) { range.setStart(node, start - before); begun = true; }
      if (end <= after) { range.setEnd(node, end - before); break; }
      before = after;
    }
    return range;
  }
}

function codePoints(text) {
  const places = [];
  let unit = 0;
  for (const letter of text) { places.push(unit); unit += letter.length; }
  return [...places, unit];
}
