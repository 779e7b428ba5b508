// Plays samples from any place, and hands them to the sound card a little ahead of the ear, so that
// an hour takes no more than a minute. Who has the samples says how they are read.
export const RATE_HZ = 24000;
const LEAD_SECONDS = 0.08;
const AHEAD_SECONDS = 6;
const LOOK_MS = 400;

let shared, heard;
const context = () => (shared ??= new AudioContext({ sampleRate: RATE_HZ }));

// Lets only one thing be heard at a time: whatever can be paused.
export function alone(thing) {
  if (heard !== thing) heard?.pause();
  heard = thing;
}

// Those who extend it have `read(sample)`: some samples from there on, or null while there are none.
export class Player extends EventTarget {
  constructor() {
    super();
    this.samples = 0;
    this.complete = false;
    this.at = 0;
    this.run = null;
    this.nodes = new Set();
  }

  get playing() { return this.run !== null; }
  get duration() { return this.samples / RATE_HZ; }

  get position() {
    if (!this.playing) return this.at;
    const passed = Math.max(0, context().currentTime - this.anchorTime);
    return Math.min(this.anchorAt + passed, this.duration);
  }

  play(from = this.complete && this.at >= this.duration ? 0 : this.at) {
    this.halt();
    alone(this);
    context().resume();
    this.run = {};
    this.anchorAt = from;
    this.anchorTime = context().currentTime + LEAD_SECONDS;
    this.next = Math.round(from * RATE_HZ);
    this.looking = setInterval(() => this.pump(), LOOK_MS);
    this.changed();
    this.pump();
  }

  pause() {
    if (!this.playing) return;
    this.halt();
    this.changed();
  }

  halt() {
    this.at = this.position;
    this.run = null;
    clearInterval(this.looking);
    for (const node of this.nodes) { node.onended = null; node.stop(); node.disconnect(); }
    this.nodes.clear();
  }

  seek(seconds) {
    const to = Math.max(0, Math.min(seconds, this.duration));
    if (this.playing) return this.play(to);
    this.at = to;
    this.changed();
  }

  changed() { this.dispatchEvent(new Event("change")); }

  async pump() {
    const { run } = this;
    if (!run || this.pumped === run) return;
    this.pumped = run;
    try {
      while (this.run === run && this.next / RATE_HZ < this.position + AHEAD_SECONDS) {
        const piece = await this.read(this.next);
        if (this.run !== run || !piece) break;
        this.schedule(piece);
      }
    } catch (error) {
      this.pause();
      this.dispatchEvent(new CustomEvent("trouble", { detail: error.message }));
    } finally {
      if (this.pumped === run) this.pumped = null;
    }
    this.watchEnd();
  }

  schedule(piece) {
    const now = context().currentTime;
    let when = this.anchorTime + this.next / RATE_HZ - this.anchorAt;
    if (when < now) {
      // It came too late: all that follows is heard so much later.
      this.anchorAt = this.next / RATE_HZ;
      this.anchorTime = when = now + LEAD_SECONDS;
    }
    const buffer = context().createBuffer(1, piece.length, RATE_HZ);
    buffer.copyToChannel(piece, 0);
    const node = context().createBufferSource();
    node.buffer = buffer;
    node.connect(context().destination);
    node.onended = () => { this.nodes.delete(node); this.pump(); };
    node.start(when);
    this.nodes.add(node);
    this.next += piece.length;
  }

  watchEnd() {
    if (!this.playing || !this.complete || this.nodes.size || this.next < this.samples) return;
    this.halt();
    this.at = this.duration;
    this.changed();
  }
}

// Reads 16-bit little-endian PCM as the sound card wants it.
export function floats(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength >> 1 }, (_, i) => view.getInt16(2 * i, true) / 32768);
}
