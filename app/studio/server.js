// The Server view: how the server is, live.
import { call, events, post } from "./api.js";
import { bars, KEPT, line } from "./charts.js";
import { button, h, toast, wait } from "./dom.js";
import { T } from "./texts.js";

const TRY_AGAIN_MS = 1000;
const BARS = 40;

export class ServerView {
  constructor(session) {
    this.histories = { rows: [], queue: [], rate: [], memory: [] };
    this.standIn = h("section", { class: "standin", role: "status", hidden: true });
    this.facts = h("div", { class: "facts" }, h("p", { class: "quiet" }, T.loading));
    this.chart = h("div", { class: "fact chart" });
    this.rows = h("tbody");
    this.problem = h("p", { class: "problem", role: "alert" });
    this.reload = button(T.server.reload, () => this.reloadModel(), { hidden: !session.scopes.includes("admin") });
    this.element = h("main", { id: "main" }, h("h1", { class: "hidden" }, T.views.server), this.standIn, this.facts,
      h("div", { class: "row" }, this.reload, this.problem),
      h("h2", { class: "group" }, T.server.recent), this.chart,
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": T.server.recent },
        h("table", {}, h("thead", {}, h("tr", {}, ...T.server.columns.map((name) => h("th", { scope: "col" }, name)))), this.rows)),
      h("section", { class: "group row" }, h("span", {}, T.key.whose(session.caller)), session.key_needed ? button(T.key.leave, forget) : ""));
  }

  async opened() {
    while (this.element.isConnected) {
      this.abort = new AbortController();
      try {
        for await (const now of events(await call("server/events", { signal: this.abort.signal }))) this.draw(now);
      } catch (error) {
        if (this.abort.signal.aborted) return;
        this.facts.replaceChildren(fact(T.server.state, T.server.gone, error.message));
      }
      await wait(TRY_AGAIN_MS);
    }
  }

  closed() { this.abort?.abort(); }

  async reloadModel() {
    this.problem.textContent = "";
    this.reload.disabled = true;
    try {
      await post("server/reload");
      toast(T.server.reloading);
    } catch (error) {
      this.problem.textContent = error.message;
    }
    this.reload.disabled = false;
  }

  draw(now) {
    const { model, engine } = now;
    const { wanted } = model;
    this.standIn.hidden = !wanted;
    if (wanted) this.standIn.replaceChildren(h("strong", {}, T.standIn(wanted.name, model.name)), h("p", {}, wanted.reason ?? wanted.state));
    const last = this.last;
    this.last = now;
    const passed = last ? now.uptime_seconds - last.uptime_seconds : 0;
    const rate = passed > 0 ? Math.max(0, (now.spoken_seconds - last.spoken_seconds) / passed) : 0;
    const numbers = { rows: engine?.running_rows ?? 0, queue: engine?.queued_jobs ?? 0, rate, memory: (now.memory_bytes ?? 0) / 1e6 };
    for (const [name, value] of Object.entries(numbers)) this.histories[name] = [...this.histories[name], value].slice(-KEPT);
    this.facts.replaceChildren(
      fact(T.server.state, T.server.states[model.state] ?? model.state, now.reason ?? T.server.upFor(T.span(now.uptime_seconds))),
      fact(T.server.model, model.name, engine ? T.server.precision(engine.precision) : ""),
      fact(T.server.rows, `${numbers.rows} / ${engine?.max_running_rows ?? 0}`, line(this.histories.rows)),
      fact(T.server.queue, `${numbers.queue} / ${engine?.max_queued_jobs ?? 0}`, line(this.histories.queue)),
      fact(T.server.rate, T.server.faster(rate), line(this.histories.rate)),
      ...(now.memory_bytes === null ? [] : [fact(T.server.memory, `${Math.round(numbers.memory)} MB`, line(this.histories.memory))]));
    this.drawRequests(now.requests);
  }

  drawRequests(requests) {
    const drawn = requests.map((each) => each.request_id).join();
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    this.chart.hidden = !requests.length;
    this.chart.replaceChildren(h("span", {}, T.server.took), bars(requests, BARS));
    this.rows.replaceChildren(...requests.map((each) => h("tr", { class: each.outcome }, ...T.server.row(each).map((text) => h("td", {}, text)))));
    if (!requests.length) this.rows.append(h("tr", {}, h("td", { colSpan: T.server.columns.length, class: "quiet" }, T.server.none)));
  }
}

const fact = (name, value, more) => h("div", { class: "fact" }, h("span", {}, name), h("b", {}, value), typeof more === "string" ? h("span", {}, more) : more);

async function forget() {
  await call("session", { method: "DELETE" });
  location.reload();
}
