"""Dependencies point one way, and each thing is done in one place.

front ends → services → speaking → {text, voices, pronunciations, documents, audio, engine}
→ {speech, errors}.
What one of the six siblings needs from another is handed over in `app/assembly`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOUNDATION = {
    "app",
    "app.bounds",
    "app.child_limits",
    "app.errors",
    "app.files",
    "app.owners",
    "app.lexicon",
    "app.speech",
    "app.speech_engine",
    "app.work",
}
LIBRARIES = {
    "app.callers",
    "app.captions",
    "app.bounds",
    "app.lifetime",
    "app.marks",
    "app.network",
    "app.ranges",
    "app.request_record",
    "app.rounds",
    "app.stores",
    "app.telemetry",
}
SIBLINGS = {
    "app.text",
    "app.voices",
    "app.audio",
    "app.engine",
    "app.pronunciations",
    "app.documents",
}
BELOW_FRONT_ENDS = (
    LIBRARIES | SIBLINGS | {"app.jobs", "app.services", "app.settings", "app.speaking"}
)

# What each part may import of this project, besides itself and the foundation.
MAY_IMPORT: dict[str, set[str]] = {
    "app.bounds": set(),
    "app.child_limits": set(),
    "app.errors": set(),
    "app.files": set(),
    "app.owners": set(),
    "app.lexicon": set(),
    "app.speech": set(),
    "app.speech_engine": set(),
    "app.marks": set(),
    "app.captions": {"app.marks"},
    "app.repeating": set(),
    "app.callers": {"app.network", "app.repeating", "app.returning", "app.seldom"},
    "app.lifetime": set(),
    "app.network": {"app.bounds"},
    "app.logs": {"app.bounds", "app.network"},
    "app.process_end": set(),
    "app.request_record": {"app.callers"},
    "app.telemetry": {"app.request_record"},
    "app.ranges": set(),
    "app.returning": set(),
    "app.rounds": set(),
    "app.seldom": set(),
    "app.env_file": {"app.wording"},
    "app.settings": {"app.bounds", "app.env_file", "app.ranges"},
    "app.work": set(),
    "app.banner": {"app.settings"},
    "app.text": set(),
    "app.stores": {"app.repeating", "app.seldom"},
    "app.audio": {"app.repeating", "app.stores"},
    "app.voices": {"app.stores"},
    "app.engine": {"app.returning", "app.rounds"},
    "app.documents": {"app.wording"},
    "app.pronunciations": {"app.repeating"},
    "app.speaking": LIBRARIES | SIBLINGS,
    "app.jobs": LIBRARIES | SIBLINGS | {"app.speaking"},
    "app.folders": {"app.settings"},
    "app.named_voices": {"app.speaking", "app.settings"},
    "app.services": LIBRARIES | SIBLINGS | {"app.jobs", "app.settings", "app.speaking"},
    "app.wording": set(),
    "app.wyoming": BELOW_FRONT_ENDS | {"app.wording"},
    "app.api": BELOW_FRONT_ENDS | {"app.wording"},
    "app.assembly": BELOW_FRONT_ENDS | {"app.folders", "app.named_voices"},
    "app.startup": {"app.services", "app.settings", "app.telemetry"},
    "app.tls": {"app.settings"},
    "app.main": {
        "app.assembly",
        "app.api",
        "app.folders",
        "app.jobs",
        "app.services",
        "app.settings",
        "app.wyoming",
    },
    "app.cli": BELOW_FRONT_ENDS
    | {
        "app.assembly",
        "app.logs",
        "app.process_end",
        "app.serve",
        "app.wording",
        "app.wyoming",
    },
    "app.__main__": {"app.cli"},
    "app.serve": {
        "app.main",
        "app.api",
        "app.wyoming",
        "app.settings",
        "app.banner",
        "app.network",
        "app.logs",
        "app.process_end",
        "app.startup",
        "app.audio",
        "app.tls",
    },
    "app.scaling": {"app.services"},
    "app.fleet": {"app.logs", "app.main", "app.scaling", "app.settings"},
    "server": {"app.serve", "app.process_end"},
}
API_PACKAGES = {f"app.api.{path.parent.name}" for path in ROOT.glob("app/api/*/__init__.py")}
MODEL = {"torch", "pocket_tts", "safetensors", "huggingface_hub"}
PARSERS = {"lxml", "pypdf", "mammoth", "markdown_it", "mdit_py_plugins", "pysubs2"}
# Where alone some libraries may be imported.
BUSINESS_OF = {
    "fastapi": {"app.api", "app.main"},
    "starlette": {"app.api", "app.fleet", "app.main"},
    "uvicorn": {"app.api.http.web_server", "app.api.http.protocols"},
    **{library: {"app.engine"} for library in MODEL},
    "mcp": {"app.cli"},
    "sqlite3": {"app.jobs"},
    "prometheus_client": {"app.telemetry"},
    "obstore": {"app.stores.bucket"},
    "psycopg": {"app.jobs.postgres"},
    "ray": {"app.fleet"},
    "opentelemetry": {"app.telemetry"},
    **{library: {"app.documents"} for library in PARSERS},
}


@cache
def modules() -> dict[str, set[str]]:
    """The name of each module and the full names of what it imports."""
    found = {name_of(path): set(imports(tree)) for path, tree in trees().items()}
    return found | {"server": set(imports(ast.parse((ROOT / "server.py").read_text("utf-8"))))}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def trees() -> dict[Path, ast.Module]:
    """The code of each file of `app`, in the order of their paths."""
    paths = sorted((ROOT / "app").rglob("*.py"))
    return {path: ast.parse(path.read_text("utf-8")) for path in paths}


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they lead"
            assert node.module is not None
            for alias in node.names:
                inner = ROOT / f"{node.module}.{alias.name}".replace(".", "/")
                is_module = inner.with_suffix(".py").exists() or inner.is_dir()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def part_of(module: str) -> str:
    """The package or module of `MAY_IMPORT` that a module belongs to."""
    return ".".join(module.split(".")[:2])


def within(module: str, allowed: set[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in allowed)


def misplaced(allowed: Callable[[str, str], bool]) -> list[str]:
    """Tell of each module that imports what it is not allowed to."""
    return [
        f"{module} must not import {each}"
        for module, imported in modules().items()
        for each in sorted(imported)
        if not allowed(module, each)
    ]


def test_dependencies() -> None:
    """Each module imports only what lies below it."""
    assert misplaced(lies_below) == []


def lies_below(module: str, imported: str) -> bool:
    part = part_of(module)
    if part == "app" or imported.split(".", maxsplit=1)[0] not in ("app", "server"):
        return True
    return imported in FOUNDATION or within(imported, MAY_IMPORT[part] | {part})


@pytest.mark.parametrize(
    ("module", "imported", "allowed"),
    [
        ("app.text.chunks", "app.audio.pcm", False),
        ("app.speaking.door", "app.settings", False),
        ("app.files", "app.settings", False),
        ("app.speaking.door", "app.text.chunks", True),
        ("app.text.chunks", "app.errors", True),
        ("app.text.chunks", "app.text.markup", True),
        ("app.text.chunks", "regex", True),
    ],
)
def test_upward_imports_are_seen(module: str, imported: str, allowed: bool) -> None:
    """The rule about what lies below can fail."""
    assert lies_below(module, imported) is allowed


def test_libraries() -> None:
    """Each module imports only libraries that are its business."""
    assert misplaced(may_use) == []


def may_use(module: str, imported: str) -> bool:
    places = BUSINESS_OF.get(imported.partition(".")[0])
    return places is None or within(module, places)


@pytest.mark.parametrize(
    ("module", "imported", "allowed"),
    [
        ("app.serve", "fastapi", False),
        ("app.serve", "uvicorn", False),
        ("app.cli.serve", "starlette.types", False),
        ("app.api.http.routes", "uvicorn.config", False),
        ("app.api.http.web_server", "uvicorn", True),
        ("app.main", "fastapi.responses", True),
        ("app.audio.pcm", "torch", False),
        ("app.audio.pcm", "numpy", True),
    ],
)
def test_misplaced_libraries_are_seen(module: str, imported: str, allowed: bool) -> None:
    """The rule about libraries can fail."""
    assert may_use(module, imported) is allowed


def test_packages_of_the_api() -> None:
    """A client's package knows app.api.http and no other client's; app.api.http knows none."""
    assert misplaced(lambda module, imported: not is_foreign(module, imported)) == []


def is_foreign(module: str, imported: str) -> bool:
    """Whether a module inside a package of the API imports what is outside of it and of http."""
    own = {each for each in API_PACKAGES if within(module, {each})}
    in_api = within(imported, {"app.api"})
    return bool(own) and in_api and not within(imported, {*own, "app.api.http"})


@pytest.mark.parametrize(
    ("module", "imported", "foreign"),
    [
        ("app.api.http.problems", "app.api.dialects", True),
        ("app.api.http.problems", "app.api.native.health", True),
        ("app.api.http.problems", "app.api.http.dialect", False),
        ("app.api.fish", "app.api.flash", True),
        ("app.api.fish.speech", "app.api.flash.dialect", True),
        ("app.api.fish.speech", "app.api.fish.dialect", False),
        ("app.api.fish.speech", "app.api.http.delivery", False),
        ("app.api.dialects", "app.api.fish", False),
    ],
)
def test_foreign_packages_are_seen(module: str, imported: str, foreign: bool) -> None:
    """The rule about the packages of the API can fail."""
    assert is_foreign(module, imported) is foreign


MOVES = {"os.rename", "os.replace", "os.link", "os.fsync", "shutil.move", "tempfile.mkstemp"}
WRITES = {"write_bytes", "write_text", "touch", "NamedTemporaryFile"}
MAY_WRITE = {
    "app.files": "the one place where files get their names",
    "app.audio.pydub_export": "pydub's own files, in a scratch folder",
    "app.stores.bucket": "into a partial file of app.files",
    "app.stores.folder": "into a partial file of app.files",
    "app.cli.outputs": "into a partial file of app.files, or a device",
    "app.cli.voices": "for a player, in a scratch folder",
    "app.engine.hub": "into a partial file of app.files",
    "app.engine.loader": "for pocket-tts, in a scratch folder",
    "app.engine.voice_state": "into the partial file of whoever keeps the state",
    "app.speaking.previews": "into the partial file of whoever keeps the preview",
    "app.voices.store": "for the engine, in a scratch folder",
    "app.voices.clips": "into memory",
}


def file_work(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """("moves" or "writes", the code) of each call that gives a file its name or its contents."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (kind := _kind_of_file_work(node)):
            yield kind, ast.unparse(node)
        elif isinstance(node, ast.Constant) and str(node.value).endswith(".partial"):
            yield "moves", ast.unparse(node)


