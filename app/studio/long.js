// The Long view: a document to be made a recording of, the recordings there are, and one of them.
import { call, get } from "./api.js";
import { BookForm } from "./book_form.js";
import { h, wait } from "./dom.js";
import { JobView, nameOf } from "./job_view.js";
import { T } from "./texts.js";
import { Leaving } from "./undo.js";

const LOOK_MS = 2000;

export class LongView {
  constructor(session) {
    this.allowed = session.scopes.includes("jobs");
    this.leaving = new Leaving((id) => call(`jobs/${id}`, { method: "DELETE", keepalive: true }), () => this.draw());
    this.jobs = null;
    this.form = new BookForm((id) => { location.hash = `long/${id}`; });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.list = h("ul", { class: "jobs" });
    this.overview = h("div", {}, h("h1", { class: "hidden" }, T.views.long), this.form.element, h("h2", {}, T.long.there), this.problem, this.list);
    this.element = h("main", { id: "main" });
  }

  // `id` names the job that is looked at; all are listed without.
  opened(id) {
    this.closed();
    if (!this.allowed) return this.element.replaceChildren(h("p", { class: "quiet" }, T.long.notYours));
    if (!id) {
      this.element.replaceChildren(this.overview);
      return this.look();
    }
    this.job = new JobView(id, { onDelete: (job) => { location.hash = "long"; this.leaving.soon(job.id, nameOf(job)); } });
    this.element.replaceChildren(this.job.element);
  }

  get deck() { return this.job?.deck; }

  closed() {
    this.job?.close();
    this.job = null;
  }

  async look() {
    if (this.looking) return;
    this.looking = true;
    while (this.overview.isConnected) {
      try {
        ({ jobs: this.jobs } = await get("jobs"));
        this.problem.textContent = "";
      } catch (error) {
        this.problem.textContent = error.message;
      }
      this.draw();
      await wait(LOOK_MS);
    }
    this.looking = false;
  }

  draw() {
    if (!this.jobs) return this.list.replaceChildren(h("li", { class: "quiet" }, this.problem.textContent ? "" : T.loading));
    const there = this.jobs.filter((job) => !this.leaving.has(job.id));
    // What stays as it is stays in place, so that the focus does.
    const drawn = JSON.stringify(there.map((job) => [job.id, job.state, job.percent, job.seconds_left]));
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const focused = this.list.contains(document.activeElement) ? document.activeElement.hash : null;
    this.list.replaceChildren(...(there.length ? there.map(row) : [h("li", { class: "quiet" }, T.long.none)]));
    if (focused) this.list.querySelector(`[href="${focused}"]`)?.focus();
  }
}

const row = (job) => h("li", {}, h("a", { href: `#long/${job.id}` },
  h("strong", {}, nameOf(job)), h("span", { class: `state ${job.state}` }, T.long.states[job.state]),
  h("progress", { max: 100, value: job.percent, "aria-label": T.long.progress(nameOf(job)) }),
  h("span", { class: "quiet" }, T.long.howFar(job))));
