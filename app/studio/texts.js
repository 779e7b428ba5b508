// Every text that the page shows, in one place.
const number = (value) => value.toLocaleString("en");

// 47 s, 4 min, 3 h 5 min.
function span(seconds) {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function bytes(size) {
  return size < 1e6 ? `${Math.ceil(size / 1e3)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

export const T = {
  name: "Pocket Speech",
  views: { speak: "Speak", voices: "Voices", long: "Long", server: "Server" },
  standIn: (wanted, model) => `The ${model} voice speaks: ${wanted} is not here yet.`,
  why: "Why?",
  notReady: "Nothing can be spoken yet.",
  offline: "The server does not answer.",
  loading: "Loading …",
  tryAgain: (message, seconds) => `${message} (try again in ${seconds} s)`,
  save: "Save", cancel: "Cancel", delete: "Delete", remove: "Remove", undo: "Undo", copied: "Copied",
  removed: (name) => `${name} is deleted`,
  span,
  key: {
    title: "Your key", label: "API key", enter: "Enter",
    about: "It is asked for once. This browser keeps a cookie for it that no script can read.",
    whose: (caller) => `This browser speaks as ${caller}.`, leave: "Forget the key",
  },
  speak: {
    first: "The ferry leaves the harbour at seven every evening. It costs $3.50 for children, and nobody has ever paid more. When the lamps along the wall go out, Dr. Marin rings the bell twice, and the boat turns slowly towards the open sea.",
    script: "Script", placeholder: "Write or paste what is to be spoken …", how: "How it is spoken",
    go: "Speak", stop: "Stop", play: "Play", pause: "Pause",
    keys: "Ctrl Enter speaks, Esc stops, a click on a spoken word plays from there.",
    characters: "characters", pieces: (count) => (count === 1 ? "piece" : "pieces"), about: "about",
    read: "What will be read", asWritten: "It will be read as it is written.", edit: "Edit",
    andMore: (count) => ` and ${count} more`,
    editing: "What will be read, to be changed", backToScript: "Back to the script",
    empty: "Speech will be drawn here.", waiting: "Waiting for the first sound …", waveform: "Position in the speech",
    firstSound: (ms) => `first sound ${number(ms)} ms`, rate: (x) => `${x} × real time`,
    takes: "Takes", compare: "Hear this take, from the same word",
    states: { speaking: "speaking …", stopped: "stopped", failed: "broke off", done: null },
    broken: (why) => `The speech broke off: ${why}`, cut: "the connection ended before it did.",
    leftOut: (letters) => `The model cannot read: ${letters}`,
    download: (name) => `Download ${name}`, captions: "Captions",
    link: "Copy link", curl: "Copy as curl", python: "Python", sdk: "OpenAI SDK", saving: "Saving …",
    voice: "Voice", search: (n) => `Search ${n} voices`, preview: (name) => `Hear ${name}`,
    notHeard: "It cannot be heard now.",
    noVoice: "No voice of that name.", builtIn: "built in", yours: "yours", inPlace: (who) => `heard as ${who}`,
    format: "Format", seed: "Seed", dice: "Another seed", keep: "keep", usual: "All as usual",
  },
  knobs: {
    speed: ["Pace", (v) => `${v.toFixed(2)} ×`], pitch: ["Pitch", (v) => `${v > 0 ? "+" : ""}${v}`],
    volume: ["Volume", (v) => `${v > 0 ? "+" : ""}${v} dB`], pause_scale: ["Pauses", (v) => `${v.toFixed(1)} ×`],
    temperature: ["Variety", (v) => v.toFixed(1)],
  },
  voices: {
    own: "Yours", builtIn: "Built in", none: "None of your own yet: drop a recording above, or make one.",
    search: "Search by name, tag or description", notYours: "This key may not make or change voices.",
    tags: "Tags", language: "Language (en, fr, de, pt, it, es, nl)", recorded: (seconds) => `from ${seconds.toFixed(1)} s of speech`,
    speak: "Speak", speakWith: (name) => `Speak with ${name}`,
    edit: "Edit", editing: (name) => `Edit ${name}`, export: "Export", exported: (name) => `Export ${name}`,
    remove: (name) => `Delete ${name}`, report: "What was done to the recording", nothingDone: "Nothing had to be done.",
  },
  maker: {
    title: "Make a voice", dropHere: "Drop recordings here, or choose them",
    formats: "WAV, MP3, M4A, OGG, FLAC, WebM and more, or an exported voice (.safetensors)",
    record: "Record", recordAbout: "Say a few sentences in the tone that the voice is to have, such as a story of your day.", stop: "Stop recording", level: "Level of the microphone",
    recording: (n) => `Recording ${n}`, drop: (name) => `Remove ${name}`,
    wave: (name) => `Waveform of ${name}`, from: (name) => `Beginning of ${name}`, to: (name) => `End of ${name}`,
    length: (now, whole) => (whole ? `${now} of ${whole}` : now),
    unread: "This browser cannot show it; the server may be able to read it.",
    adviceTitle: "What makes a good sample",
    advice: [
      "Five to fifteen seconds of one person, speaking as the voice is to speak: it takes over the mood as well.",
      "A quiet room without echo, a hand's breadth from the microphone.",
      "No music, no other voices, no long silences.",
    ],
    short: (seconds) => `${seconds} s is short: five to fifteen seconds make a better voice.`,
    long: (seconds) => `Only about the first ${seconds} seconds are used: move the ends to the best of them.`,
    clipped: "It is so loud that it is distorted: go farther from the microphone.",
    faint: "It is faint: come nearer to the microphone.",
    noisy: "There is much noise behind the voice: a quieter room makes a clearer one.",
    needsTls: "Browsers let a page record over https only, or on this machine itself.",
    microphone: {
      NotAllowedError: "The browser does not let this page use the microphone. Allow it beside the address, then record again.",
      NotFoundError: "There is no microphone.",
      NotReadableError: "Another program holds the microphone.",
    },
    microphoneFails: (why) => `The microphone cannot be used: ${why}`,
    name: "Name", description: "Description", tags: "Tags, separated by commas",
    consent: "The person whose voice this is agrees to it.",
    make: "Make the voice", making: "Making …", made: (name) => `${name} can speak now.`, done: (name) => `What was done to make ${name}`,
  },
  words: {
    title: "How words are said", about: "For names that come out wrong: what stands on the left is read as what stands on the right, in all speech.",
    columns: ["Written", "Said as", "Language", "Where", ""], all: "all", caseCounts: "capitals count", part: "inside words too",
    add: "Add", none: "None yet.", remove: (word) => `Delete ${word}`,
    export: (name) => `Export ${name}`, import: "Import a list", formats: "CSV, PLS, or lines such as Nginx = engine X",
    imported: (count) => `${count} imported`,
  },
  long: {
    make: "Make a long recording", about: "Books and other long texts become a recording with chapters. The server goes on with it when you close this page.", there: "Recordings", none: "None yet.", untitled: "Untitled", notYours: "This key may not make long recordings.",
    dropHere: "Drop a document here, or choose one", formats: "Text, Markdown, HTML, EPUB, DOCX, PDF, SRT, WebVTT",
    reading: (name) => `Reading ${name} …`, another: "Another document",
    usualVoice: "the usual voice", sameVoice: "the same voice", voiceOf: (heading) => `Voice of ${heading}`,
    asFiles: "As", files: { one: "one file", chapters: "one for each chapter (zip)" },
    allChapters: "All chapters", chapter: (n) => `Chapter ${n}`, look: "Its text", noChapter: "No chapter is chosen.",
    estimate: (count, audio, making) => `${count} ${count === 1 ? "chapter" : "chapters"}, about ${audio} of speech${making ? `, made in about ${making}` : ""}.`,
    start: "Make the recording", back: "← All recordings",
    states: { queued: "queued", speaking: "speaking", paused: "paused", waiting: "waiting", done: "done", failed: "failed", cancelled: "cancelled" },
    progress: (name) => `Progress of ${name}`,
    howFar: (job) => [
      `${Math.floor(job.percent)} %`, job.state === "done" ? null : `${number(job.segments_done)} of ${number(job.segments)} parts`, `${span(job.audio_seconds)} of speech`,
      job.seconds_left && job.state !== "waiting" ? `about ${span(job.seconds_left)} left` : null,
    ].filter(Boolean).join(" · "),
    pause: "Pause", resume: "Go on", cancel: "End it", remove: (name) => `Delete ${name}`,
    download: (output) => `Download (${bytes(output.bytes)})`, captions: (name) => `Captions ${name}`,
    position: "Position in the recording", nothingYet: "Nothing is finished yet.",
    heading: (chapter) => chapter.heading ?? `Chapter ${chapter.number}`,
    parts: ({ segments, segments_done: done }) => `${done === segments ? "" : `${number(done)} of `}${number(segments)} ${segments === 1 ? "part" : "parts"}`,
    spokenBy: (model) => `spoken by the model ${model}`,
    take: (n) => `take ${n}`, notYet: "not spoken yet",
    hear: "Hear", hearPart: (n) => `Hear part ${n}`, again: "Say it again", againPart: (n) => `Say part ${n} again`,
    edit: "Change", editPart: (n) => `Change part ${n}`, speakAnew: "Speak it anew",
  },
  server: {
    state: "State", model: "Model", precision: (name) => `precision ${name}`, upFor: (time) => `up for ${time}`, gone: "not reached",
    states: { ready: "ready", loading: "loading", idle: "resting", failed: "failed", stopped: "stopped" },
    rows: "Running rows", queue: "Waiting", rate: "Throughput", faster: (rate) => `${rate.toFixed(1)} ×`, memory: "Memory",
    recent: "Recent requests", took: "How long they took, the newest at the right", none: "None yet.",
    reload: "Reload the model", reloading: "The model is being loaded anew.",
    columns: ["When", "Who", "What", "Voice", "Characters", "Sound", "First byte", "Outcome"],
    row: (each) => [
      new Date(each.ended_at * 1000).toLocaleTimeString("en-GB"), each.caller, `${each.method} ${each.route}`, each.voice ?? "",
      number(each.characters), each.audio_seconds ? `${each.audio_seconds} s` : "",
      each.first_byte_seconds === null ? "" : `${Math.round(1000 * each.first_byte_seconds)} ms`,
      [each.code, each.reason ?? each.outcome].filter(Boolean).join(" "),
    ],
  },
};
