// Asks for the key once, then shows the view that the address names.
import { call, get, whenKeyIsMissing } from "./api.js";
import { h, wait } from "./dom.js";
import { LongView } from "./long.js";
import { ServerView } from "./server.js";
import { SpeakView } from "./speak.js";
import { T } from "./texts.js";
import { VoicesView } from "./voices.js";

const LOOK_MS = 10000;
const LOOK_AGAIN_MS = 2000;
const MAKERS = { speak: SpeakView, voices: VoicesView, long: LongView, server: ServerView };
const views = {};
let shown, shownPlace, session;

const pill = h("details", { class: "pill", hidden: true });
const links = Object.entries(T.views).map(([name, text]) => h("a", { href: `#${name}` }, text));
const header = h("header", {}, h("p", { class: "name" }, T.name), pill, h("nav", { "aria-label": T.name }, ...links));

async function start() {
  document.body.replaceChildren(h("main", { id: "main" }, h("p", { class: "quiet", role: "status" }, T.loading)));
  session = await whenReached();
  if (!session.signed_in) return askForKey();
  whenKeyIsMissing(() => location.reload());
  addEventListener("hashchange", route);
  route();
  lookAtServer();
}

// A server that is being started is waited for.
async function whenReached() {
  for (;;) {
    try {
      return await get("session");
    } catch (error) {
      if (error.status) throw error;
      document.querySelector("#main p").textContent = error.message;
      await wait(LOOK_AGAIN_MS);
    }
  }
}

function route() {
  const [wanted, ...rest] = location.hash.slice(1).split("/");
  const name = wanted in MAKERS ? wanted : "speak";
  const view = (views[name] ??= new MAKERS[name](session));
  const place = rest.join("/");
  if (view === shown && place === shownPlace) return;
  if (view !== shown) shown?.closed();
  [shown, shownPlace] = [view, place];
  const toasts = document.querySelectorAll(".toast");
  document.body.replaceChildren(header, view.element, ...toasts);
  view.opened(place);
  if (view.deck) document.body.append(view.deck.element);
  document.title = `${T.views[name]} · ${T.name}`;
  for (const link of links) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function lookAtServer() {
  let well = false;
  try {
    const { model, speaking } = await get("health");
    const { wanted } = model;
    well = speaking;
    tell(wanted && speaking ? T.standIn(wanted.name, model.name) : speaking ? null : T.notReady, wanted?.reason ?? model.detail);
  } catch {
    tell(T.offline, "");
  }
  setTimeout(lookAtServer, well ? LOOK_MS : LOOK_AGAIN_MS);
}

function tell(text, why) {
  pill.hidden = !text;
  const told = `${text} ${why}`;
  if (!text || pill.dataset.told === told) return;
  pill.dataset.told = told;
  pill.replaceChildren(h("summary", {}, `${text} `, h("b", {}, why ? T.why : "")), h("p", {}, why));
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
    } }, h("h1", {}, T.name),
    // Without a name for it, browsers do not offer to keep the key.
    h("input", { class: "hidden", autocomplete: "username", value: T.name, tabIndex: -1, "aria-hidden": "true" }),
    h("label", {}, T.key.label, input), h("p", { class: "quiet" }, T.key.about), told, button));
  document.body.replaceChildren(h("main", { id: "main" }, dialog));
  dialog.showModal();
}

start().catch((error) => document.body.replaceChildren(h("main", {}, h("p", { role: "alert" }, error.message))));
