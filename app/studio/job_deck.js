// The player of a long recording: what is finished is heard, from any place.
import { h, longClock } from "./dom.js";
import { T } from "./texts.js";

export class JobDeck {
  constructor(sound) {
    this.sound = sound;
    this.chapters = [];
    this.button = h("button", { class: "go", type: "button", disabled: true, onclick: () => (sound.playing ? sound.pause() : sound.play()) }, T.speak.play);
    this.slider = h("input", { type: "range", min: "0", max: "1", step: "1", value: "0", disabled: true, "aria-label": T.long.position, oninput: () => sound.seek(Number(this.slider.value)) });
    this.marks = h("div", { class: "marks", "aria-hidden": "true" });
    this.where = h("span", { class: "where" });
    this.time = h("span", { class: "time" });
    this.element = h("footer", {}, h("div", { class: "deck long" }, this.button, h("div", { class: "line" }, this.slider, this.marks), this.time, h("div", { class: "row" }, this.where)));
    sound.addEventListener("change", () => this.draw());
    sound.addEventListener("trouble", ({ detail }) => { this.where.textContent = detail; });
    this.draw();
  }

  show(job) {
    this.chapters = job.chapters.filter((chapter) => chapter.start_seconds !== null);
    const drawn = JSON.stringify([this.chapters, this.sound.duration]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.marks.replaceChildren(...this.chapters.slice(1).map((chapter) => {
      const mark = h("i");
      mark.style.left = `${(100 * chapter.start_seconds) / this.sound.duration}%`;
      return mark;
    }));
    this.draw();
  }

  draw() {
    const { playing, duration } = this.sound;
    this.button.disabled = this.slider.disabled = duration === 0;
    this.button.textContent = playing ? T.speak.pause : T.speak.play;
    this.slider.max = String(Math.max(1, duration));
  }

  at(seconds) {
    const { duration, playing } = this.sound;
    this.slider.value = String(seconds);
    this.slider.setAttribute("aria-valuetext", longClock(seconds));
    this.time.textContent = `${longClock(seconds)} / ${longClock(duration)}`;
    const chapter = this.chapters.findLast((each) => each.start_seconds <= seconds);
    if (playing || !this.where.textContent) this.where.textContent = chapter ? T.long.heading(chapter) : T.long.nothingYet;
  }
}
