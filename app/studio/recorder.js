// Lets somebody record: a button, a level that says whether it is loud enough, and the time.
import { clock, h } from "./dom.js";
import { Microphone } from "./microphone.js";
import { T } from "./texts.js";

const MOST_SECONDS = 60;
const FALL = 0.9;
const FLOOR_DB = -50;

export class Recorder {
  // `onRecording` is given an AudioBuffer.
  constructor(onRecording) {
    this.onRecording = onRecording;
    this.button = h("button", { type: "button", class: "record", onclick: () => (this.microphone ? this.stop() : this.start()) }, T.maker.record);
    this.meter = h("meter", { min: 0, max: 1, low: 0.35, high: 0.97, optimum: 0.6, value: 0, "aria-label": T.maker.level });
    this.time = h("span", { class: "time" });
    this.about = h("p", { class: "quiet" }, T.maker.recordAbout);
    this.live = h("div", { class: "level", hidden: true }, this.meter, this.time);
    this.problem = h("p", { class: "problem", role: "alert" });
    this.element = h("div", { class: "recorder" }, this.button, this.about, this.live, this.problem);
  }

  async start() {
    this.problem.textContent = "";
    this.button.disabled = true;
    const microphone = new Microphone((level, seconds) => this.heard(level, seconds));
    try {
      await microphone.start();
      if (this.element.isConnected) {
        this.microphone = microphone;
        this.show(true);
      } else await microphone.stop(); // the view was left before the browser had its answer
    } catch (error) {
      this.problem.textContent = error.message;
    }
    this.button.disabled = false;
  }

  heard(level, seconds) {
    const share = Math.max(0, 1 - (20 * Math.log10(level + 1e-9)) / FLOOR_DB);
    this.meter.value = Math.max(share, this.meter.value * FALL);
    this.time.textContent = clock(seconds);
    if (seconds >= MOST_SECONDS) this.stop();
  }

  async stop() {
    const { microphone } = this;
    if (!microphone) return;
    this.microphone = null;
    this.show(false);
    this.onRecording(await microphone.stop());
  }

  show(recording) {
    this.button.textContent = recording ? T.maker.stop : T.maker.record;
    this.button.classList.toggle("on", recording);
    this.live.hidden = !recording;
    this.about.hidden = recording;
  }
}
