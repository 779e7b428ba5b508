// One part of a long recording: heard by itself, changed, and spoken anew while all others stay.
import { call } from "./api.js";
import { h, link } from "./dom.js";
import { T } from "./texts.js";

const MOST_SEED = 2 ** 31;

export class Part {
  constructor(path, { sound, onChanged }) {
    Object.assign(this, { path, sound, onChanged });
    this.element = h("li");
  }

  show(segment) {
    const drawn = JSON.stringify(segment);
    if (this.drawn === drawn || this.editing) return;
    this.drawn = drawn;
    this.segment = segment;
    const { heard_at_seconds: start } = segment;
    const text = h("p", { class: "text" }, segment.text);
    const state = segment.done ? (segment.take > 1 ? T.long.take(segment.take) : "") : T.long.notYet;
    this.problem = h("span", { class: "problem", role: "alert" });
    this.element.classList.toggle("pending", !segment.done);
    this.element.replaceChildren(text, h("div", { class: "row" },
      start === null ? "" : link(T.long.hear, () => this.sound.play(start), { "aria-label": T.long.hearPart(segment.number) }),
      segment.done ? link(T.long.again, () => this.change({ seed: Math.floor(Math.random() * MOST_SEED) }), { "aria-label": T.long.againPart(segment.number) }) : "",
      link(T.long.edit, () => this.edit(), { "aria-label": T.long.editPart(segment.number) }),
      h("span", { class: "quiet" }, state), this.problem));
  }

  edit() {
    this.editing = true;
    const area = h("textarea", { class: "field", "aria-label": T.long.editPart(this.segment.number) });
    area.value = this.segment.text;
    const leave = () => { this.editing = false; this.drawn = null; this.show(this.segment); };
    this.element.replaceChildren(area, h("div", { class: "row" },
      link(T.long.speakAnew, () => { this.editing = false; this.change({ text: area.value }); }), link(T.cancel, leave)));
    area.focus();
  }

  async change(json) {
    try {
      await call(this.path, { method: "PATCH", json });
      this.drawn = null;
      this.onChanged();
    } catch (error) {
      this.drawn = null;
      this.show(this.segment);
      this.problem.textContent = error.message;
    }
  }

  holds(seconds) {
    const { heard_at_seconds: start, seconds: length } = this.segment;
    return start !== null && seconds >= start && seconds < start + length;
  }

  light(is, playing) {
    if (this.lit === is) return;
    this.lit = is;
    this.element.classList.toggle("heard", is);
    if (is && playing) this.element.scrollIntoView({ block: "nearest" });
  }
}