def _kind_of_file_work(call: ast.Call) -> str | None:
    name = ast.unparse(call.func).split(".")[-1]
    arguments = [*call.args, *(each.value for each in call.keywords)]
    # Texts replace two arguments, dataclasses and times take keywords: one alone is a path's.
    of_path = isinstance(call.func, ast.Attribute) and len(call.args) == len(arguments) == 1
    if ast.unparse(call.func) in MOVES or (name in ("rename", "replace") and of_path):
        return "moves"
    for_writing = re.compile(r"'(?=.*[wax+])[rwaxbt+]{1,3}'").fullmatch
    if name in WRITES or (name == "open" and any(map(for_writing, map(ast.unparse, arguments)))):
        return "writes"
    return None


def test_files_are_whole() -> None:
    """Only app.files renames files, and what others write is a scratch or a partial file."""
    writers = set()
    for path in sorted((ROOT / "app").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found = list(file_work(ast.parse(path.read_text("utf-8"))))
        if module != "app.files":
            assert "moves" not in dict(found), f"{module} must leave {found} to app.files"
        if found:
            assert module in MAY_WRITE, f"{module} must leave {found} to app.files"
            writers.add(module)
    assert writers == set(MAY_WRITE)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("os.replace(a, b)", "moves"),
        ("shutil.move(a, b)", "moves"),
        ("tempfile.mkstemp()", "moves"),
        ("path.rename(other)", "moves"),
        ("path.with_suffix('.x').replace(other)", "moves"),
        ("path.with_name(f'{name}.partial')", "moves"),
        ("path.write_bytes(data)", "writes"),
        ("open(path, 'w')", "writes"),
        ("path.open(mode='xb')", "writes"),
        ("tempfile.NamedTemporaryFile(delete=False)", "writes"),
        ("path.open('rb')", None),
        ("text.replace('a', 'b')", None),
        ("replace(voice, name='b')", None),
    ],
)
def test_file_work_is_seen(code: str, kind: str | None) -> None:
    """The rule about files can fail."""
    assert [found for found, _ in file_work(ast.parse(code))] == ([kind] if kind else [])


