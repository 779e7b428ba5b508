// How words and names are said: a table that can be added to, tried, taken away and carried.
import { call, get, post, url } from "./api.js";
import { dropZone, field, h, link, toast } from "./dom.js";
import { hearWords } from "./hear.js";
import { T } from "./texts.js";

export class Pronunciations {
  constructor(mayChange) {
    this.mayChange = mayChange;
    this.problem = h("p", { class: "problem", role: "alert" });
    this.rows = h("tbody");
    this.table = h("table", {}, h("caption", { class: "hidden" }, T.words.title),
      h("thead", {}, h("tr", {}, ...T.words.columns.map((name) => h("th", { scope: "col" }, name)))), this.rows);
    const carry = ["csv", "pls"].map((format) => h("a", { href: url(`pronunciations/export?format=${format}`), download: "" }, T.words.export(format.toUpperCase())));
    this.element = h("section", { class: "group words", "aria-label": T.words.title },
      h("h2", {}, T.words.title), h("p", { class: "quiet" }, T.words.about),
      ...(mayChange ? [this.form()] : []), this.problem,
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": T.words.title }, this.table),
      h("div", { class: "row" }, ...carry),
      mayChange ? dropZone({ title: T.words.import, about: T.words.formats, accept: ".csv,.pls,.xml,.txt", onFiles: ([file]) => this.import(file) }) : "");
  }

  form() {
    const form = h("form", { class: "inline", onsubmit: async (event) => {
      event.preventDefault();
      const said = new FormData(form);
      const json = {
        written: said.get("written"), spoken: said.get("spoken"), language: said.get("language") || null,
        case_sensitive: said.has("case"), whole_words: !said.has("part"),
      };
      if (await this.change(() => post("pronunciations", { json }))) { form.reset(); form.elements.written.focus(); }
    } },
    field(T.words.columns[0], { name: "written", required: true, placeholder: "Nginx", autocomplete: "off" }),
    field(T.words.columns[1], { name: "spoken", required: true, placeholder: "engine X", autocomplete: "off" }),
    field(T.words.columns[2], { name: "language", placeholder: T.words.all, size: 4, autocomplete: "off" }),
    h("label", {}, h("input", { type: "checkbox", name: "case" }), T.words.caseCounts),
    h("label", {}, h("input", { type: "checkbox", name: "part" }), T.words.part),
    h("button", { class: "chip strong" }, T.words.add));
    return form;
  }

  async load() {
    try {
      ({ pronunciations: this.all } = await get("pronunciations"));
      this.rows.replaceChildren(...this.all.map((each) => this.row(each)));
      if (!this.all.length) this.rows.append(h("tr", {}, h("td", { colSpan: T.words.columns.length, class: "quiet" }, T.words.none)));
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  row(each) {
    const how = [each.case_sensitive && T.words.caseCounts, !each.whole_words && T.words.part].filter(Boolean).join(", ");
    return h("tr", {},
      h("td", {}, each.written), h("td", {}, each.spoken, hearWords(each.spoken)), h("td", {}, each.language ?? T.words.all), h("td", {}, how),
      h("td", {}, this.mayChange ? link(T.delete, () => this.remove(each), { "aria-label": T.words.remove(each.written) }) : ""));
  }

  // One for all languages takes those of single languages along.
  async remove({ written, language }) {
    const same = (each) => each.written.toLowerCase() === written.toLowerCase() && (!language || each.language === language);
    const gone = this.all.filter(same);
    const query = new URLSearchParams({ written, ...(language ? { language } : {}) });
    if (!(await this.change(() => call(`pronunciations?${query}`, { method: "DELETE" })))) return;
    toast(T.removed(written), { undoText: T.undo, undo: () => this.change(async () => {
      for (const json of gone) await post("pronunciations", { json });
    }) });
  }

  async import(file) {
    const body = new FormData();
    body.append("file", file);
    await this.change(async () => toast(T.words.imported((await post("pronunciations/import", { body })).imported)));
  }

  // Does something to them and shows what there is then; tells whether it went well.
  async change(act) {
    this.problem.textContent = "";
    try {
      await act();
    } catch (error) {
      this.problem.textContent = error.message;
      return false;
    }
    await this.load();
    return true;
  }
}
