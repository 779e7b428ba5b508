// Lists the voices, finds one by name, tag or description, and lets it be heard.
import { get, url } from "./api.js";
import { h, toast } from "./dom.js";
import { T } from "./texts.js";

export class VoicePicker {
  constructor(chosen, onChange) {
    this.chosen = chosen;
    this.onChange = onChange;
    this.list = h("div", { class: "voicelist", role: "radiogroup", "aria-label": T.speak.voice });
    this.search = h("input", { class: "field", type: "search", "aria-label": T.speak.search(""), oninput: () => this.draw() });
    this.element = h("section", {}, h("h2", {}, T.speak.voice), this.search, this.list);
    this.player = new Audio();
    this.voices = [];
  }

  async load() {
    this.voices = (await get("voices")).voices;
    if (!this.voices.some((voice) => voice.name === this.chosen)) this.chosen = this.voices[0]?.name;
    this.search.placeholder = T.speak.search(this.voices.length);
    this.draw();
  }

  draw() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.voices.filter((voice) =>
      [voice.name, voice.title, voice.description, ...voice.tags].join(" ").toLowerCase().includes(wanted));
    this.list.replaceChildren(...found.map((voice) => this.row(voice)));
    if (!found.length) this.list.append(h("p", {}, T.speak.noVoice));
  }

  row(voice) {
    const kind = voice.kind === "built-in" ? T.speak.builtIn : T.speak.yours;
    const about = voice.spoken_by === voice.name ? voice.description : T.speak.inPlace(voice.spoken_by);
    return h("div", { class: "voice" },
      h("label", {},
        h("input", { type: "radio", name: "voice", value: voice.name, checked: voice.name === this.chosen,
          onchange: () => { this.chosen = voice.name; this.onChange(); } }),
        h("span", { class: "face", "aria-hidden": "true" }, voice.name[0].toUpperCase()),
        h("span", {}, voice.name, h("small", {}, [about, kind].filter(Boolean).join(" · ")))),
      hearButton(voice.name, this.player));
  }
}

export function hearButton(name, player) {
  return h("button", { class: "hear", type: "button", "aria-label": T.speak.preview(name), onclick: () => {
    player.src = url(`voices/${encodeURIComponent(name)}/preview`);
    player.play().catch((error) => { if (error.name !== "AbortError") toast(error.message, { failed: true }); });
  } }, "▶");
}
