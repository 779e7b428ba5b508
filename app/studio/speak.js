// The Speak view: a script, who speaks it and how, and the takes.
import { call } from "./api.js";
import { Controls } from "./controls.js";
import { Deck } from "./deck.js";
import { h, wait } from "./dom.js";
import { Refine } from "./refine.js";
import { ScriptBox } from "./script_box.js";
import { Take } from "./take.js";
import { T } from "./texts.js";
import { VoicePicker } from "./voice_picker.js";

const SCRIPT = "pocket-speech-script";
const VOICE = "pocket-speech-voice";
const PLAN_AFTER_MS = 300;
const TRY_AGAIN_MS = 2000;
const MAX_TAKES = 6;

export class SpeakView {
  constructor() {
    this.takes = [];
    this.box = new ScriptBox({
      onInput: () => { this.refine.leave(); this.refine.show(null); this.planSoon(); },
      onWord: (word) => this.take?.sound.seek(word.start),
    });
    this.box.text = localStorage.getItem(SCRIPT) ?? T.speak.first;
    this.refine = new Refine({ onChange: () => this.follow() });
    this.controls = new Controls(() => this.planSoon());
    this.picker = new VoicePicker(localStorage.getItem(VOICE), () => {
      localStorage.setItem(VOICE, this.picker.chosen);
      this.planSoon();
    });
    this.counts = h("span", {});
    this.problem = h("p", { class: "problem", role: "alert" });
    this.deck = new Deck({ onGo: () => (this.speaking ? this.speaking.stop() : this.speak()), onTake: (take) => this.compare(take), controls: this.controls });
    this.element = h("main", { class: "speak", id: "main" },
      h("section", {}, h("h1", { class: "hidden" }, T.views.speak), this.box.element, this.problem,
        h("div", { class: "under" }, this.counts, this.refine.line), this.refine.element),
      h("aside", { "aria-label": T.speak.voice }, this.picker.element, this.controls.element));
    this.onKey = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && !this.speaking) this.deck.go.click();
      if (event.key === "Escape" && this.speaking) this.speaking.stop();
    };
    this.tick = this.tick.bind(this);
  }

  async opened() {
    requestAnimationFrame(this.tick);
    document.addEventListener("keydown", this.onKey);
    // A server that has just been started still loads its model.
    while (this.element.isConnected) {
      try {
        await this.picker.load();
        break;
      } catch (error) {
        this.problem.textContent = error.message;
        await wait(TRY_AGAIN_MS);
      }
    }
    this.planSoon(0);
  }

  closed() {
    document.removeEventListener("keydown", this.onKey);
    this.speaking?.stop();
    this.take?.sound.pause();
  }

  planSoon(after = PLAN_AFTER_MS) {
    localStorage.setItem(SCRIPT, this.box.text);
    this.drawCounts();
    this.deck.go.disabled = !this.speaking && !this.box.text.trim();
    clearTimeout(this.planning);
    this.planAbort?.abort();
    this.planning = setTimeout(() => this.makePlan(), after);
  }

  async makePlan() {
    const script = this.box.text;
    this.problem.textContent = "";
    if (!script.trim()) return this.showPlan(null);
    const abort = (this.planAbort = new AbortController());
    try {
      const answer = await call("tts/plan", { json: { ...this.controls.body, script, voice: this.picker.chosen }, signal: abort.signal });
      const plan = await answer.json();
      if (this.box.text === script) this.showPlan(plan);
      if (plan.left_out.length) this.problem.textContent = T.speak.leftOut(plan.left_out.join(" "));
    } catch (error) {
      if (!abort.signal.aborted) this.problem.textContent = error.message;
    }
  }

  showPlan(plan) {
    this.box.showPlan(plan);
    this.refine.show(plan);
    this.drawCounts();
  }

  drawCounts() {
    const { plan } = this.box;
    const count = (value, name) => h("span", {}, h("b", {}, value), ` ${name}`);
    this.counts.replaceChildren(count([...this.box.text].length.toLocaleString("en"), T.speak.characters),
      ...(plan ? [count(String(plan.pieces.length), T.speak.pieces(plan.pieces.length)), h("span", {}, `${T.speak.about} `, h("b", {}, T.span(plan.audio_seconds)))] : []));
  }

  get body() {
    const edited = this.refine.text !== null;
    return {
      ...this.controls.body, script: this.refine.text ?? this.box.text, voice: this.picker.chosen,
      seed: this.controls.seed, ...(edited ? { normalize: false } : {}),
    };
  }

  async speak() {
    if (!this.controls.keepSeed) this.controls.roll();
    const take = new Take(this.body, { edited: this.refine.text !== null, expected: this.box.plan?.audio_seconds ?? 5 });
    this.speaking = take;
    // One of which nothing was heard is none.
    this.takes = [...this.takes.filter((each) => each.sound.samples), take].slice(-MAX_TAKES);
    this.problem.textContent = "";
    this.show(take);
    this.deck.busy(true);
    const wrong = await take.speak();
    this.speaking = null;
    this.deck.busy(false);
    if (wrong) this.problem.textContent = wrong;
    this.deck.show(this.take, this.takes);
  }

  // Lets another take be heard from the word at which the last one is.
  compare(take) {
    const from = take.sameWord(this.take, this.take.sound.playing ? this.take.sound.position : 0);
    this.show(take);
    if (take.sound.samples) take.sound.play(from);
  }

  show(take) {
    this.take?.sound.pause();
    this.take = take;
    this.follow();
    this.deck.show(take, this.takes);
  }

  // The words of what was changed before it was spoken are not those of the script.
  follow() {
    const { take } = this;
    this.box.follow(!take || take.edited || take.body.script !== this.box.text ? [] : take.words);
  }

  tick() {
    if (!this.element.isConnected) return;
    if (this.take) {
      const { position, playing } = this.take.sound;
      this.box.at(playing || position ? position : -1, playing);
      this.deck.at(position);
    }
    requestAnimationFrame(this.tick);
  }
}
