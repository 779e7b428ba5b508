// Tells what is wrong with a recording as the sample of a voice, before it is sent.
import { loudest } from "./microphone.js";
import { T } from "./texts.js";

const FRAME_SECONDS = 0.02;
const LEAST_SECONDS = 5;
const MOST_SECONDS = 15;
const CLIPPED = 0.99;
const QUIET_DB = -35;
const NOISE_UNDER_SPEECH_DB = 22;

export function adviceOn(samples, rate) {
  const seconds = samples.length / rate;
  const levels = frameLevels(samples, Math.round(FRAME_SECONDS * rate)).sort((a, b) => a - b);
  const at = (share) => levels[Math.min(levels.length - 1, Math.floor(share * levels.length))] ?? -Infinity;
  const speech = at(0.9);
  return [
    seconds < LEAST_SECONDS && T.maker.short(seconds.toFixed(1)),
    seconds > MOST_SECONDS && T.maker.long(MOST_SECONDS),
    loudest(samples) >= CLIPPED && T.maker.clipped,
    speech < QUIET_DB && T.maker.faint,
    speech >= QUIET_DB && speech - at(0.1) < NOISE_UNDER_SPEECH_DB && T.maker.noisy,
  ].filter(Boolean);
}

function frameLevels(samples, width) {
  const levels = [];
  for (let start = 0; start + width <= samples.length; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i++) sum += samples[i] * samples[i];
    levels.push(10 * Math.log10(sum / width + 1e-12));
  }
  return levels;
}
