// The player at the bottom: speak and stop, the waveform, the takes, and ways to take them along.
import { call, url } from "./api.js";
import { clock, h, toast } from "./dom.js";
import { T } from "./texts.js";
import WaveSurfer from "./vendor/wavesurfer.esm.js";

const BARS = 200;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Deck {
  constructor({ onGo, onTake, controls }) {
    this.onTake = onTake;
    this.controls = controls;
    this.go = h("button", { class: "go", type: "button", onclick: onGo }, T.speak.go);
    this.playButton = h("button", { class: "round", type: "button", disabled: true, "aria-label": T.speak.play, onclick: () => {
      const { sound } = this.take;
      if (sound.playing) sound.pause(); else sound.play();
    } }, "▶");
    this.empty = h("p", {}, T.speak.empty);
    this.canvas = h("div", { class: "surface" });
    this.slider = h("input", { class: "hidden", type: "range", min: "0", max: "1", step: "0.1", value: "0", disabled: true, "aria-label": T.speak.waveform, oninput: (event) => this.take?.sound.seek(Number(event.target.value)) });
    this.wave = h("div", { class: "wave" }, this.empty, this.canvas, this.slider);
    this.time = h("span", { class: "time" });
    this.row = h("div", { class: "row" });
    this.element = h("footer", {}, h("div", { class: "deck" }, this.go, this.playButton, this.wave, this.time, this.row));
    this.redraw = () => this.drawSound();
    this.drawRow();
  }

  busy(speaking) {
    this.go.textContent = speaking ? T.speak.stop : T.speak.go;
  }

  show(take, takes) {
    this.take?.sound.removeEventListener("grown", this.redraw);
    this.take?.sound.removeEventListener("change", this.redraw);
    this.take = take;
    this.takes = takes;
    take.sound.addEventListener("grown", this.redraw);
    take.sound.addEventListener("change", this.redraw);
    this.drawSound();
    this.drawRow();
  }

  // Draws at most once in a frame, however often sound comes.
  drawSound() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      const { sound } = this.take;
      this.length = sound.complete ? sound.duration : Math.max(this.take.expected, sound.duration * 1.02);
      this.empty.hidden = sound.samples > 0;
      this.playButton.disabled = this.slider.disabled = sound.samples === 0;
      this.playButton.textContent = sound.playing ? "❚❚" : "▶";
      this.playButton.setAttribute("aria-label", sound.playing ? T.speak.pause : T.speak.play);
      this.slider.max = String(sound.duration);
      if (sound.samples) this.surf().load("", [sound.peaks(BARS, this.length)], this.length);
      if (this.shownState !== `${this.take.state}${this.take.firstMs}`) this.drawRow();
    });
  }

  surf() {
    if (!this.surfer) {
      this.surfer = WaveSurfer.create({
        container: this.canvas, height: this.wave.clientHeight, barWidth: 3, barGap: 2, barRadius: 2, barMinHeight: 2,
        waveColor: color("--edge"), progressColor: color("--accent"), cursorWidth: 0, interact: true, normalize: true,
      });
      this.surfer.on("interaction", () => {});
      this.surfer.on("click", (x) => this.take.sound.seek(x * this.length));
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
        this.surfer.setOptions({ waveColor: color("--edge"), progressColor: color("--accent") }));
    }
    return this.surfer;
  }

  at(position) {
    if (!this.length) return;
    this.surfer?.getRenderer().renderProgress(Math.min(1, position / this.length), false);
    this.time.textContent = `${clock(position)} / ${clock(this.length)}`;
    this.slider.value = String(position);
    this.slider.setAttribute("aria-valuetext", clock(position));
  }

  drawRow() {
    const take = this.take;
    this.shownState = take && `${take.state}${take.firstMs}`;
    if (!take) { this.row.replaceChildren(); return; }
    const chips = this.takes.map((each, index) => h("button", {
      class: "chip", type: "button", "aria-pressed": String(each === take), onclick: () => { this.onTake(each); if (each.sound.complete) each.sound.play(0); },
    }, String.fromCharCode(65 + index)));
    const told = [
      take.state === "speaking" ? T.speak.making : take.state === "stopped" ? T.speak.stopped : null,
      take.firstMs === undefined ? null : T.speak.firstSound(take.firstMs),
      take.rate === undefined ? null : T.speak.rate(take.rate.toFixed(1)),
    ].filter(Boolean).map((text) => h("span", {}, text));
    const link = (text, act) => h("button", { class: "plain", type: "button", onclick: act }, text);
    const right = take.state === "done" ? h("span", { class: "right" },
      link(T.speak.download(this.controls.format.toUpperCase()), () => this.download("url")),
      link(T.speak.captions, () => this.download("captions")),
      link(T.speak.link, async () => { const kept = await this.kept(); if (kept) copy(kept.url); }),
      ...Object.entries(recipes(take, this.controls.format)).map(([name, text]) => link(T.speak[name], () => copy(text)))) : null;
    this.row.replaceChildren(T.speak.takes, ...chips, ...told, ...(right ? [right] : []));
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

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(T.speak.copied);
  } catch {
    toast(text); // a page that came without TLS may not write to the clipboard
  }
}

function recipes(take, format) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const body = JSON.stringify({ ...take.body, format });
  const { script, voice, ...extra } = take.body;
  return {
    curl: `curl --fail-with-body ${url("tts")} -H "API_KEY: $API_KEY" -H 'Content-Type: application/json' -d ${quoted(body)} -o speech.${format}`,
    python: `import json, os, urllib.request\n\nbody = json.loads(${JSON.stringify(body)})\nrequest = urllib.request.Request(\n    ${JSON.stringify(url("tts"))}, json.dumps(body).encode(),\n    {"API_KEY": os.environ["API_KEY"], "Content-Type": "application/json"},\n)\nopen("speech.${format}", "wb").write(urllib.request.urlopen(request).read())\n`,
    sdk: `import json, os\n\nfrom openai import OpenAI\n\nclient = OpenAI(base_url=${JSON.stringify(url("v1"))}, api_key=os.environ["API_KEY"])\nwith client.audio.speech.with_streaming_response.create(\n    model="pocket-tts", voice=${JSON.stringify(voice)}, input=${JSON.stringify(script)},\n    response_format=${JSON.stringify(format)}, extra_body=json.loads(${JSON.stringify(JSON.stringify(extra))}),\n) as response:\n    response.stream_to_file("speech.${format}")\n`,
  };
}