def test_torch_is_not_imported_early() -> None:
    """What the server imports before it listens needs no torch, which takes seconds to import.

    Neither do scheduling, the timing of words and the judging of takes: they know no tensors.
    """
    before_listening = ("languages", "memory", "preview", "supervisor")
    scheduling = ("keeping_up", "pace", "scheduler", "sequence", "stream", "waiting")
    light = {f"app.engine.{name}" for name in (*before_listening, *scheduling)}
    light |= {
        name for name in modules() if within(name, {"app.engine.alignment", "app.engine.takes"})
    }
    for module, imported in modules().items():
        if module in {*light, "app", "app.engine"}:
            assert not {each.split(".")[0] for each in imported} & MODEL
            assert {each for each in imported if each.startswith("app.engine.")} <= light


def test_parsers_of_documents_are_imported_in_a_child_only() -> None:
    """What the server imports of app.documents imports no parser: an idle server must not grow.

    The child imports the others inside its functions, once it knows the kind of document.
    """
    of_server = {f"app.documents{name}" for name in ("", ".child", ".document", ".reading")}
    for path in sorted((ROOT / "app").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module in of_server or not within(module, {"app.documents"}):
            at_once = ast.parse(path.read_text("utf-8")).body
            found = set(imports(ast.Module([each for each in at_once if is_import(each)], [])))
            assert not {each.split(".")[0] for each in found} & PARSERS
            assert {each for each in found if within(each, {"app.documents"})} <= of_server


def is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def called(tree: ast.AST) -> set[str]:
    """The names of what is called, without what they are attributes of."""
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name))
    }


