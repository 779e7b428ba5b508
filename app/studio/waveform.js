// Draws a waveform, and is a slider over it for who has no mouse or does not see.
import { clock, h } from "./dom.js";
import WaveSurfer from "./vendor/wavesurfer.esm.js";

const BAR_PX = 5;
const MOST_BARS = 400;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colors = () => ({ waveColor: color("--wave"), progressColor: color("--accent") });
const nonce = document.querySelector("meta[name=csp-nonce]")?.content;

export class Waveform {
  constructor({ label, onSeek = () => {}, about = "" }) {
    this.onSeek = onSeek;
    this.about = h("p", {}, about);
    this.canvas = h("div", { class: "surface" });
    this.slider = h("input", { class: "hidden", type: "range", min: "0", max: "1", step: "0.1", value: "0", disabled: true, "aria-label": label, oninput: () => onSeek(Number(this.slider.value)) });
    this.element = h("div", { class: "wave" }, this.canvas, this.slider, this.about);
    this.length = 0;
  }

  // `peaks(count)` gives the amplitude of so many bars over `length` seconds; `there` have come.
  draw(peaks, length, there = length) {
    this.length = length;
    this.about.hidden = there > 0;
    this.slider.disabled = there === 0;
    this.slider.max = String(there);
    this.canvas.hidden = there === 0;
    if (!there) return;
    const bars = Math.max(20, Math.min(MOST_BARS, Math.floor(this.canvas.clientWidth / BAR_PX)));
    this.surf().load("", [peaks(bars)], length);
  }

  surf() {
    if (this.surfer) return this.surfer;
    this.surfer = WaveSurfer.create({
      container: this.canvas, height: "auto", barWidth: 3, barGap: 2, barRadius: 2, barMinHeight: 3,
      cursorWidth: 0, interact: true, normalize: true, cspNonce: nonce, ...colors(),
    });
    this.surfer.on("click", (share) => this.onSeek(share * this.length));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.surfer.setOptions(colors()));
    return this.surfer;
  }

  at(seconds) {
    if (!this.length) return;
    this.surfer?.getRenderer().renderProgress(Math.min(1, seconds / this.length), false);
    this.slider.value = String(seconds);
    this.slider.setAttribute("aria-valuetext", clock(seconds));
  }
}
