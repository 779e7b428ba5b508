// Speech that is heard while it is made: it keeps all samples, so that one can seek in what has come.
import { floats, Player, RATE_HZ } from "./player.js";

const PEAK_SAMPLES = 480;

export class Sound extends Player {
  constructor() {
    super();
    this.pieces = [];
    this.tops = []; // the largest amplitude of each 20 ms
  }

  // Takes PCM whose samples may be cut anywhere.
  append(bytes) {
    const all = this.half === undefined ? bytes : Uint8Array.of(this.half, ...bytes);
    this.half = all.length % 2 ? all.at(-1) : undefined;
    const piece = floats(all.subarray(0, all.length & ~1));
    if (!piece.length) return;
    piece.forEach((value, index) => {
      const slot = Math.floor((this.samples + index) / PEAK_SAMPLES);
      this.tops[slot] = Math.max(this.tops[slot] ?? 0, Math.abs(value));
    });
    this.pieces.push({ piece: Int16Array.from(piece, (value) => value * 32768), start: this.samples });
    this.samples += piece.length;
    this.grown();
  }

  end() {
    this.complete = true;
    this.grown();
  }

  grown() {
    this.dispatchEvent(new Event("grown"));
    this.pump();
  }

  read(sample) {
    let low = 0, high = this.pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.pieces[middle].start <= sample) low = middle + 1; else high = middle;
    }
    if (!low || sample >= this.samples) return null;
    const { piece, start } = this.pieces[low - 1];
    return Float32Array.from(piece.subarray(sample - start), (value) => value / 32768);
  }

  // Returns the largest amplitude in each of `count` stretches of `seconds`.
  peaks(count, seconds) {
    const wide = (seconds * RATE_HZ) / PEAK_SAMPLES / count;
    return Float32Array.from({ length: count }, (_, slot) => {
      const from = Math.floor(slot * wide);
      return this.tops.slice(from, Math.max(from + 1, Math.floor((slot + 1) * wide)))
        .reduce((most, value) => Math.max(most, value), 0);
    });
  }
}