@pytest.mark.parametrize("name", ["SpeechJob", "Utterance", "Shaper", "GoingOn"])
def test_one_door(name: str) -> None:
    """Only the door begins speech: nobody else makes a job, a plan or an utterance.

    The engine itself speaks to measure itself, which nobody hears.
    """
    made_in = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "app").rglob("*.py"))
        if name in called(ast.parse(path.read_text("utf-8")))
    ]
    assert [each for each in made_in if not each.startswith("app/engine/")] == [
        "app/speaking/door.py"
    ]


def test_one_way_to_the_engine() -> None:
    """Only the door gives jobs to an engine; the engine itself hands them on inside."""
    given_in = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "app").rglob("*.py"))
        if "submit" in attributes(ast.parse(path.read_text("utf-8")))
    ]
    to_threads = {"app/work.py", "app/voices/fetch.py"}
    others = {each for each in given_in if not each.startswith("app/engine/")}
    assert others - to_threads == {"app/speaking/door.py"}


# Where work may go to asyncio's own threads, which all kinds of work would share.
SHARED_THREADS = {
    "app/audio/filters.py": "once in the life of a process",
    "app/cli/outputs.py": "one command writes",
    "app/engine/engine.py": "waits for the engine's end",
    "app/telemetry/tracing.py": "waits for the last traces to be sent, at the end",
    "app/repeating.py": "the server's own work, now and then, for nobody in particular",
}
TO_SHARED_THREADS = {"to_thread", "run_in_executor", "run_in_threadpool", "run_sync"}


def test_each_kind_of_work_has_threads_of_its_own() -> None:
    """What a client can make long runs on a pool of app/work.py, not on threads for everything."""
    shared = {
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "app").rglob("*.py"))
        if attributes(ast.parse(path.read_text("utf-8"))) & TO_SHARED_THREADS
    }
    assert shared == set(SHARED_THREADS)


def attributes(tree: ast.AST) -> set[str]:
    """The names that are looked up on something, called or not."""
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_no_test_stops_the_clock_of_the_whole_process() -> None:
    """An event loop that sleeps meanwhile, such as an idle server's, would sleep for hours.

    A test replaces the `time` of the one module that is to see another.
    """
    stopped = re.compile(r"\btime(\.|, *\")(monotonic|perf_counter)\"")
    stopping = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if stopped.search(path.read_text("utf-8"))
    ]
    assert not stopping
