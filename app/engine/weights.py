"""Finds and fetches the files of a model, and tells each way to fail apart.

A Pocket TTS model is a YAML config, a tokenizer and weights; any of them may live on disk, behind
https:// or on the model hub (hf://). Fetching here, before pocket-tts does it, gives progress in
the log and an error that names the remedy.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import (
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import logging as hub_logging
from pocket_tts.utils.config import CONFIGS_DIR
from pocket_tts.utils.utils import download_if_necessary
from tqdm.auto import tqdm

from app.errors import ModelUnavailable
from app.files import sweep, write_whole

logger = logging.getLogger(__name__)
# The hub library logs every attempt, which would bury the line that says what helps.
hub_logging.set_verbosity_error()

PROGRESS_EVERY_SECONDS = 5.0
_REMOTE = ("http://", "https://", "hf://")
_CLONING_WEIGHTS = "weights_path"
_PLAIN_WEIGHTS = "weights_path_without_voice_cloning"

OnDownload = Callable[[str], None]
"""Is told the name of each file that is about to be downloaded."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model whose files are all on this machine.

    Attributes:
        config_path: its YAML.
        cloning_refused: why the weights that can clone voices are not there; None if they are.
    """

    config_path: Path
    cloning_refused: str | None


def fetch_model(
    *,
    language: str,
    config: str | None,
    resolved_dir: Path,
    on_download: OnDownload | None = None,
) -> ModelFiles:
    """Fetch whatever the model of `language`, or of the YAML at `config`, still lacks.

    Args:
        config: a local path, https:// or hf:// address; takes the place of `language`.
        resolved_dir: where a config with relative paths is rewritten to absolute ones.
        on_download: called for each file of the hub that is not cached, before it is fetched.

    Raises:
        ModelUnavailable: says what is missing, why, and what the operator can do.
    """
    if config is None:
        path = Path(CONFIGS_DIR) / f"{language}.yaml"
        refused = _fetch_references(_read_yaml(path), on_download)
        return ModelFiles(path, refused)
    path = fetch_file(config) if config.startswith(_REMOTE) else Path(config).expanduser()
    document = _read_yaml(path)
    if not config.startswith(_REMOTE):
        path = _with_absolute_paths(document, path.resolve(), resolved_dir)
        document = _read_yaml(path)
    return ModelFiles(path, _fetch_references(document, on_download))


def _read_yaml(path: Path) -> dict[str, Any]:
    """Read a model's config.

    Raises:
        ModelUnavailable: it cannot be read, is not YAML, or is no mapping.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ModelUnavailable(
            f"MODEL_CONFIG {path} cannot be read: {error.strerror}; point it at a YAML file"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelUnavailable(f"MODEL_CONFIG {path} is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise ModelUnavailable(f"MODEL_CONFIG {path} is not a Pocket TTS config")
    return document


def _with_absolute_paths(document: dict[str, Any], path: Path, resolved_dir: Path) -> Path:
    """Write a copy of a config whose paths are absolute; the path of the config if they all are.

    pocket-tts reads paths relative to the working directory; people mean the YAML's folder.

    Raises:
        ModelUnavailable: the copy cannot be written.
    """
    changed = False
    for section, key in _references(document):
        value = section[key]
        if not value.startswith(_REMOTE) and not Path(value).is_absolute():
            section[key] = str(path.parent / value)
            changed = True
    if not changed:
        return path
    resolved = resolved_dir / f"{path.stem}.yaml"
    try:
        resolved_dir.mkdir(parents=True, exist_ok=True)
        sweep(resolved_dir)
        write_whole(resolved, yaml.safe_dump(document, allow_unicode=True).encode())
    except OSError as error:
        raise ModelUnavailable(
            f"MODELS_DIR: {resolved} cannot be written: {error.strerror}"
        ) from error
    return resolved


def _references(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the (section, key) pairs of a config that name files."""
    flow_lm, mimi = document.get("flow_lm"), document.get("mimi")
    table = flow_lm.get("lookup_table") if isinstance(flow_lm, dict) else None
    for section, key in (
        (table, "tokenizer_path"),
        (flow_lm, _CLONING_WEIGHTS),
        (mimi, _CLONING_WEIGHTS),
        (document, _CLONING_WEIGHTS),
        (document, _PLAIN_WEIGHTS),
    ):
        if isinstance(section, dict) and isinstance(section.get(key), str):
            yield section, key


def _fetch_references(document: dict[str, Any], on_download: OnDownload | None) -> str | None:
    """Fetch all files that a config names.

    Returns:
        Why the weights that can clone were refused, or None.

    Raises:
        ModelUnavailable: a file cannot be had.
    """
    refused: str | None = None
    has_plain_weights = isinstance(document.get(_PLAIN_WEIGHTS), str)
    for section, key in _references(document):
        if key == _PLAIN_WEIGHTS and refused is None:
            continue
        try:
            fetch_file(section[key], on_download)
        except _GateNotAccepted as error:
            if section is not document or not has_plain_weights:
                raise
            refused = error.message
            logger.warning("serving without voice cloning: %s", refused)
    return refused


class _GateNotAccepted(ModelUnavailable):
    """Says that weights exist, but that this machine's token has not accepted their licence."""


def fetch_file(address: str, on_download: OnDownload | None = None) -> Path:
    """Return the local file of a path, an https:// or an hf:// address; download it if need be.

    Args:
        on_download: called if it is a file of the hub that is not cached, before it is fetched.

    Raises:
        ModelUnavailable: says why it cannot be had.
    """
    if not address.startswith("hf://"):
        return _fetch_plain(address)
    repository, file_name, revision = _split_hub_address(address)
    try:
        if not isinstance(try_to_load_from_cache(repository, file_name, revision=revision), str):
            _begin_download(repository, file_name, revision, on_download)
        found = hf_hub_download(
            repository, file_name, revision=revision, tqdm_class=_LoggedProgress
        )
    except GatedRepoError as error:
        raise _GateNotAccepted(
            f"the weights in {repository} are behind a licence gate: accept the terms on the "
            "repository's page of the model hub, then run `hf auth login` or set HF_TOKEN"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelUnavailable(
            f"{address} does not exist on the model hub, or this machine's token may not see it"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise _unreachable(repository, file_name) from error
    except EntryNotFoundError as error:
        raise ModelUnavailable(f"{repository} on the model hub has no file {file_name}") from error
    except HfHubHTTPError as error:
        raise ModelUnavailable(f"the model hub answered with an error: {error}") from error
    except HTTPError as error:
        raise _unreachable(repository, file_name) from error
    except OSError as error:
        raise _disk_error(error, file_name) from error
    return Path(found)


def _begin_download(
    repository: str, file_name: str, revision: str | None, on_download: OnDownload | None
) -> None:
    """Tell `on_download`, then ask the hub once whether it is there.

    The hub's library asks six times, which takes half a minute where nothing answers and many
    minutes where packets get lost. Our callers try again at their own pace instead.

    Raises:
        HTTPError: nothing answers.
    """
    if on_download is not None:
        on_download(file_name)
    # The download that follows reports what the hub answers.
    with suppress(HfHubHTTPError, EntryNotFoundError):
        get_hf_file_metadata(hf_hub_url(repository, file_name, revision=revision))


def _unreachable(repository: str, file_name: str) -> ModelUnavailable:
    """Make the error for a hub that does not answer."""
    return ModelUnavailable(
        f"the model hub cannot be reached and {file_name} of {repository} is not cached: check "
        "the network, or set MODEL_CONFIG to a local model"
    )


def _fetch_plain(address: str) -> Path:
    """Return the local file of a path or an https:// address; download it if need be.

    Raises:
        ModelUnavailable: says why it cannot be had.
    """
    try:
        found = Path(download_if_necessary(address))
    except OSError as error:  # requests' errors are OSErrors as well
        raise _disk_error(error, address) from error
    if not found.is_file():
        raise ModelUnavailable(f"the model's file {found} does not exist")
    return found


def _disk_error(error: OSError, name: str) -> ModelUnavailable:
    """Make the error for a file that could not be fetched or stored."""
    if error.errno == errno.ENOSPC:
        return ModelUnavailable(f"the disk is full: {name} could not be stored; free some space")
    return ModelUnavailable(f"{name} could not be fetched: {error}")


def _split_hub_address(address: str) -> tuple[str, str, str | None]:
    """Split `hf://owner/name/file[@revision]` into repository, file and revision.

    Raises:
        ModelUnavailable: the address has another form.
    """
    path, _, revision = address.removeprefix("hf://").partition("@")
    owner, _, rest = path.partition("/")
    name, _, file_name = rest.partition("/")
    if not file_name:
        raise ModelUnavailable(f"{address!r} is not of the form hf://owner/name/file[@revision]")
    return f"{owner}/{name}", file_name, revision or None


class _LoggedProgress(tqdm):  # type: ignore[type-arg] # generic only in its stubs
    """Logs a download's progress every few seconds instead of drawing a bar on the terminal."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._logged_at_seconds = time.monotonic()
        self._logged_bytes: float = 0
        kwargs["disable"] = False
        super().__init__(*args, **kwargs)

    def display(self, *_args: Any, **_kwargs: Any) -> None:
        """Log the progress if a line is due or the download is complete; tqdm calls this."""
        now = time.monotonic()
        due = now - self._logged_at_seconds >= PROGRESS_EVERY_SECONDS
        if self.total and self.n > self._logged_bytes and (due or self.n >= self.total):
            self._logged_at_seconds, self._logged_bytes = now, self.n
            logger.info(
                "downloading %s: %d of %d MB", self.desc, self.n // 10**6, int(self.total) // 10**6
            )
