// Asks for the key once, then shows the view that the address names.
import { call, get, whenKeyIsMissing } from "./api.js";
import { h } from "./dom.js";
import { ServerView } from "./server.js";
import { SpeakView } from "./speak.js";
import { T } from "./texts.js";
import { VoicesView } from "./voices.js";

const LOOK_MS = 15000;
const views = {};
let shown, session;

const pill = h("details", { class: "pill", hidden: true });
const links = Object.entries(T.views).map(([name, text]) => h("a", { href: `#${name}` }, text));
const header = h("header", {}, h("p", { class: "name" }, T.name), pill, h("nav", { "aria-label": T.name }, ...links));

async function start() {
  session = await get("session");
  if (!session.signed_in) return askForKey();
  document.body.replaceChildren(header);
  whenKeyIsMissing(() => location.reload());
  addEventListener("hashchange", route);
  route();
  lookAtServer();
}

function route() {
  const name = location.hash.slice(1) in T.views ? location.hash.slice(1) : "speak";
  const makers = { speak: () => new SpeakView(), voices: () => new VoicesView(), server: () => new ServerView(session) };
  const view = (views[name] ??= makers[name]());
  if (view === shown) return;
  shown?.closed?.();
  shown?.stop?.();
  shown = view;
  document.body.replaceChildren(header, view.element, ...(view.deck ? [view.deck.element] : []));
  document.title = `${T.views[name]} · ${T.name}`;
  for (const link of links) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view.opened();
}

async function lookAtServer() {
  try {
    const { model, speaking } = await get("health");
    const wanted = model.wanted;
    tell(wanted && speaking ? T.standIn(wanted.name, model.name) : speaking ? null : T.notReady, wanted?.reason ?? model.detail);
  } catch {
    tell(T.offline, "");
  }
  setTimeout(lookAtServer, LOOK_MS);
}

function tell(text, why) {
  pill.hidden = !text;
  if (text) pill.replaceChildren(h("summary", {}, `${text} `, h("b", {}, why ? T.why : "")), h("p", {}, why));
}

function askForKey() {
  const told = h("p", { class: "problem", role: "alert" });
  const input = h("input", { class: "field", type: "password", autocomplete: "current-password", required: true });
  const button = h("button", { class: "go" }, T.key.enter);
  const dialog = h("dialog", { "aria-label": T.key.title, oncancel: (event) => event.preventDefault() },
    h("form", { onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      told.textContent = "";
      try {
        await call("session", { method: "POST", headers: { "X-API-Key": input.value } });
        await start();
      } catch (error) {
        told.textContent = error.message;
        button.disabled = false;
        input.select();
      }
    } }, h("h1", {}, T.name), h("label", {}, T.key.label, input), h("p", {}, T.key.about), told, button));
  document.body.replaceChildren(h("main", { id: "main" }, dialog));
  dialog.showModal();
}

start().catch((error) => document.body.replaceChildren(h("main", {}, h("p", { role: "alert" }, error.message))));
