// What will be read, shown beside the script, and changed before it is spoken.
import { h, link } from "./dom.js";
import { T } from "./texts.js";

const SHOWN = 3;
const PAUSE_SECONDS = 0.6;

export class Refine {
  constructor({ onChange }) {
    this.onChange = onChange;
    this.text = null; // as it was changed; null is as the server reads the script
    this.line = h("span", { class: "reading" });
    this.area = h("textarea", { "aria-label": T.speak.editing, oninput: () => { this.text = this.area.value; onChange(); } });
    this.element = h("section", { class: "refine", hidden: true }, h("h2", {}, T.speak.editing), this.area,
      link(T.speak.backToScript, () => { this.leave(); onChange(); }));
  }

  show(plan) {
    this.plan = plan;
    if (!plan) return this.line.replaceChildren();
    const changes = plan.pieces.flatMap((piece) => piece.changes);
    const told = changes.slice(0, SHOWN).flatMap((each, index) => [index ? ", " : "", `${each.written} → `, h("b", {}, each.spoken)]);
    if (changes.length > SHOWN) told.push(T.speak.andMore(changes.length - SHOWN));
    this.line.replaceChildren(...(changes.length ? [`${T.speak.read}: `, ...told] : [T.speak.asWritten]), " ",
      link(T.speak.edit, () => this.edit()));
  }

  edit() {
    this.text = this.plan.pieces.map(written).join("\n");
    this.area.value = this.text;
    this.element.hidden = false;
    this.area.focus();
    this.onChange();
  }

  leave() {
    this.text = null;
    this.element.hidden = true;
  }
}

// Writes a piece so that it is read as it stands: who speaks it, and the silence behind it.
function written(piece) {
  const voice = piece.voice ? `[${piece.voice}] ` : "";
  const pause = piece.pause_seconds > PAUSE_SECONDS ? ` [pause ${piece.pause_seconds}s]` : "";
  return voice + piece.text + pause;
}
