// The player at the bottom: speak and stop, the waveform, the takes, and ways to take them along.
import { call, url } from "./api.js";
import { button, clock, copy, h, link, toast } from "./dom.js";
import { recipes } from "./recipes.js";
import { T } from "./texts.js";
import { Waveform } from "./waveform.js";

export class Deck {
  constructor({ onGo, onTake, controls }) {
    this.onTake = onTake;
    this.controls = controls;
    this.go = h("button", { class: "go", type: "button", onclick: onGo, "aria-keyshortcuts": "Control+Enter", title: T.speak.keys }, T.speak.go);
    this.playButton = h("button", { class: "round", type: "button", disabled: true, "aria-label": T.speak.play, onclick: () => {
      const { sound } = this.take;
      if (sound.playing) sound.pause(); else sound.play();
    } }, "▶");
    this.wave = new Waveform({ label: T.speak.waveform, about: T.speak.empty, onSeek: (seconds) => this.take.sound.seek(seconds) });
    this.time = h("span", { class: "time" });
    this.row = h("div", { class: "row" });
    this.element = h("footer", {}, h("div", { class: "deck" }, this.go, this.playButton, this.wave.element, this.time, this.row));
    this.redraw = () => this.drawSound();
    this.drawRow();
  }

  busy(speaking) {
    this.go.textContent = speaking ? T.speak.stop : T.speak.go;
    this.element.classList.toggle("busy", speaking);
  }

  show(take, takes) {
    for (const kind of ["grown", "change"]) {
      this.take?.sound.removeEventListener(kind, this.redraw);
      take.sound.addEventListener(kind, this.redraw);
    }
    this.take = take;
    this.takes = takes;
    this.drawSound();
    this.drawRow();
  }

  // Draws at most once in a frame, however often sound comes.
  drawSound() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = null;
      const { sound, state } = this.take;
      const there = sound.duration;
      const length = sound.complete ? there : Math.max(this.take.expected, there * 1.02);
      this.playButton.disabled = there === 0;
      this.playButton.textContent = sound.playing ? "❚❚" : "▶";
      this.playButton.setAttribute("aria-label", sound.playing ? T.speak.pause : T.speak.play);
      this.wave.about.textContent = state === "speaking" ? T.speak.waiting : T.speak.empty;
      // Playing and pausing change nothing of the drawing.
      const drawn = `${this.takes.indexOf(this.take)} ${there} ${length}`;
      if (this.drawn !== drawn) this.wave.draw((bars) => sound.peaks(bars, length), length, there);
      this.drawn = drawn;
      if (this.shownState !== stateOf(this.take)) this.drawRow();
    });
  }

  at(position) {
    this.wave.at(position);
    this.time.textContent = this.wave.length ? `${clock(position)} / ${clock(this.wave.length)}` : "";
  }

  drawRow() {
    const { take } = this;
    this.shownState = take && stateOf(take);
    if (!take) return this.row.replaceChildren(h("span", {}, T.speak.keys));
    const chips = this.takes.map((each, index) => button([letter(index), each.body.voice].filter(Boolean).join(" · "), () => this.onTake(each), {
      "aria-pressed": String(each === take), title: T.speak.compare,
    }));
    const told = [
      T.speak.states[take.state],
      take.firstMs === undefined ? null : T.speak.firstSound(take.firstMs),
      take.rate === undefined ? null : T.speak.rate(take.rate.toFixed(1)),
    ].filter(Boolean).map((text) => h("span", {}, text));
    this.row.replaceChildren(h("span", {}, T.speak.takes), ...chips, ...told, ...(take.state === "done" ? [this.ways(take)] : []));
  }

  ways(take) {
    const { format } = this.controls;
    return h("span", { class: "right" },
      link(T.speak.download(format.toUpperCase()), () => this.download("url")),
      link(T.speak.captions, () => this.download("captions")),
      link(T.speak.link, async () => { const kept = await this.kept(); if (kept) copy(kept.url, T.copied); }),
      ...Object.entries(recipes(take.body, format)).map(([name, text]) => link(T.speak[name], () => copy(text, T.copied))));
  }

  // Has the server speak the take once more, by its seed, into a file that has an address.
  async kept() {
    const { take, controls: { format } } = this;
    take.kept ??= {};
    try {
      if (!take.kept[format]) {
        toast(T.speak.saving);
        take.kept[format] = await (await call("tts", { json: { ...take.body, format, type: "url", captions: ["vtt"] } })).json();
      }
      return take.kept[format];
    } catch (error) {
      toast(error.message, { failed: true });
      return null;
    }
  }

  async download(what) {
    const kept = await this.kept();
    if (!kept) return;
    const there = new URL(what === "url" ? kept.url : kept.captions.vtt);
    const name = there.pathname.split("/").at(-1);
    h("a", { href: url(`voice/${name}${there.search}`), download: name }).click();
  }
}

const letter = (index) => String.fromCharCode(65 + index);
const stateOf = (take) => `${take.state} ${take.firstMs} ${take.rate}`;
