// Lists the voices, finds one by name, tag or description, and lets it be heard.
import { get } from "./api.js";
import { h } from "./dom.js";
import { hearVoice } from "./hear.js";
import { T } from "./texts.js";

export class VoicePicker {
  constructor(chosen, onChange) {
    this.chosen = chosen;
    this.onChange = onChange;
    this.list = h("div", { class: "voicelist", role: "radiogroup", "aria-label": T.speak.voice }, h("p", { class: "quiet" }, T.loading));
    this.search = h("input", { class: "field", type: "search", "aria-label": T.speak.search(""), oninput: () => this.draw() });
    this.element = h("section", {}, h("h2", {}, T.speak.voice), this.search, this.list);
    this.voices = [];
  }

  async load() {
    const [{ voices }, { default_voice: usual }] = await Promise.all([get("voices"), get("")]);
    this.voices = voices;
    const named = (name) => voices.find((voice) => voice.name === name)?.name;
    this.chosen = named(this.chosen) ?? named(usual) ?? voices[0]?.name;
    this.search.placeholder = T.speak.search(this.voices.length);
    this.draw();
    const chosen = this.list.querySelector(":checked");
    if (chosen) this.list.scrollTop = chosen.closest(".voice").offsetTop - this.list.offsetTop;
  }

  draw() {
    const found = matching(this.voices, this.search.value);
    this.list.replaceChildren(...found.map((voice) => this.row(voice)));
    if (!found.length) this.list.append(h("p", { class: "quiet" }, T.speak.noVoice));
  }

  row(voice) {
    const kind = voice.kind === "built-in" ? T.speak.builtIn : T.speak.yours;
    const about = voice.spoken_by === voice.name ? voice.description : T.speak.inPlace(voice.spoken_by);
    return h("div", { class: "voice" },
      h("label", {},
        h("input", { type: "radio", name: "voice", value: voice.name, checked: voice.name === this.chosen,
          onchange: () => { this.chosen = voice.name; this.onChange(); } }),
        face(voice),
        h("span", {}, voice.name, h("small", {}, [about, kind].filter(Boolean).join(" · ")))),
      hearVoice(voice.name));
  }
}

export const face = (voice) => h("span", { class: "face", "aria-hidden": "true" }, [...voice.name][0].toUpperCase());

export function matching(voices, wanted) {
  const words = wanted.trim().toLowerCase().split(/\s+/);
  return voices.filter((voice) => {
    const told = [voice.name, voice.title, voice.description, ...voice.tags].join(" ").toLowerCase();
    return words.every((word) => told.includes(word));
  });
}
