// Makes a voice: recordings that are dropped or recorded, trimmed, named and sent.
import { post } from "./api.js";
import { dropZone, field, h, toast } from "./dom.js";
import { Clip } from "./clip.js";
import { Recorder } from "./recorder.js";
import { reportOf } from "./voice_card.js";
import { T } from "./texts.js";

const ACCEPTED = "audio/*,video/*,.safetensors";

export class VoiceMaker {
  constructor(onMade) {
    this.onMade = onMade;
    this.clips = [];
    this.list = h("div", { class: "clips" });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.report = h("div", { role: "status" });
    this.button = h("button", { class: "go" }, T.maker.make);
    this.recorder = new Recorder((buffer) => this.add(new Clip(T.maker.recording(this.clips.length + 1), { buffer, onRemove: (clip) => this.remove(clip) })));
    const zone = dropZone({ title: T.maker.dropHere, about: T.maker.formats, accept: ACCEPTED, multiple: true, onFiles: (files) => this.take(files) });
    this.form = h("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); this.make(); } },
      field(T.maker.name, { name: "name", required: true, maxLength: 64, autocomplete: "off", oninput: () => this.draw() }),
      field(T.maker.description, { name: "description", autocomplete: "off" }),
      field(T.maker.tags, { name: "tags", autocomplete: "off" }),
      h("label", { class: "consent" }, h("input", { type: "checkbox", required: true }), h("span", {}, T.maker.consent)),
      this.problem, h("div", {}, this.button));
    this.element = h("section", { class: "make", "aria-label": T.maker.title },
      h("h2", {}, T.maker.title),
      h("div", { class: "sources" }, zone, this.recorder.element),
      h("details", { class: "tips" }, h("summary", {}, T.maker.adviceTitle), h("ul", {}, ...T.maker.advice.map((text) => h("li", {}, text)))),
      this.list, this.form, this.report);
    this.draw();
  }

  take(files) {
    for (const file of files) {
      const clip = new Clip(file.name, { file, onRemove: (each) => this.remove(each) });
      this.add(clip);
      clip.read();
    }
    const name = this.form.elements.name;
    if (!name.value) name.value = files[0].name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_.-]+/gu, "-").slice(0, 64);
  }

  add(clip) {
    this.clips.push(clip);
    this.list.append(clip.element);
    this.report.replaceChildren();
    this.draw();
  }

  remove(clip) {
    this.clips = this.clips.filter((each) => each !== clip);
    clip.element.remove();
    this.draw();
  }

  draw() {
    this.form.hidden = !this.clips.length;
    this.button.disabled = this.making === true;
    this.button.textContent = this.making ? T.maker.making : T.maker.make;
  }

  async make() {
    this.problem.textContent = "";
    this.making = true;
    this.draw();
    try {
      const form = new FormData(this.form);
      for (const clip of this.clips) form.append("files", clip.sent);
      const made = await post("voices", { body: form });
      toast(T.maker.made(made.name));
      this.report.replaceChildren(h("h3", {}, T.maker.done(made.name)), reportOf(made));
      this.clips = [];
      this.list.replaceChildren();
      this.form.reset();
      this.onMade();
    } catch (error) {
      this.problem.textContent = error.message;
    }
    this.making = false;
    this.draw();
  }

  closed() { this.recorder.stop(); }
}
