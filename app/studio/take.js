// One take: what was asked for, and the sound and the words that have come of it.
import { call, events } from "./api.js";
import { Sound } from "./sound.js";
import { T } from "./texts.js";

export class Take {
  constructor(body, { edited, expected }) {
    Object.assign(this, { body, edited, expected, words: [], sound: new Sound(), state: "speaking" });
    this.abort = new AbortController();
  }

  get signal() { return this.abort.signal; }

  // Has it spoken and heard; returns what went wrong, in words, or null.
  async speak() {
    const began = performance.now();
    try {
      this.sound.play(0); // asked for by the click, or browsers stay silent
      const json = { ...this.body, format: "pcm", stream: true, timestamps: "word" };
      await this.receive(await call("tts", { json, signal: this.signal }), began);
      this.state = "done";
      return null;
    } catch (error) {
      this.state = this.signal.aborted ? "stopped" : "failed";
      if (this.signal.aborted) return null;
      return this.sound.samples ? T.speak.broken(error.message) : error.message;
    } finally {
      this.sound.end();
    }
  }

  async receive(answer, began) {
    const passed = () => performance.now() - began;
    try {
      for await (const each of events(answer)) {
        if (each.audio) {
          this.firstMs ??= Math.round(passed());
          this.sound.append(Uint8Array.from(atob(each.audio), (letter) => letter.charCodeAt(0)));
        }
        if (each.words) this.words.push(...each.words);
        if (each.type === "speech.audio.done") {
          this.rate = this.sound.duration / (passed() / 1000);
          return;
        }
      }
    } catch (error) {
      if (this.signal.aborted) throw error;
    }
    // The end of it has not come.
    throw new Error(T.speak.cut);
  }

  stop() {
    this.abort.abort();
    this.sound.pause();
  }

  // Where this take says what another says at a time, so that the two can be compared word by word.
  sameWord(other, seconds) {
    if (other.body.script !== this.body.script) return 0;
    const heard = other.words.findLast((word) => word.start <= seconds);
    return this.words.find((word) => word.script_start === heard?.script_start)?.start ?? 0;
  }
}
