// A button that lets a voice, or some words, be heard: it says whether it loads, plays or failed.
import { call, url, voicePath } from "./api.js";
import { h, toast } from "./dom.js";
import { alone } from "./player.js";
import { T } from "./texts.js";

const player = new Audio();
let used;

export const hearVoice = (name) => hearButton(T.speak.preview(name), () => url(voicePath(name, "/preview")));

export const hearWords = (script) => hearButton(T.speak.preview(script), async () =>
  URL.createObjectURL(await (await call("tts", { json: { script, format: "mp3" } })).blob()));

// `address()` gives where the sound is.
export function hearButton(label, address) {
  const element = h("button", { class: "hear", type: "button", "aria-label": label, onclick: async () => {
    const again = used === element && !player.paused;
    player.pause();
    show("");
    if (again) return;
    used = element;
    show("loading");
    try {
      const source = await address();
      if (used !== element) return;
      if (player.src.startsWith("blob:")) URL.revokeObjectURL(player.src);
      player.src = source;
      alone(player);
      await player.play();
      if (used === element) show("playing");
    } catch (error) {
      if (used === element) show("");
      if (error.name !== "AbortError") toast(error.name === "NotSupportedError" ? T.speak.notHeard : error.message, { failed: true });
    }
  } });
  return element;
}

function show(state) {
  document.querySelectorAll(".hear[data-state]").forEach((each) => each.removeAttribute("data-state"));
  if (state) used?.setAttribute("data-state", state);
}

player.onpause = player.onended = () => show("");
