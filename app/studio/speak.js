// The Speak view: a script, who speaks it and how, and the takes.
import { call, events } from "./api.js";
import { Controls } from "./controls.js";
import { Deck } from "./deck.js";
import { h } from "./dom.js";
import { ScriptBox } from "./script_box.js";
import { Sound } from "./sound.js";
import { T } from "./texts.js";
import { VoicePicker } from "./voice_picker.js";

const SCRIPT = "pocket-speech-script";
const FIRST = "The ferry leaves the harbour at seven every evening. It costs $3.50 for children, and nobody has ever paid more. When the lamps along the wall go out, Dr. Marin rings the bell twice, and the boat turns slowly towards the open sea.";
const PLAN_AFTER_MS = 300;
const TRY_AGAIN_MS = 2000;
const MAX_TAKES = 6;

export class SpeakView {
  constructor() {
    this.takes = [];
    this.box = new ScriptBox({
      onInput: () => { this.reading = null; this.drawReading(); this.planSoon(); },
      onWord: (word) => this.take?.sound.seek(word.start),
    });
    this.box.text = localStorage.getItem(SCRIPT) ?? FIRST;
    this.controls = new Controls(() => this.planSoon());
    this.picker = new VoicePicker(localStorage.getItem("pocket-speech-voice"), () => {
      localStorage.setItem("pocket-speech-voice", this.picker.chosen);
      this.planSoon();
    });
    this.counts = h("span", { "aria-live": "off" });
    this.readout = h("span", { class: "reading" });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.refine = h("section", { class: "refine", hidden: true });
    this.deck = new Deck({ onGo: () => (this.speaking ? this.stop() : this.speak()), onTake: (take) => this.show(take), controls: this.controls });
    this.element = h("main", { class: "speak", id: "main" },
      h("section", {}, h("h2", { class: "hidden" }, T.speak.script), this.box.element, this.problem,
        h("div", { class: "under" }, this.counts, this.readout), this.refine),
      h("aside", { "aria-label": T.speak.voice }, this.picker.element, this.controls.element));
    this.element.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "Enter") this.deck.go.click();
    });
    this.tick = this.tick.bind(this);
  }

  async opened() {
    requestAnimationFrame(this.tick);
    // A server that has just been started still loads its model.
    while (this.element.isConnected) {
      try {
        await this.picker.load();
        break;
      } catch (error) {
        this.problem.textContent = error.message;
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      }
    }
    this.planSoon(0);
  }

  planSoon(after = PLAN_AFTER_MS) {
    localStorage.setItem(SCRIPT, this.box.text);
    this.drawCounts();
    clearTimeout(this.planning);
    this.planAbort?.abort();
    this.planning = setTimeout(() => this.makePlan(), after);
  }

  async makePlan() {
    const script = this.box.text;
    this.problem.textContent = "";
    if (!script.trim()) { this.box.showPlan(null); this.drawCounts(); this.drawReading(); return; }
    const abort = (this.planAbort = new AbortController());
    try {
      const answer = await call("tts/plan", { json: { ...this.controls.body, script, voice: this.picker.chosen }, signal: abort.signal });
      const plan = await answer.json();
      if (this.box.text === script) { this.box.showPlan(plan); this.drawCounts(); this.drawReading(); }
      if (plan.left_out.length) this.problem.textContent = T.speak.leftOut(plan.left_out.join(" "));
    } catch (error) {
      if (!abort.signal.aborted) this.problem.textContent = error.message;
    }
  }

  drawCounts() {
    const plan = this.box.plan;
    const parts = [h("b", {}, [...this.box.text].length.toLocaleString("en")), ` ${T.speak.characters}`];
    if (plan) parts.push(" \u2002 ", h("b", {}, String(plan.pieces.length)), ` ${T.speak.pieces} \u2002 ${T.speak.about} `, h("b", {}, `${Math.round(plan.audio_seconds)} s`));
    this.counts.replaceChildren(...parts);
  }

  drawReading() {
    const plan = this.box.plan;
    this.refine.hidden = this.reading === null || this.reading === undefined;
    if (!plan) { this.readout.replaceChildren(); return; }
    const changes = plan.pieces.flatMap((piece) => piece.changes).slice(0, 3);
    const told = changes.flatMap((each, index) => [index ? ", " : "", `${each.written} → `, h("b", {}, each.spoken)]);
    const edit = h("button", { class: "plain", type: "button", onclick: () => this.edit() }, T.speak.edit);
    this.readout.replaceChildren(...(changes.length ? [`${T.speak.read}: `, ...told] : [T.speak.asWritten]), " ", edit);
  }

  // Lets what will be read be changed; it is then spoken as it stands.
  edit() {
    this.reading = this.box.plan.pieces.map((piece) => (piece.voice ? `[${piece.voice}] ` : "") + piece.text + (piece.pause_seconds > 0.6 ? ` [pause ${piece.pause_seconds}s]` : "")).join("\n");
    const area = h("textarea", { "aria-label": T.speak.editing, oninput: () => { this.reading = area.value; } });
    area.value = this.reading;
    this.refine.replaceChildren(h("h2", {}, T.speak.editing), area,
      h("button", { class: "plain", type: "button", onclick: () => { this.reading = null; this.drawReading(); this.box.area.focus(); } }, T.speak.backToScript));
    this.refine.hidden = false;
    area.focus();
  }

  get body() {
    const edited = typeof this.reading === "string";
    return {
      ...this.controls.body, script: edited ? this.reading : this.box.text, voice: this.picker.chosen,
      seed: this.controls.seed, ...(edited ? { normalize: false } : {}),
    };
  }

  async speak() {
    if (!this.controls.keepSeed) this.controls.roll();
    const take = { body: this.body, edited: typeof this.reading === "string", words: [], sound: new Sound(), expected: this.box.plan?.audio_seconds ?? 5, state: "speaking" };
    this.takes = [...this.takes, take].slice(-MAX_TAKES);
    this.speaking = new AbortController();
    this.problem.textContent = "";
    this.show(take);
    this.deck.busy(true);
    const began = performance.now();
    try {
      take.sound.play(0); // made by the click, or browsers stay silent
      const answer = await call("tts", { json: { ...take.body, format: "pcm", stream: true, timestamps: "word" }, signal: this.speaking.signal });
      take.model = answer.headers.get("X-TTS-Model");
      await this.receive(take, answer, began);
      take.state = "done";
    } catch (error) {
      take.state = this.speaking.signal.aborted ? "stopped" : "failed";
      if (take.state === "failed") this.problem.textContent = take.sound.samples ? T.speak.broken(error.message) : error.message;
      if (!take.sound.samples) this.takes = this.takes.filter((each) => each !== take);
    } finally {
      take.sound.end();
      this.speaking = null;
      this.deck.busy(false);
      this.deck.show(this.take, this.takes);
    }
  }

  async receive(take, answer, began) {
    for await (const each of events(answer)) {
      if (each.audio) {
        take.firstMs ??= Math.round(performance.now() - began);
        take.sound.append(Uint8Array.from(atob(each.audio), (letter) => letter.charCodeAt(0)));
      }
      if (each.words) {
        take.words.push(...each.words);
        if (this.take === take && !take.edited) this.box.words = take.words;
      }
      if (each.type === "speech.audio.done") {
        take.rate = take.sound.duration / ((performance.now() - began) / 1000);
        return;
      }
    }
    throw new Error(T.offline);
  }

  stop() {
    this.speaking?.abort();
    this.take?.sound.pause();
  }

  show(take) {
    this.take?.sound.pause();
    this.take = take;
    this.box.follow(take.edited || take.body.script !== this.box.text ? [] : take.words);
    this.deck.show(take, this.takes);
  }

  tick() {
    if (!this.element.isConnected) return;
    if (this.take) {
      const position = this.take.sound.position;
      this.box.at(this.take.sound.playing || position ? position : -1);
      this.deck.at(position);
    }
    requestAnimationFrame(this.tick);
  }
}
