// Deletes once the time to undo is over, so that nothing has to be brought back.
import { toast } from "./dom.js";
import { T } from "./texts.js";

const UNDO_SECONDS = 8;

export class Leaving {
  // `remove(key)` deletes for good; `changed()` draws what is left.
  constructor(remove, changed) {
    Object.assign(this, { remove, changed, timers: new Map() });
    // Who closes the page has decided.
    addEventListener("pagehide", () => this.timers.forEach((timer, key) => this.now(key)));
  }

  has(key) { return this.timers.has(key); }

  soon(key, name) {
    this.timers.set(key, setTimeout(() => this.now(key), UNDO_SECONDS * 1000));
    this.changed();
    toast(T.removed(name), { seconds: UNDO_SECONDS, undoText: T.undo, undo: () => {
      clearTimeout(this.timers.get(key));
      this.timers.delete(key);
      this.changed();
    } });
  }

  async now(key) {
    if (!this.has(key)) return;
    clearTimeout(this.timers.get(key));
    try {
      await this.remove(key);
    } catch (error) {
      toast(error.message, { failed: true });
    }
    this.timers.delete(key);
    this.changed();
  }
}
