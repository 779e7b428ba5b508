// Watches one job: tells each time that something of it is new, whatever happens to the server.
import { call, events, get } from "./api.js";
import { wait } from "./dom.js";

const TRY_AGAIN_MS = 1500;
const REST_MS = 4000;
const DRAW_MS = 250;

export class JobWatch {
  // `onJob` is given the job, `onTrouble` why it cannot be asked for.
  constructor(path, { onJob, onTrouble }) {
    Object.assign(this, { path, onJob, onTrouble });
    this.abort = new AbortController();
    this.wake = () => {};
    this.run();
  }

  close() { this.abort.abort(); }

  async run() {
    const { signal } = this.abort;
    let after = 0;
    while (!signal.aborted) {
      try {
        await this.look();
        const answer = await call(`${this.path}/events`, { signal, headers: { "Last-Event-ID": String(after) } });
        for await (const event of events(answer)) {
          after = Number(event.id);
          this.soon();
        }
        // It has ended; somebody may have a part of it spoken anew.
        await this.rest();
      } catch (error) {
        if (signal.aborted) return;
        this.onTrouble(error);
        if (error.status === 404) return;
        await wait(TRY_AGAIN_MS);
      }
    }
  }

  // `wake` ends it, for whoever knows that something will happen.
  rest() {
    return new Promise((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, REST_MS);
    });
  }

  // Events come in crowds, above all those of before.
  soon() {
    this.looking ??= setTimeout(() => {
      this.looking = null;
      this.look().catch(this.onTrouble);
    }, DRAW_MS);
  }

  async look() {
    const job = await get(this.path);
    if (!this.abort.signal.aborted) this.onJob(job);
  }
}
