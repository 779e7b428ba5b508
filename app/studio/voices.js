// The Voices view: the library as cards, and a form that makes a voice of recordings.
import { call, get, url } from "./api.js";
import { h, toast } from "./dom.js";
import { T } from "./texts.js";
import { hearButton } from "./voice_picker.js";

const UNDO_SECONDS = 8;

export class VoicesView {
  constructor() {
    this.player = new Audio();
    this.leaving = new Map();
    this.own = h("div", { class: "cards" });
    this.builtIn = h("div", { class: "cards" });
    this.element = h("main", { id: "main" }, h("h1", { class: "hidden" }, T.voices.title), this.form(),
      h("h2", {}, T.voices.own), this.own, h("h2", {}, T.voices.builtIn), this.builtIn);
    // Who closes the page has decided.
    addEventListener("pagehide", () => this.leaving.forEach((timer, name) => this.remove(name)));
  }

  async opened() {
    let voices;
    try {
      ({ voices } = await get("voices"));
    } catch (error) {
      this.builtIn.replaceChildren(h("p", { class: "problem", role: "alert" }, error.message));
      return;
    }
    const there = voices.filter((voice) => !this.leaving.has(voice.name));
    const isOwn = (voice) => voice.kind !== "built-in";
    const own = there.filter(isOwn).map((voice) => this.card(voice));
    this.own.replaceChildren(...(own.length ? own : [h("p", {}, T.voices.none)]));
    this.builtIn.replaceChildren(...there.filter((voice) => !isOwn(voice)).map((voice) => this.card(voice)));
  }

  card(voice) {
    const actions = h("div", { class: "row" }, hearButton(voice.name, this.player));
    if (voice.kind !== "built-in") {
      actions.append(
        h("a", { href: url(`voices/${encodeURIComponent(voice.name)}/export`), download: "", "aria-label": T.voices.exported(voice.name) }, T.voices.exportWord),
        h("button", { class: "plain", type: "button", "aria-label": T.voices.remove(voice.name), onclick: () => this.removeSoon(voice.name) }, T.voices.deleteWord));
    }
    return h("article", { class: "card" }, h("strong", {}, voice.name),
      h("p", {}, [voice.description, ...voice.tags].filter(Boolean).join(" · ") || voice.language || ""), actions);
  }

  // Deletes once the time to undo is over, so that nothing has to be brought back.
  removeSoon(name) {
    this.leaving.set(name, setTimeout(() => this.remove(name), UNDO_SECONDS * 1000));
    this.opened();
    toast(T.voices.removed(name), { undoText: T.voices.undo, undo: () => { clearTimeout(this.leaving.get(name)); this.leaving.delete(name); this.opened(); } });
  }

  async remove(name) {
    clearTimeout(this.leaving.get(name));
    this.leaving.delete(name);
    try {
      await call(`voices/${encodeURIComponent(name)}`, { method: "DELETE", keepalive: true });
    } catch (error) {
      toast(error.message, { failed: true });
      this.opened();
    }
  }

  form() {
    const told = h("p", { class: "problem", role: "alert" });
    const button = h("button", { class: "go" }, T.voices.save);
    const field = (label, props) => h("label", {}, label, h("input", { class: "field", ...props }));
    return h("form", { class: "make", onsubmit: async (event) => {
      event.preventDefault();
      const form = event.target;
      told.textContent = "";
      button.disabled = true;
      button.textContent = T.voices.saving;
      try {
        const made = await (await call("voices", { method: "POST", body: new FormData(form) })).json();
        toast([T.voices.made(made.name), ...(made.report?.warnings ?? [])].join(" "));
        form.reset();
        await this.opened();
      } catch (error) {
        told.textContent = error.message;
      } finally {
        button.disabled = false;
        button.textContent = T.voices.save;
      }
    } }, h("h2", {}, T.voices.make), field(T.voices.name, { name: "name", required: true }),
    field(T.voices.files, { name: "files", type: "file", multiple: true, required: true, accept: "audio/*,video/*,.safetensors" }),
    field(T.voices.description, { name: "description" }), field(T.voices.tags, { name: "tags" }),
    h("p", {}, T.voices.advice), told, h("div", {}, button));
  }
}
