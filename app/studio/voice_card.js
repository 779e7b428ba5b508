// One voice of the library: who it is, and what can be done with it.
import { call, get, url, voicePath } from "./api.js";
import { field, h, link } from "./dom.js";
import { hearVoice } from "./hear.js";
import { T } from "./texts.js";
import { face } from "./voice_picker.js";

export class VoiceCard {
  // `mayChange` is whether it is somebody's own and the key is for voices.
  constructor(voice, { mayChange, onChanged, onDelete, onSpeak }) {
    Object.assign(this, { voice, mayChange, onChanged, onDelete, onSpeak });
    this.element = h("article", { class: "card", "aria-label": voice.name });
    this.show();
  }

  show() {
    const { voice } = this;
    const about = voice.spoken_by === voice.name ? voice.description : T.speak.inPlace(voice.spoken_by);
    const told = [about, voice.language, voice.reference_seconds && T.voices.recorded(voice.reference_seconds)];
    const speak = link(T.voices.speak, () => this.onSpeak(voice.name), { "aria-label": T.voices.speakWith(voice.name) });
    this.element.replaceChildren(
      h("div", { class: "cardhead" }, face(voice), h("div", {}, h("h3", {}, voice.name), h("p", {}, told.filter(Boolean).join(" · "))), this.mayChange ? "" : speak, hearVoice(voice.name)),
      voice.tags.length ? h("ul", { class: "tags", "aria-label": T.voices.tags }, ...voice.tags.map((tag) => h("li", {}, tag))) : "",
      this.mayChange ? h("div", { class: "row" }, speak, ...this.ways()) : "");
  }

  ways() {
    const { name } = this.voice;
    return [
      link(T.voices.edit, () => this.edit(), { "aria-label": T.voices.editing(name) }),
      h("a", { href: url(voicePath(name, "/export")), download: "", "aria-label": T.voices.exported(name) }, T.voices.export),
      link(T.delete, () => this.onDelete(name), { "aria-label": T.voices.remove(name) }),
      h("details", { class: "report", ontoggle: (event) => this.tell(event.target) }, h("summary", {}, T.voices.report)),
    ];
  }

  // What was done to its recordings is asked for when somebody wants to know.
  async tell(details) {
    if (!details.open || details.children.length > 1) return;
    try {
      details.append(reportOf(await get(voicePath(this.voice.name))));
    } catch (error) {
      details.append(h("p", { class: "problem" }, error.message));
    }
  }

  edit() {
    const { voice } = this;
    const problem = h("p", { class: "problem", role: "alert" });
    const input = (label, name, value) => field(label, { name, value, autocomplete: "off" });
    const form = h("form", { class: "fields", onsubmit: async (event) => {
      event.preventDefault();
      try {
        await call(voicePath(voice.name), { method: "PATCH", json: changes(new FormData(form), voice.name) });
        this.onChanged();
      } catch (error) {
        problem.textContent = error.message;
      }
    } },
    input(T.maker.name, "name", voice.name), input(T.maker.description, "description", voice.description ?? ""),
    input(T.maker.tags, "tags", voice.tags.join(", ")), input(T.voices.language, "language", voice.language ?? ""),
    problem, h("div", { class: "row" }, h("button", { class: "chip strong" }, T.save), link(T.cancel, () => this.show())));
    this.element.replaceChildren(form);
    form.elements.name.focus();
  }
}

function changes(form, name) {
  const said = (key) => form.get(key).trim() || null;
  const tags = form.get("tags").split(",").map((tag) => tag.trim()).filter(Boolean);
  const described = { description: said("description"), tags, language: said("language") };
  return said("name") === name ? described : { ...described, name: said("name") };
}

export function reportOf(voice) {
  const told = voice.report?.actions ?? [];
  return h("ul", { class: "advice" }, ...(told.length ? told : [T.voices.nothingDone]).map((text) => h("li", {}, text)));
}
