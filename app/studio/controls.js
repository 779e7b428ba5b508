// The knobs that shape speech; they are kept in this browser.
import { button, h, link, select } from "./dom.js";
import { T } from "./texts.js";

const KNOBS = {
  speed: [0.5, 2, 0.05, 1], pitch: [-12, 12, 1, 0], volume: [-20, 20, 1, 0],
  pause_scale: [0, 3, 0.1, 1], temperature: [0, 2, 0.1, 0.7],
};
const FORMATS = ["mp3", "wav", "ogg", "opus", "flac", "aac"];
const KEPT = "pocket-speech-controls";

export class Controls {
  constructor(onChange) {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    this.values = Object.fromEntries(Object.entries(KNOBS).map(([name, each]) => [name, kept[name] ?? each[3]]));
    this.format = kept.format ?? "mp3";
    this.keepSeed = kept.keepSeed ?? false;
    this.seed = kept.seed ?? dice();
    this.onChange = () => { this.save(); onChange(); };
    this.seedButton = button("", () => this.roll(), { "aria-label": T.speak.dice });
    this.keepButton = button(T.speak.keep, () => { this.keepSeed = !this.keepSeed; this.drawSeed(); this.save(); });
    this.usual = link(T.speak.usual, () => this.reset());
    this.knobs = h("div");
    this.drawSeed();
    this.drawKnobs();
    const format = select(FORMATS.map((name) => [name, name.toUpperCase()]), this.format, { onchange: () => { this.format = format.value; this.onChange(); } });
    this.element = h("section", { class: "group" }, h("h2", { class: "hidden" }, T.speak.how), this.knobs,
      h("div", { class: "knob" }, T.speak.seed, h("span", { class: "chips" }, this.seedButton, this.keepButton)),
      h("label", { class: "knob" }, T.speak.format, format), this.usual);
  }

  drawKnobs() {
    this.knobs.replaceChildren(...Object.keys(KNOBS).map((name) => this.knob(name)));
    this.drawUsual();
  }

  drawUsual() { this.usual.hidden = !Object.keys(this.body).length; }

  reset() {
    this.values = Object.fromEntries(Object.entries(KNOBS).map(([name, each]) => [name, each[3]]));
    this.drawKnobs();
    this.onChange();
  }

  knob(name) {
    const [least, most, step] = KNOBS[name];
    const [label, shown] = T.knobs[name];
    const output = h("output", {}, shown(this.values[name]));
    const slider = h("input", { type: "range", min: String(least), max: String(most), step: String(step), value: String(this.values[name]), "aria-valuetext": output.value, oninput: () => {
      this.values[name] = Number(slider.value);
      output.value = shown(this.values[name]);
      slider.setAttribute("aria-valuetext", output.value);
      this.drawUsual();
      this.onChange();
    } });
    return h("label", { class: "knob" }, label, slider, output);
  }

  roll() { this.seed = dice(); this.drawSeed(); this.save(); }

  drawSeed() {
    this.seedButton.textContent = `⚄ ${this.seed}`;
    this.keepButton.setAttribute("aria-pressed", String(this.keepSeed));
  }

  save() {
    localStorage.setItem(KEPT, JSON.stringify({ ...this.values, format: this.format, seed: this.seed, keepSeed: this.keepSeed }));
  }

  // What goes into a request; what is as usual is left out.
  get body() {
    const changed = Object.entries(this.values).filter(([name, value]) => value !== KNOBS[name][3]);
    return Object.fromEntries(changed);
  }
}

const dice = () => Math.floor(Math.random() * 10000);
