// Writes how to get a take without this page: for the shell, Python, and OpenAI's client.
import { url } from "./api.js";

export function recipes(body, format) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const whole = JSON.stringify({ ...body, format });
  const { script, voice, ...extra } = body;
  return {
    curl: `curl --fail-with-body ${url("tts")} -H "API_KEY: $API_KEY" -H 'Content-Type: application/json' -d ${quoted(whole)} -o speech.${format}\n`,
    python: `import json, os, urllib.request

body = json.loads(${JSON.stringify(whole)})
request = urllib.request.Request(
    ${JSON.stringify(url("tts"))}, json.dumps(body).encode(),
    {"API_KEY": os.environ["API_KEY"], "Content-Type": "application/json"},
)
open("speech.${format}", "wb").write(urllib.request.urlopen(request).read())
`,
    sdk: `import json, os

from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(url("v1"))}, api_key=os.environ["API_KEY"])
with client.audio.speech.with_streaming_response.create(
    model="pocket-tts", voice=${JSON.stringify(voice)}, input=${JSON.stringify(script)},
    response_format=${JSON.stringify(format)}, extra_body=json.loads(${JSON.stringify(JSON.stringify(extra))}),
) as response:
    response.stream_to_file("speech.${format}")
`,
  };
}
