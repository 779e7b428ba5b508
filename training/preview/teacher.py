"""Stage `teacher`: festival speaks the sentences and says when each phone was spoken."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from training.preview.workspace import Workspace

VOICE = "voice_cmu_us_slt_arctic_hts"
SILENCE = "pau"

_DUMP = r"""
(define (dump text base)
  (let ((utt (utt.synth (eval (list 'Utterance 'Text text)))))
    (utt.save.wave utt (string-append base ".wav") 'riff)
    (let ((file (fopen (string-append base ".lab") "w")))
      (mapcar
        (lambda (segment)
          (format file "%s %f %s %s\n"
            (item.name segment)
            (item.feat segment "end")
            (item.feat segment "R:SylStructure.parent.parent.name")
            (item.feat segment "R:SylStructure.parent.parent.addr")))
        (utt.relation.items utt 'Segment))
      (fclose file))))
"""


@dataclass(frozen=True)
class Segment:
    """A phone of `word`; `item` tells two equal words in a row apart."""

    phone: str
    start_seconds: float
    end_seconds: float
    word: str
    item: str

    def earlier(self, seconds: float) -> Segment:
        start = max(0.0, self.start_seconds - seconds)
        return replace(self, start_seconds=start, end_seconds=self.end_seconds - seconds)


def is_installed() -> bool:
    return (
        shutil.which("festival") is not None
        and Path("/usr/share/festival/voices/us/cmu_us_slt_arctic_hts").is_dir()
    )


def speak(sentences: list[str], folder: Path, *, processes: int = 2) -> None:
    """Write `<number>.wav` and `<number>.lab` for each sentence into `folder`.

    Raises:
        CalledProcessError: if festival fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    running = []
    for share in range(processes):
        script = folder / f"{share}.scm"
        lines = [
            f'(dump "{sentence}" "{folder / str(i)}")'
            for i, sentence in enumerate(sentences)
            if i % processes == share
        ]
        script.write_text("\n".join([f"({VOICE})", _DUMP, *lines]), "utf-8")
        running.append(subprocess.Popen(["festival", "-b", str(script)]))
    for process in running:
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, process.args)


def read_segments(path: Path) -> list[Segment]:
    """The phones of a label file without its silences."""
    segments, start = [], 0.0
    for line in path.read_text("utf-8").splitlines():
        phone, end, word, item = line.split()
        if phone != SILENCE:
            segments.append(Segment(phone, start, float(end), word, item))
        start = float(end)
    return segments


def run(workspace: Workspace, *, processes: int = 2) -> None:
    speak(workspace.training_sentences(), workspace.teacher, processes=processes)
