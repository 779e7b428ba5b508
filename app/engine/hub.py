"""Gets files of the model hub (hf://), of the web (https://) and of this disk by their address.

Fetching here, before pocket-tts does it, gives progress in the log, an error that names the remedy,
and an answer at once where nothing can be reached.
"""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from huggingface_hub import (
    HfApi,
    constants,
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
from pocket_tts.utils.utils import make_cache_directory
from tqdm.auto import tqdm

from app.errors import ModelUnavailable
from app.files import partial_file

logger = logging.getLogger(__name__)
# The hub library logs every attempt, which would bury the line that says what helps.
hub_logging.set_verbosity_error()

PROGRESS_EVERY_SECONDS = 5.0
_HUB, _WEB = "hf://", ("http://", "https://")
REMOTE = (_HUB, *_WEB)
_LEFTOVER_SECONDS = 3600.0

OnDownload = Callable[[str], None]
"""This is told the name of each file that is about to be downloaded."""


class NotCached(ModelUnavailable):
    """Says that a file would have to be fetched first."""


class Refused(ModelUnavailable):
    """Says that the hub answers, and does not give a file to this machine."""


class NotThere(Refused):
    """Says that the hub has no file of that name."""


def cached_file(address: str) -> Path:
    """Return the file of an address as it lies on this machine; nobody is asked for it.

    Raises:
        NotCached: it has to be fetched first.
        ModelUnavailable: a path where nothing is, or no address.
    """
    if address.startswith(_HUB):
        found = _HubFile.of(address).cached()
    elif address.startswith(_WEB):
        found = _web_path(address)
    else:
        return _local_file(address)
    if found is None or not found.is_file():
        raise NotCached(f"{address} is not on this machine yet")
    return found


def fetch_file(address: str, on_download: OnDownload | None = None) -> Path:
    """Return the file of an address, the newest one where it can change; download it if need be.

    A file of the hub that is named by a commit, and one of the web, never change.

    Args:
        on_download: called if nothing of the address is cached, before it is fetched.

    Raises:
        Refused: the hub does not give it. NotThere: it has no such file.
        ModelUnavailable: it cannot be had for another reason.
    """
    if address.startswith(_HUB):
        return _fetch_from_hub(_HubFile.of(address), on_download)
    if address.startswith(_WEB):
        return _fetch_from_web(address, on_download)
    return _local_file(address)


def use_newest(address: str) -> None:
    """Let `cached_file` find what `fetch_file` got for an address that can change.

    They are two steps so that a set of files changes only once all of them are there.

    Raises:
        ModelUnavailable: the hub has gone meanwhile.
    """
    if address.startswith(_HUB) and not (file := _HubFile.of(address)).is_pinned:
        with _told_apart(file):
            hf_hub_download(file.repository, file.name, revision=file.revision)


def names_beside(address: str) -> tuple[str, ...]:
    """List the names of the files in the hub's folder in which the file of an address would lie.

    Raises:
        ModelUnavailable: they cannot be listed.
    """
    file = _HubFile.of(address)
    folder = str(PurePosixPath(file.name).parent)
    with _told_apart(file):
        listed = HfApi().list_repo_tree(file.repository, folder, revision=file.revision)
        return tuple(PurePosixPath(each.path).name for each in listed)


def discard_damaged(path: Path) -> bool:
    """Remove a file of the hub's cache whose contents are not what the hub has; say if it was one.

    The cache names a file by its SHA-256 or, a small one, by its Git hash. Where the system has no
    symbolic links it has other names, and nothing is removed.
    """
    blob = path.resolve()
    if blob.is_relative_to(Path(constants.HF_HUB_CACHE).resolve()) and _is_damaged(blob):
        path.unlink()
        blob.unlink(missing_ok=True)
        return True
    return False


class _HubFile(NamedTuple):
    repository: str
    name: str
    revision: str | None

    @classmethod
    def of(cls, address: str) -> _HubFile:
        """Split `hf://owner/name/file[@revision]`.

        Raises:
            ModelUnavailable: the address has another form.
        """
        path, _, revision = address.removeprefix(_HUB).partition("@")
        owner, _, rest = path.partition("/")
        repository, _, name = rest.partition("/")
        if not name:
            raise ModelUnavailable(
                f"{address!r} is not of the form hf://owner/name/file[@revision]"
            )
        return cls(f"{owner}/{repository}", name, revision or None)

    @property
    def is_pinned(self) -> bool:
        """Tell whether the file is named by a commit, so that it can never change."""
        return re.fullmatch("[0-9a-f]{40}", self.revision or "") is not None

    def cached(self) -> Path | None:
        found = try_to_load_from_cache(self.repository, self.name, revision=self.revision)
        return Path(found) if isinstance(found, str) else None


def _fetch_from_hub(file: _HubFile, on_download: OnDownload | None) -> Path:
    found = file.cached()
    if found is not None and file.is_pinned:
        return found
    if found is None and on_download is not None:
        on_download(file.name)
    with _told_apart(file):
        # Asked once. The download's own tries take half a minute where nothing answers and many
        # minutes where packets get lost; our callers try again at their own pace instead.
        newest = get_hf_file_metadata(
            hf_hub_url(file.repository, file.name, revision=file.revision)
        )
        if newest.commit_hash is None or newest.etag is None:
            raise ModelUnavailable(
                f"what answers at {constants.ENDPOINT} is not a model hub: check HF_ENDPOINT, or "
                "whether a login page of the network stands before it"
            )
        _sweep()
        path: str = hf_hub_download(
            file.repository, file.name, revision=newest.commit_hash, tqdm_class=_LoggedProgress
        )
    return Path(path)


@contextmanager
def _told_apart(file: _HubFile) -> Iterator[None]:
    """Turn the hub library's errors about a file into ours.

    Raises:
        ModelUnavailable: says what is wrong and what the operator can do.
    """
    try:
        yield
    except (HTTPError, EntryNotFoundError, OfflineModeIsEnabled) as error:
        raise _hub_error(file, error) from error
    except OSError as error:
        raise _disk_error(error, file.name) from error
    except RuntimeError as error:  # of the library for large files, hf_xet
        raise ModelUnavailable(f"the download of {file.name} broke off: {error}") from error


def _hub_error(file: _HubFile, error: Exception) -> ModelUnavailable:
    """Make the error for a file that the hub does not give, or that it cannot be asked for."""
    repository, name, revision = file
    told: ModelUnavailable
    if isinstance(error, GatedRepoError):
        told = Refused(
            f"the weights in {repository} are behind a licence gate: accept the terms on the "
            "repository's page of the model hub, then run `hf auth login` or set HF_TOKEN"
        )
    elif isinstance(error, (RepositoryNotFoundError, RevisionNotFoundError)):
        told = Refused(
            f"{repository} at {revision or 'main'} does not exist on the model hub, or this "
            "machine's token may not see it"
        )
    elif isinstance(error, OfflineModeIsEnabled):
        told = ModelUnavailable(
            f"{name} of {repository} is not cached, and HF_HUB_OFFLINE forbids to fetch it: unset "
            "that, or set MODEL_CONFIG to a local model"
        )
    elif isinstance(error, LocalEntryNotFoundError):
        told = _unreachable(file, error.__cause__ or error)
    elif isinstance(error, EntryNotFoundError):
        told = NotThere(f"{repository} on the model hub has no file {name}")
    elif not isinstance(error, HfHubHTTPError):
        told = _unreachable(file, error)
    elif error.response.status_code in (401, 403):
        told = Refused(
            f"the model hub refuses {name} of {repository} to this machine's token: check "
            "HF_TOKEN, or run `hf auth login`"
        )
    else:
        told = ModelUnavailable(f"the model hub answered with an error: {error}")
    return told


def _unreachable(file: _HubFile, error: BaseException) -> ModelUnavailable:
    """Make the error for a hub that does not answer, or stops in the middle."""
    return ModelUnavailable(
        f"the model hub cannot be reached at {constants.ENDPOINT} ({type(error).__name__}: {error})"
        f", and {file.name} of {file.repository} is not cached: check the network, or set "
        "MODEL_CONFIG to a local model"
    )


def _sweep() -> None:
    """Remove what downloads left that were killed an hour ago or more; they are never resumed."""
    for path in Path(constants.HF_HUB_CACHE).glob("models--*/blobs/*.incomplete"):
        with suppress(FileNotFoundError):  # another server sweeps as well
            if time.time() - path.stat().st_mtime > _LEFTOVER_SECONDS:
                path.unlink()


def _is_damaged(blob: Path) -> bool:
    expected = blob.name
    if re.fullmatch("[0-9a-f]{64}", expected):
        with blob.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() != expected
    if re.fullmatch("[0-9a-f]{40}", expected):
        data = blob.read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
        # Some mirrors name a file by the plain hash.
        plain = hashlib.sha1(data, usedforsecurity=False)
        return expected not in (git.hexdigest(), plain.hexdigest())
    return False


def _local_file(path: str) -> Path:
    found = Path(path)
    if not found.is_file():
        raise ModelUnavailable(f"the model's file {found} does not exist")
    return found


def _web_path(address: str) -> Path:
    """Return where pocket-tts, too, keeps a file of the web."""
    suffix = PurePosixPath(urlsplit(address).path).suffix
    folder: Path = make_cache_directory()
    return folder / f"{hashlib.sha256(address.encode()).hexdigest()}{suffix}"


def _fetch_from_web(address: str, on_download: OnDownload | None) -> Path:
    kept = _web_path(address)
    if kept.is_file():
        return kept
    if on_download is not None:
        on_download(address)
    import httpx  # noqa: PLC0415 - the hub has a client of its own, so few need this one

    try:
        with (
            partial_file(kept) as partial,
            partial.open("wb") as file,
            httpx.stream("GET", address, follow_redirects=True, timeout=30) as response,
        ):
            response.raise_for_status()
            for piece in response.iter_bytes():
                file.write(piece)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ModelUnavailable(
            f"{address} could not be fetched: {type(error).__name__}: {error}"
        ) from error
    except OSError as error:
        raise _disk_error(error, address) from error
    return kept


def _disk_error(error: OSError, name: str) -> ModelUnavailable:
    """Make the error for a file that could not be stored."""
    if error.errno == errno.ENOSPC:
        return ModelUnavailable(f"the disk is full: {name} could not be stored; free some space")
    return ModelUnavailable(f"{name} could not be fetched: {error}")


class _LoggedProgress(tqdm):  # type: ignore[type-arg] # generic only in its stubs
    """Logs a download's progress every few seconds instead of drawing a bar on the terminal."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._logged_at_seconds = time.monotonic()
        self._logged_bytes: float = 0
        # Else it would end each download with an empty line on the standard error.
        kwargs |= {"disable": False, "file": io.StringIO()}
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
