// Runs beside the sound: hands on what the microphone hears, as it is.
registerProcessor("tap", class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage(samples.slice());
    return true;
  }
});
