// Records the microphone as it is, without what browsers do to voices in calls.
import { T } from "./texts.js";

const AS_IT_IS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const TAP = new URL("tap.js", import.meta.url);

export class Microphone {
  // `onLevel` is told the largest amplitude of each little while, and how long it has recorded.
  constructor(onLevel) {
    this.onLevel = onLevel;
    this.pieces = [];
    this.samples = 0;
  }

  // Asks for the microphone; refused, it throws an error that says why in words.
  async start() {
    if (!navigator.mediaDevices) throw new Error(T.maker.needsTls);
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
    } catch (error) {
      throw new Error(T.maker.microphone[error.name] ?? T.maker.microphoneFails(error.message));
    }
    this.context = new AudioContext();
    try {
      await this.context.audioWorklet.addModule(TAP);
    } catch (error) {
      await this.stop();
      throw new Error(T.maker.microphoneFails(error.message));
    }
    const tap = new AudioWorkletNode(this.context, "tap", { numberOfOutputs: 0 });
    tap.port.onmessage = ({ data }) => this.take(data);
    this.context.createMediaStreamSource(this.stream).connect(tap);
  }

  take(piece) {
    this.pieces.push(piece);
    this.samples += piece.length;
    this.onLevel(loudest(piece), this.samples / this.context.sampleRate);
  }

  // Returns what was recorded.
  async stop() {
    this.stream.getTracks().forEach((track) => track.stop());
    await this.context.close();
    const buffer = new AudioBuffer({ length: Math.max(1, this.samples), sampleRate: this.context.sampleRate });
    let done = 0;
    for (const piece of this.pieces) {
      buffer.copyToChannel(piece, 0, done);
      done += piece.length;
    }
    return buffer;
  }
}

export const loudest = (samples) => samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
