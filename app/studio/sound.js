// Plays speech while it is made: keeps all samples, so that one can seek in what has come.
export const RATE_HZ = 24000;
const AHEAD_SECONDS = 0.08;

export class Sound extends EventTarget {
  constructor() {
    super();
    this.pieces = [];
    this.samples = 0;
    this.complete = false;
    this.playing = false;
    this.at = 0;
    this.nodes = new Set();
  }

  get duration() { return this.samples / RATE_HZ; }

  get position() {
    if (!this.playing) return this.at;
    const heard = this.anchorAt + Math.max(0, this.context.currentTime - this.anchorTime);
    return Math.min(heard, this.duration);
  }

  // Takes 16-bit little-endian PCM, whose samples may be cut anywhere.
  append(bytes) {
    const all = this.half ? Uint8Array.of(this.half, ...bytes) : bytes;
    this.half = all.length % 2 ? all.at(-1) : undefined;
    const view = new DataView(all.buffer, all.byteOffset);
    const piece = Float32Array.from({ length: all.length >> 1 }, (_, i) => view.getInt16(2 * i, true) / 32768);
    if (!piece.length) return;
    this.pieces.push({ piece, start: this.samples / RATE_HZ });
    this.samples += piece.length;
    if (this.playing) this.schedule(this.pieces.at(-1));
    this.dispatchEvent(new Event("grown"));
  }

  end() {
    this.complete = true;
    this.dispatchEvent(new Event("grown"));
    this.watchEnd();
  }

  play(from = this.at >= this.duration && this.complete ? 0 : this.at) {
    this.pause();
    this.context ??= new AudioContext({ sampleRate: RATE_HZ });
    this.context.resume();
    this.playing = true;
    this.anchorAt = from;
    this.anchorTime = this.context.currentTime + AHEAD_SECONDS;
    for (const each of this.pieces) this.schedule(each);
    this.dispatchEvent(new Event("change"));
    this.watchEnd();
  }

  pause() {
    if (!this.playing) return;
    this.at = this.position;
    this.playing = false;
    for (const node of this.nodes) { node.onended = null; node.stop(); node.disconnect(); }
    this.nodes.clear();
    this.dispatchEvent(new Event("change"));
  }

  seek(seconds) {
    const to = Math.max(0, Math.min(seconds, this.duration));
    if (this.playing) this.play(to);
    else this.at = to;
    this.dispatchEvent(new Event("change"));
  }

  schedule({ piece, start }) {
    const end = start + piece.length / RATE_HZ;
    if (end <= this.anchorAt) return;
    const skip = Math.max(0, this.anchorAt - start);
    const now = this.context.currentTime;
    let when = this.anchorTime + start + skip - this.anchorAt;
    if (when < now) {
      // It came too late: all that follows is heard so much later.
      this.anchorAt = start + skip;
      this.anchorTime = when = now + AHEAD_SECONDS;
    }
    const buffer = this.context.createBuffer(1, piece.length, RATE_HZ);
    buffer.copyToChannel(piece, 0);
    const node = this.context.createBufferSource();
    node.buffer = buffer;
    node.connect(this.context.destination);
    node.onended = () => { this.nodes.delete(node); this.watchEnd(); };
    node.start(when, skip);
    this.nodes.add(node);
  }

  watchEnd() {
    if (!this.playing || !this.complete || this.nodes.size) return;
    this.playing = false;
    this.at = this.duration;
    this.dispatchEvent(new Event("change"));
  }

  // Returns the largest amplitude in each of `count` stretches of `seconds`.
  peaks(count, seconds) {
    const peaks = new Float32Array(count);
    const width = (seconds * RATE_HZ) / count;
    for (const { piece, start } of this.pieces) {
      const first = start * RATE_HZ;
      for (let i = 0; i < piece.length; i += 8) {
        const slot = Math.min(count - 1, Math.floor((first + i) / width));
        if (Math.abs(piece[i]) > peaks[slot]) peaks[slot] = Math.abs(piece[i]);
      }
    }
    return peaks;
  }
}
