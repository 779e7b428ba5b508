// One long recording: how far it is, what can be done, its chapters, and its player.
import { post, url } from "./api.js";
import { h, link } from "./dom.js";
import { JobChapters } from "./job_chapters.js";
import { JobDeck } from "./job_deck.js";
import { JobSound } from "./job_sound.js";
import { JobWatch } from "./job_watch.js";
import { T } from "./texts.js";

const GOING_ON = ["queued", "speaking", "waiting"];
const CAPTIONS = ["srt", "vtt", "lrc"];

export class JobView {
  constructor(id, { onDelete }) {
    this.path = `jobs/${id}`;
    this.onDelete = onDelete;
    this.sound = new JobSound(`${this.path}/audio`);
    this.deck = new JobDeck(this.sound);
    this.chapters = new JobChapters(this.path, this.sound, () => this.watch.wake());
    this.head = h("div", { class: "jobhead" }, h("p", { class: "quiet" }, T.loading));
    this.problem = h("p", { class: "problem", role: "alert" });
    this.element = h("div", { class: "job" }, h("p", {}, h("a", { href: "#long" }, T.long.back)), this.head, this.problem, this.chapters.element);
    this.watch = new JobWatch(this.path, {
      onJob: (job) => { this.problem.textContent = ""; this.show(job); },
      onTrouble: (error) => { this.problem.textContent = error.message; },
    });
    requestAnimationFrame(() => this.tick());
  }

  close() {
    this.closed = true;
    this.watch.close();
    this.sound.pause();
  }

  tick() {
    if (this.closed) return;
    const { position } = this.sound;
    this.deck.at(position);
    this.chapters.at(position, this.sound.playing);
    requestAnimationFrame(() => this.tick());
  }

  show(job) {
    this.sound.there(job.heard_seconds, !GOING_ON.includes(job.state));
    this.deck.show(job);
    this.chapters.show(job);
    const drawn = JSON.stringify([job.state, job.reason, job.percent, job.seconds_left, job.title, job.output]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const focused = this.head.contains(document.activeElement) ? document.activeElement.textContent : null;
    this.head.replaceChildren(
      h("h1", { class: "title" }, nameOf(job)),
      h("p", { class: "quiet" }, [job.author, job.model && T.long.spokenBy(job.model)].filter(Boolean).join(" · ")),
      h("div", { class: "progress" }, h("progress", { max: 100, value: job.percent, "aria-label": T.long.progress(nameOf(job)) }),
        h("span", { class: `state ${job.state}`, role: "status" }, T.long.states[job.state])),
      h("p", {}, T.long.howFar(job)),
      job.reason ? h("p", { class: job.state === "failed" ? "problem" : "notice" }, job.reason) : "",
      h("div", { class: "row" }, ...this.ways(job)));
    if (focused) [...this.head.querySelectorAll("button, a")].find((each) => each.textContent === focused)?.focus();
  }

  ways(job) {
    const act = (what) => link(T.long[what], async () => {
      this.problem.textContent = "";
      try {
        this.show(await post(`${this.path}/${what}`));
        this.watch.soon();
      } catch (error) {
        this.problem.textContent = error.message;
      }
    });
    const goingOn = GOING_ON.includes(job.state);
    return [
      job.output ? h("a", { class: "go", href: url(`${this.path}/output`), download: job.output.filename }, T.long.download(job.output)) : "",
      goingOn ? act("pause") : "",
      ["paused", "failed", "waiting"].includes(job.state) ? act("resume") : "",
      goingOn || job.state === "paused" ? act("cancel") : "",
      ...(job.heard_seconds ? CAPTIONS.map((name) => h("a", { href: url(`${this.path}/captions.${name}`), download: `${nameOf(job)}.${name}` }, T.long.captions(name.toUpperCase()))) : []),
      link(T.delete, () => this.onDelete(job), { "aria-label": T.long.remove(nameOf(job)) }),
    ];
  }
}

export const nameOf = (job) => job.title ?? T.long.untitled;
