// The Voices view: make a voice, the library as cards, and how words are said.
import { call, get, voicePath } from "./api.js";
import { h } from "./dom.js";
import { Pronunciations } from "./pronunciations.js";
import { T } from "./texts.js";
import { Leaving } from "./undo.js";
import { VoiceCard } from "./voice_card.js";
import { VoiceMaker } from "./voice_maker.js";
import { matching } from "./voice_picker.js";

export class VoicesView {
  constructor(session) {
    this.mayChange = session.scopes.includes("voices");
    this.voices = null;
    this.leaving = new Leaving((name) => call(voicePath(name), { method: "DELETE", keepalive: true }), () => this.load());
    this.maker = new VoiceMaker(() => this.load());
    this.words = new Pronunciations(this.mayChange);
    this.problem = h("p", { class: "problem", role: "alert" });
    this.search = h("input", { class: "field search", type: "search", "aria-label": T.voices.search, placeholder: T.voices.search, oninput: () => this.draw() });
    this.own = h("div", { class: "cards" });
    this.builtIn = h("div", { class: "cards" });
    this.element = h("main", { id: "main" }, h("h1", { class: "hidden" }, T.views.voices),
      this.mayChange ? this.maker.element : h("p", { class: "quiet" }, T.voices.notYours),
      this.problem, this.search,
      h("h2", {}, T.voices.own), this.own, h("h2", {}, T.voices.builtIn), this.builtIn, this.words.element);
  }

  async opened() {
    this.own.replaceChildren(h("p", { class: "quiet" }, T.loading));
    await Promise.all([this.load(), this.words.load()]);
  }

  closed() { this.maker.closed(); }

  async load() {
    try {
      ({ voices: this.voices } = await get("voices"));
      this.problem.textContent = "";
    } catch (error) {
      this.problem.textContent = error.message;
      this.voices ??= [];
    }
    this.draw();
  }

  draw() {
    const found = matching(this.voices, this.search.value).filter((voice) => !this.leaving.has(voice.name));
    const isOwn = (voice) => voice.kind !== "built-in";
    const cards = (voices, none) => (voices.length ? voices.map((voice) => this.card(voice)) : [h("p", { class: "quiet" }, none)]);
    const none = this.search.value ? T.speak.noVoice : T.voices.none;
    this.own.replaceChildren(...cards(found.filter(isOwn), none));
    this.builtIn.replaceChildren(...cards(found.filter((voice) => !isOwn(voice)), T.speak.noVoice));
  }

  card(voice) {
    return new VoiceCard(voice, {
      mayChange: this.mayChange && voice.kind !== "built-in",
      onChanged: () => this.load(),
      onDelete: (name) => this.leaving.soon(name, name),
      onSpeak: (name) => { localStorage.setItem("pocket-speech-voice", name); location.hash = "speak"; },
    }).element;
  }
}
