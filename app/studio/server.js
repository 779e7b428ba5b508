// The Server view: how the server is, live.
import { call, events } from "./api.js";
import { h, toast } from "./dom.js";
import { T } from "./texts.js";

const KEPT = 120;

export class ServerView {
  constructor(session) {
    this.histories = { rows: [], queue: [], rate: [], memory: [] };
    this.facts = h("div", { class: "facts" });
    this.rows = h("tbody");
    this.reload = h("button", { class: "chip", type: "button", onclick: async () => {
      try { await call("server/reload", { method: "POST" }); toast(T.server.reloading); } catch (error) { toast(error.message, { failed: true }); }
    } }, T.server.reload);
    this.reload.hidden = !session.scopes.includes("admin");
    this.element = h("main", { id: "main" }, h("h1", { class: "hidden" }, T.server.title), this.facts, this.reload,
      h("h2", { class: "group" }, T.server.recent),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": T.server.recent }, h("table", {}, h("thead", {}, h("tr", {}, ...T.server.columns.map((name) => h("th", { scope: "col" }, name)))), this.rows)));
  }

  async opened() {
    while (this.element.isConnected) {
      this.abort = new AbortController();
      try {
        for await (const now of events(await call("server/events", { signal: this.abort.signal }))) {
          if (!this.element.isConnected) break;
          this.draw(now);
        }
      } catch (error) {
        if (error.status === 401) return;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  closed() { this.abort?.abort(); }

  draw(now) {
    const engine = now.engine ?? {};
    const last = this.last;
    const passed = last ? now.uptime_seconds - last.uptime_seconds : 0;
    const rate = passed > 0 ? Math.max(0, (now.spoken_seconds - last.spoken_seconds) / passed) : 0;
    this.last = now;
    const megabytes = now.memory_bytes === null ? null : now.memory_bytes / 1e6;
    for (const [name, value] of Object.entries({ rows: engine.running_rows ?? 0, queue: engine.queued_jobs ?? 0, rate, memory: megabytes ?? 0 })) {
      this.histories[name].push(value);
      if (this.histories[name].length > KEPT) this.histories[name].shift();
    }
    const wanted = now.model.wanted;
    this.facts.replaceChildren(...[
      fact(T.server.state, now.model.state, now.reason),
      fact(T.server.model, now.model.name, `${T.server.precision}: ${engine.precision ?? "–"}`),
      wanted ? fact(T.server.missing, wanted.name, wanted.reason) : null,
      fact(T.server.rows, `${engine.running_rows ?? 0} / ${engine.max_running_rows ?? 0}`, line(this.histories.rows)),
      fact(T.server.queue, `${engine.queued_jobs ?? 0} / ${engine.max_queued_jobs ?? 0}`, line(this.histories.queue)),
      fact(T.server.rate, rate.toFixed(1), line(this.histories.rate)),
      megabytes === null ? null : fact(T.server.memory, `${Math.round(megabytes)} MB`, line(this.histories.memory)),
      fact(T.server.uptime, `${Math.floor(now.uptime_seconds / 3600)} h ${Math.floor(now.uptime_seconds / 60) % 60} min`),
    ].filter(Boolean));
    this.rows.replaceChildren(...now.requests.map((each) => h("tr", {}, ...[
      new Date(each.ended_at * 1000).toLocaleTimeString(), each.caller, `${each.method} ${each.route}`, each.voice ?? "", each.characters,
      `${each.audio_seconds} s`, each.first_byte_seconds === null ? "" : `${Math.round(1000 * each.first_byte_seconds)} ms`,
      [each.code, each.reason ?? each.outcome].join(" "),
    ].map((text) => h("td", {}, String(text))))));
    if (!now.requests.length) this.rows.append(h("tr", {}, h("td", { colSpan: T.server.columns.length }, T.server.none)));
  }
}

const fact = (name, value, more) => h("div", { class: "fact" }, h("span", {}, name), h("b", {}, value), more ? (typeof more === "string" ? h("span", {}, more) : more) : null);

function line(values) {
  const most = Math.max(...values, 1e-9);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${KEPT} 30`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", values.map((value, index) => `${index ? "L" : "M"}${index + KEPT - values.length} ${29 - 28 * (value / most)}`).join(""));
  svg.append(path);
  return svg;
}
