// The chapters of a long recording, each with its parts, which light up as they are heard.
import { get } from "./api.js";
import { h } from "./dom.js";
import { Part } from "./part.js";
import { T } from "./texts.js";

export class JobChapters {
  // `onChanged` is called when somebody has a part spoken anew.
  constructor(path, sound, onChanged) {
    Object.assign(this, { path, sound, onChanged, chapters: new Map() });
    this.element = h("div", { class: "chapterlist" });
  }

  show(job) {
    this.job = job;
    for (const chapter of job.chapters) {
      const shown = this.chapters.get(chapter.number) ?? this.add(chapter);
      shown.count.textContent = T.long.parts(chapter);
      if (shown.details.open && (shown.unspoken || shown.known !== chapterState(chapter, job))) this.load(shown);
      shown.known = chapterState(chapter, job);
    }
  }

  add(chapter) {
    const count = h("span", { class: "quiet" });
    const list = h("ol", { class: "parts" });
    const shown = { number: chapter.number, count, list, parts: new Map() };
    shown.details = h("details", { class: "chapter", ontoggle: () => { if (shown.details.open) this.load(shown); } },
      h("summary", {}, h("span", { class: "heading" }, T.long.heading(chapter)), count), list);
    shown.details.open = !this.chapters.size;
    this.chapters.set(chapter.number, shown);
    this.element.append(shown.details);
    return shown;
  }

  async load(shown) {
    try {
      const { segments } = await get(`${this.path}/segments?chapter=${shown.number}`);
      shown.unspoken = segments.some((segment) => !segment.done);
      for (const segment of segments) {
        const part = shown.parts.get(segment.number) ?? this.addPart(shown, segment);
        part.show(segment);
      }
    } catch (error) {
      if (!shown.parts.size) shown.list.replaceChildren(h("li", { class: "problem" }, error.message));
    }
  }

  addPart(shown, segment) {
    const part = new Part(`${this.path}/segments/${segment.number}`, { sound: this.sound, onChanged: () => { this.load(shown); this.onChanged(); } });
    if (!shown.parts.size) shown.list.replaceChildren();
    shown.parts.set(segment.number, part);
    shown.list.append(part.element);
    return part;
  }

  // Lights what is heard, and opens the chapter that begins.
  at(seconds, playing) {
    const heard = this.job?.chapters.findLast((chapter) => chapter.start_seconds !== null && chapter.start_seconds <= seconds)?.number;
    if (playing && heard !== this.heard) {
      this.heard = heard;
      if (heard) this.chapters.get(heard).details.open = true;
    }
    for (const { details, parts } of this.chapters.values()) {
      if (!details.open) continue;
      for (const part of parts.values()) part.light((playing || seconds > 0) && part.holds(seconds), playing);
    }
  }
}

const chapterState = (chapter, job) => `${chapter.segments_done} ${chapter.start_seconds} ${job.state}`;
