// One recording for a voice: heard, trimmed on its waveform, and judged before it is sent.
import { adviceOn } from "./advice.js";
import { clock, h, link } from "./dom.js";
import { hearButton } from "./hear.js";
import { loudest } from "./microphone.js";
import { T } from "./texts.js";
import { wavOf } from "./wav.js";
import { Waveform } from "./waveform.js";

const STEP_SECONDS = 0.05;
const LEAST_SECONDS = 0.5;

export class Clip {
  // `file` is sent as it is where nothing is trimmed; a recording of this page has a buffer only.
  constructor(name, { file, buffer, onRemove }) {
    Object.assign(this, { name, file });
    this.title = h("strong", {}, name);
    this.about = h("span", { class: "quiet" });
    this.told = h("ul", { class: "advice", "aria-live": "polite" });
    this.body = h("div");
    this.element = h("article", { class: "clip", "aria-label": name },
      h("div", { class: "cliphead" }, hearButton(T.speak.preview(name), () => URL.createObjectURL(this.sent)), this.title, this.about,
        link(T.remove, () => onRemove(this), { "aria-label": T.maker.drop(name) })),
      this.body, this.told);
    if (buffer) this.take(buffer);
  }

  // Reads a file that was dropped; what the browser cannot read, the server may.
  async read() {
    const context = new OfflineAudioContext(1, 1, 24000);
    try {
      this.take(await context.decodeAudioData(await this.file.arrayBuffer()));
    } catch {
      this.about.textContent = T.maker.unread;
    }
  }

  take(buffer) {
    this.rate = buffer.sampleRate;
    this.samples = buffer.getChannelData(0);
    this.seconds = buffer.duration;
    this.from = 0;
    this.to = this.seconds;
    this.wave = new Waveform({ label: T.maker.wave(this.name) });
    this.wave.slider.remove(); // the two ends are sliders themselves
    this.shade = h("div", { class: "shade", "aria-hidden": "true" });
    this.ends = ["from", "to"].map((end) => this.slider(end));
    this.wave.element.append(this.shade, ...this.ends);
    this.body.replaceChildren(this.wave.element);
    this.draw();
    requestAnimationFrame(() => this.wave.draw((bars) => this.peaks(bars), this.seconds));
  }

  slider(end) {
    const slider = h("input", { type: "range", class: `end ${end}`, min: "0", max: String(this.seconds), step: String(STEP_SECONDS), "aria-label": T.maker[end](this.name), oninput: () => {
      const wanted = Number(slider.value);
      this[end] = end === "from" ? Math.min(wanted, this.to - LEAST_SECONDS) : Math.max(wanted, this.from + LEAST_SECONDS);
      this.draw();
    } });
    return slider;
  }

  draw() {
    for (const [index, end] of ["from", "to"].entries()) {
      this.ends[index].value = String(this[end]);
      this.ends[index].setAttribute("aria-valuetext", clock(this[end]));
    }
    const share = (seconds) => `${(100 * seconds) / this.seconds}%`;
    this.shade.style.setProperty("--from", share(this.from));
    this.shade.style.setProperty("--to", share(this.to));
    this.about.textContent = T.maker.length(clock(this.to - this.from), this.trimmed ? clock(this.seconds) : null);
    this.told.replaceChildren(...adviceOn(this.chosen, this.rate).map((text) => h("li", {}, text)));
  }

  get trimmed() { return this.samples && (this.from > STEP_SECONDS || this.to < this.seconds - STEP_SECONDS); }
  get chosen() { return this.samples.subarray(Math.round(this.from * this.rate), Math.round(this.to * this.rate)); }

  // What is heard here is what is sent.
  get sent() {
    if (this.file && !this.trimmed) return this.file;
    return new File([wavOf(this.chosen, this.rate)], `${this.name.replace(/\.[^.]*$/, "")}.wav`, { type: "audio/wav" });
  }

  peaks(count) {
    const width = this.samples.length / count;
    return Float32Array.from({ length: count }, (_, i) =>
      loudest(this.samples.subarray(Math.floor(i * width), Math.floor((i + 1) * width))));
  }
}
