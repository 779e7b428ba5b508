// A document before it is spoken: its chapters, who speaks them, and how long that takes.
import { get, post } from "./api.js";
import { dropZone, field, h, link, select } from "./dom.js";
import { T } from "./texts.js";

const FORMATS = ["m4b", "mp3", "opus", "flac", "wav"];
const ACCEPTED = ".txt,.md,.html,.htm,.epub,.docx,.pdf,.srt,.vtt,text/*";

export class BookForm {
  // `onStarted` is given the id of the job.
  constructor(onStarted) {
    this.onStarted = onStarted;
    this.element = h("section", { class: "book", "aria-label": T.long.make });
    this.empty();
  }

  empty(problem = "") {
    this.file = null;
    this.element.replaceChildren(
      h("h2", { class: "title" }, T.long.make), h("p", { class: "quiet" }, T.long.about),
      dropZone({ title: T.long.dropHere, about: T.long.formats, accept: ACCEPTED, onFiles: ([file]) => this.read(file) }),
      h("p", { class: "problem", role: "alert" }, problem));
  }

  async read(file) {
    this.file = file;
    this.element.replaceChildren(h("p", { class: "drop waiting", role: "status" }, T.long.reading(file.name)));
    const body = new FormData();
    body.append("document", file);
    try {
      const [preview, { voices }] = await Promise.all([post("documents", { body }), get("voices")]);
      if (this.file === file) this.show(preview, voices.map((voice) => voice.name));
    } catch (error) {
      this.empty(error.message);
    }
  }

  show(preview, voices) {
    this.preview = preview;
    this.key = null;
    const names = (first) => [["", first], ...voices.map((name) => [name, name])];
    this.chapters = preview.chapters.map((chapter, index) => this.chapter(chapter, index, names(T.long.sameVoice)));
    this.voice = select(names(T.long.usualVoice), localStorage.getItem("pocket-speech-voice") ?? "", {});
    this.format = select(FORMATS.map((name) => [name, name.toUpperCase()]), "m4b", {});
    this.files = select(Object.entries(T.long.files), "one", {});
    this.all = h("input", { type: "checkbox", checked: true, onchange: () => {
      this.chapters.forEach(({ box }) => { box.checked = this.all.checked; });
      this.draw();
    } });
    this.estimate = h("p", { class: "estimate", role: "status" });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.button = h("button", { class: "go" }, T.long.start);
    const form = h("form", { class: "bookform", onsubmit: (event) => { event.preventDefault(); this.start(); }, oninput: () => { this.key = null; } },
      h("h2", { class: "title" }, preview.title ?? this.file.name), preview.author ? h("p", { class: "quiet" }, preview.author) : "",
      h("div", { class: "choices" }, field(T.speak.voice, this.voice), field(T.speak.format, this.format), field(T.long.asFiles, this.files)),
      preview.chapters.length > 1 ? h("label", { class: "consent" }, this.all, T.long.allChapters) : "",
      h("ol", { class: "chapters" }, ...this.chapters.map(({ element }) => element)),
      this.estimate, this.problem, h("div", { class: "row" }, this.button, link(T.long.another, () => this.empty())));
    this.element.replaceChildren(form);
    this.draw();
  }

  chapter(chapter, index, names) {
    const heading = chapter.heading ?? T.long.chapter(index + 1);
    const box = h("input", { type: "checkbox", checked: true, "aria-label": heading, onchange: () => this.draw() });
    const voice = select(names, "", { "aria-label": T.long.voiceOf(heading) });
    const text = chapter.text.length > 600 ? `${chapter.text.slice(0, 600)} …` : chapter.text;
    const element = h("li", {}, h("label", {}, box, h("span", {}, heading)), h("span", { class: "quiet" }, T.span(chapter.audio_seconds)), voice,
      h("details", {}, h("summary", {}, T.long.look), h("p", { class: "excerpt" }, text)));
    return { box, voice, element };
  }

  get chosen() { return this.chapters.flatMap(({ box }, index) => (box.checked ? [index + 1] : [])); }

  draw() {
    const { chosen, preview } = this;
    const seconds = chosen.reduce((sum, number) => sum + preview.chapters[number - 1].audio_seconds, 0);
    const making = preview.making_seconds === null ? null : (preview.making_seconds * seconds) / (preview.audio_seconds || 1);
    this.all.checked = chosen.length === this.chapters.length;
    this.all.indeterminate = chosen.length > 0 && !this.all.checked;
    this.button.disabled = !chosen.length;
    this.estimate.textContent = chosen.length ? T.long.estimate(chosen.length, T.span(seconds), making && T.span(making)) : T.long.noChapter;
  }

  async start() {
    this.problem.textContent = "";
    this.button.disabled = true;
    // Sent twice, it is one job all the same.
    this.key ??= [...crypto.getRandomValues(new Uint32Array(4))].join("-");
    try {
      const { id } = await post("jobs", { body: this.body(), headers: { "Idempotency-Key": this.key } });
      this.empty();
      this.onStarted(id);
    } catch (error) {
      this.problem.textContent = error.message;
      this.button.disabled = false;
    }
  }

  body() {
    const body = new FormData();
    const voices = this.chapters.flatMap(({ box, voice }, index) => (box.checked && voice.value ? [[index + 1, voice.value]] : []));
    const asked = {
      document: this.file, format: this.format.value, files: this.files.value, voice: this.voice.value,
      chapters: this.chosen.length < this.chapters.length ? this.chosen.join(",") : "",
      chapter_voices: voices.length ? JSON.stringify(Object.fromEntries(voices)) : "",
      captions: this.files.value === "chapters" ? "srt" : "",
      title: this.preview.title ? "" : this.file.name.replace(/\.[^.]*$/, ""),
    };
    for (const [name, value] of Object.entries(asked)) if (value) body.append(name, value);
    return body;
  }
}
