"""Pickles: nothing that comes from outside is unpickled or run, except code that the user names as code."""

import ast
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import ModstudyError
from core.storage.sealed import seal
from core.storage.store import Store
from core.training.checkpoint import from_bytes, latest_checkpoint, to_bytes
from core.wavetables.files import load_wavetable
from tests.support.command_line import Command
from tests.support.refusals import assert_refused

pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
PACKAGES = ("core", "study", "search_spaces", "dashboards")
DANGEROUS = {
    "eval", "exec", "compile", "__import__", "input", "breakpoint",
    "pickle.load", "pickle.loads", "pickle.Unpickler", "cloudpickle.load", "cloudpickle.loads",
    "ray.cloudpickle.load", "ray.cloudpickle.loads", "dill.load", "dill.loads", "joblib.load", "marshal.load",
    "marshal.loads", "shelve.open", "torch.load", "torch.jit.load", "torch.hub.load", "np.load", "numpy.load",
    "np.fromfile", "pandas.read_pickle", "pd.read_pickle", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    "importlib.import_module", "import_module", "runpy.run_path", "runpy.run_module", "os.system", "os.popen",
    "subprocess.getoutput", "subprocess.getstatusoutput", "pa.deserialize", "mlflow.pyfunc.load_model",
}  # fmt: skip
"""Functions that run code or unpickle what they are given."""
ALLOWED = {
    # Tensors and plain values only: weights_only, which is tested below.
    ("core/training/checkpoint.py", "torch.load"),
    # Numba's index of the machine code that this user's own processes have compiled and cached.
    ("core/ops/kernel_cache.py", "pickle.loads"),
    # The file that CDPAM's package ships, by its hash.
    ("core/metrics/perceptual.py", "torch.load"),
    # An embedding of the user's own, which is code.
    ("core/metrics/embeddings.py", "importlib.import_module"),
    # A sampler of the user's own, which is code: SECURITY.md.
    ("search_spaces/samplers/custom.py", "importlib.import_module"),
    # Constant names.
    ("study/commands/doctor.py", "importlib.import_module"),
    ("study/execution/session.py", "import_module"),
    # What this process has pickled itself, in a temporary folder of its own (see test_listening.py).
    ("study/execution/trial_events.py", "ray.cloudpickle.loads"),
}
"""Where they are called nevertheless, and why."""
MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "runpy", "code", "codeop", "imp"}
"""Modules that are made for running or unpickling."""


def name_of(node: ast.expr) -> str:
    """The dotted name of an expression; empty if it is none."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{name_of(value)}.{attribute}".lstrip(".")
        case _:
            return ""


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in Path(package).rglob("*.py"))


def references(path: Path) -> Iterator[ast.expr]:
    """All names in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name | ast.Attribute):
            yield node


def test_there_are_sources() -> None:
    assert len(sources()) > 200


@pytest.mark.parametrize("package", PACKAGES)
def test_what_runs_or_unpickles_is_named_at_few_places_only(package: str) -> None:
    found = {
        (str(path), name_of(node))
        for path in sources()
        if path.parts[0] == package
        for node in references(path)
        if name_of(node) in DANGEROUS
    }
    assert found == {place for place in ALLOWED if place[0].startswith(f"{package}/")}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_for_pickles_is_imported(package: str) -> None:
    found = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").partition(".")[0]}
            else:
                continue
            if path.parts[0] == package and names & MODULES:
                found.add((str(path), *sorted(alias.name for alias in node.names)))
    assert found == ({("core/ops/kernel_cache.py", "pickle")} if package == "core" else set())


@pytest.mark.parametrize("package", PACKAGES)
def test_keywords_that_allow_code_are_not_given(package: str) -> None:
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if path.parts[0] == package and isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
                given = (node.arg, node.value.value)
                if given in {("allow_pickle", True), ("shell", True), ("weights_only", False), ("executable", True)}:
                    found.append((str(path), node.arg))
    # CDPAM's file is an old pickle, which is read only if its hash is that of the released one.
    assert found == ([("core/metrics/perceptual.py", "weights_only")] if package == "core" else [])


def test_torch_is_told_to_load_weights_only() -> None:
    (call,) = [
        node
        for node in ast.walk(ast.parse(Path("core/training/checkpoint.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and name_of(node.func) == "torch.load"
    ]
    assert {(word.arg, word.value.value) for word in call.keywords if isinstance(word.value, ast.Constant)} >= {
        ("weights_only", True)
    }


# ---------------------------------------------------------------------------------------------------------------------


class Payload:
    """An object whose pickle makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


def pickled(protocol: int, payload: Payload) -> bytes:
    return pickle.dumps(payload, protocol)


def saved_by_torch(payload: Payload, *, zipped: bool, content: str) -> bytes:
    buffer = io.BytesIO()
    values = {"object": payload, "state": {"digest": "0" * 16, "step": 1, "model": payload}, "list": [1, [payload]]}
    torch.save(values[content], buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def zipped_with_pickle(payload: Payload) -> bytes:
    """A good file of torch whose pickle was replaced."""
    original = zipfile.ZipFile(io.BytesIO(to_bytes({"step": 1})))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as changed:
        for name in original.namelist():
            changed.writestr(name, pickle.dumps(payload, 2) if name.endswith("data.pkl") else original.read(name))
    return buffer.getvalue()


def numpy_of_objects(payload: Payload) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([payload], dtype=object), allow_pickle=True)
    return buffer.getvalue()


FILES: dict[str, Callable[[Payload], bytes]] = {
    **{f"pickle {protocol}": partial(pickled, protocol) for protocol in range(6)},
    **{
        f"torch {content}{' zipped' if zipped else ''}": partial(saved_by_torch, zipped=zipped, content=content)
        for zipped in (True, False)
        for content in ("object", "state", "list")
    },
    "torch with another pickle": zipped_with_pickle,
    "numpy": numpy_of_objects,
}


def test_the_payload_runs_where_it_is_unpickled(tmp_path: Path) -> None:
    pickle.loads(pickled(4, Payload(tmp_path / "ran")))  # noqa: S301
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("what", FILES)
def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path, what: str) -> None:
    with pytest.raises((pickle.UnpicklingError, RuntimeError, EOFError, ValueError)):
        from_bytes(FILES[what](Payload(tmp_path / "ran")))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("what", FILES)
def test_a_trial_does_not_resume_from_a_checkpoint_that_runs_code(tmp_path: Path, what: str) -> None:
    store = Store(tmp_path / "study")
    store.begin("0" * 16).put("checkpoint-00000001.pt", seal(FILES[what](Payload(tmp_path / "ran"))))
    assert latest_checkpoint(store, "0" * 16) is None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("suffix", [".wav", ".npy", ".pt", ".pkl"])
def test_a_wavetable_that_runs_code_is_refused(tmp_path: Path, what: str, suffix: str) -> None:
    (tmp_path / f"table{suffix}").write_bytes(FILES[what](Payload(tmp_path / "ran")))
    with pytest.raises(ModstudyError):
        load_wavetable(str(tmp_path / f"table{suffix}"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("what", FILES)
def test_a_study_file_that_runs_code_is_refused(modstudy: Command, tmp_path: Path, what: str) -> None:
    (tmp_path / "mine.toml").write_bytes(FILES[what](Payload(tmp_path / "ran")))
    assert_refused(modstudy, "launch", "mine.toml", folder=tmp_path, says="mine.toml")
    assert not (tmp_path / "ran").exists()
