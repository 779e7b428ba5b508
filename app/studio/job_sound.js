// The sound of a job as far as it is spoken, fetched piece by piece as it is heard: a book is too
// long to be held.
import { call } from "./api.js";
import { floats, Player, RATE_HZ } from "./player.js";

const HEADER_BYTES = 44;
const SAMPLE_BYTES = 2;
const PIECE_SAMPLES = 4 * RATE_HZ;

export class JobSound extends Player {
  constructor(path) {
    super();
    this.path = path;
  }

  // Takes how much can be heard by now.
  there(seconds, complete) {
    this.samples = Math.round(seconds * RATE_HZ);
    this.complete = complete;
    this.changed();
    this.pump();
  }

  async read(sample) {
    const end = Math.min(sample + PIECE_SAMPLES, this.samples);
    if (end <= sample) return null;
    const place = (at) => HEADER_BYTES + SAMPLE_BYTES * at;
    const answer = await call(this.path, { headers: { Range: `bytes=${place(sample)}-${place(end) - 1}` } });
    return floats(new Uint8Array(await answer.arrayBuffer()));
  }
}
