"""Files of Vital's LFO shapes and folders of its renders: refused with the rule, or read within all ranges."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.data.lfo_shapes import MAX_POINTS, POWER_LIMIT, DrawnLfo
from core.data.manifest import MANIFEST_NAME, read_manifest
from core.data.renderers.folder import SETTINGS_NAME
from core.data.renderers.vital import draw_patch
from core.data.vital_lfos import read_vital_lfo, shapes_sha256, vital_lfos_in
from core.errors import DataError
from tests.support.command_line import Command
from tests.support.refusals import assert_refused, time_limit
from tests.support.rendered_folder import fill

SHAPE = {"name": "mine", "num_points": 3, "points": [0.0, 1.0, 0.25, 0.2, 1.0, 0.7], "powers": [0.0, -3.0, 0.0]}


def shape(**changes: Any) -> bytes:
    """A file with some entries changed; None removes an entry."""
    return json.dumps({key: value for key, value in (SHAPE | changes).items() if value is not None}).encode()


def many(n_points: int) -> bytes:
    """A file of many points."""
    points = [value for x in np.linspace(0, 1, n_points).tolist() for value in (x, 0.5)]
    return shape(points=points, powers=[0.0] * n_points)


FILES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "the file"),
    "text": (b"saw", "the file"),
    "zeros": (bytes(100), "the file"),
    "Latin-1": (b'{"name": "\xe9", "points": [], "powers": []}', "save it again"),
    "half": (shape()[:40], "the file"),
    "list": (b"[]", "the file"),
    "number": (b"1", "the file"),
    "nested deeply": (b"[" * 100_000, "the file"),
    "objects nested deeply": (b'{"points":' * 50_000, "the file"),
    "deep unread entry": (shape()[:-1] + b', "x": ' + b"[" * 100_000 + b"}", "the file"),
    "no points": (shape(points=None), "points"),
    "no powers": (shape(powers=None), "powers"),
    "points of text": (shape(points="0,1"), "points"),
    "points of lists": (shape(points=[[0.0, 1.0], [1.0, 0.0]]), "points.0"),
    "a point of text": (shape(points=[0.0, "1", 1.0, 0.0]), "points.1"),
    "a point of nothing": (shape(points=[0.0, None, 1.0, 0.0]), "points.1"),
    "a point of truth": (shape(points=[0.0, True, 1.0, 0.0]), "points.1"),
    "powers of text": (shape(powers="000"), "powers"),
    "no point": (shape(points=[], powers=[]), "2 to 100 points"),
    "one point": (shape(points=[0.0, 1.0], powers=[0.0]), "2 to 100 points"),
    "half a point": (shape(points=[0.0, 1.0, 1.0]), "2 to 100 points"),
    "101 points": (many(101), "2 to 100 points"),
    "30,000 points": (many(30_000), "2 to 100 points"),
    "a million points": (many(10**6), "at most 1 are read"),
    "too few powers": (shape(powers=[0.0]), "as many powers; got 1"),
    "too many powers": (shape(powers=[0.0] * 4), "as many powers; got 4"),
    **{
        f"x of {text}": (shape().replace(b"0.25", text.encode()), "rising from 0 to 1")
        for text in ("NaN", "Infinity", "-Infinity", "-1", "2", "1e308")
    },
    "x of 5000 digits": (shape().replace(b"0.25", b"9" * 5000), "save it again"),
    "x that does not begin at 0": (shape(points=[0.1, 1.0, 1.0, 0.0], powers=[0.0, 0.0]), "rising from 0 to 1"),
    "x that does not end at 1": (shape(points=[0.0, 1.0, 0.9, 0.0], powers=[0.0, 0.0]), "rising from 0 to 1"),
    **{
        f"y of {text}": (shape().replace(b"0.2,", text.encode() + b","), "lie in 0..1")
        for text in ("NaN", "Infinity", "-0.1", "1.1", "1e300")
    },
    **{
        f"power of {text}": (shape().replace(b"-3.0", text.encode()), "the powers of an LFO lie in -100..100")
        for text in ("NaN", "Infinity", "-Infinity", "101", "-1e300")
    },
}
RENDER_SETTINGS: dict[str, bytes] = {
    "nothing": b"",
    "text": b"settings",
    "list": b"[]",
    "nothing in it": b"{}",
    "nested deeply": b"[" * 100_000,
    "zeros": bytes(1000),
    "not UTF-8": b'{"renderer": "\xff"}',
    "2 MB": b'{"renderer": "' + b"x" * 2**21 + b'"}',
}


@pytest.mark.parametrize("name", FILES)
def test_file_that_is_no_shape_is_refused_with_the_rule(name: str, tmp_path: Path) -> None:
    data, says = FILES[name]
    path = tmp_path / "a\x1b.vitallfo"
    path.write_bytes(data)
    with pytest.raises(DataError) as error, time_limit(10):
        read_vital_lfo(path)
    message = str(error.value)
    assert says in message, message
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("nowhere")],
    ids=["folder", "pipe", "device", "dead link"],
)
def test_what_is_no_file_is_refused(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "a.vitallfo")
    with pytest.raises(DataError, match="cannot be read"), time_limit(5):
        vital_lfos_in(tmp_path)


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "others"])
def test_folder_without_shapes_is_refused(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    if kind == "file":
        folder.write_text("no folder")
    elif kind != "missing":
        folder.mkdir()
    if kind == "others":
        (folder / "a.txt").write_text("no shape")
    with pytest.raises(DataError, match=r"must be a folder|has 0"):
        vital_lfos_in(folder)


def test_shape_is_that_of_vital_turned_over(tmp_path: Path) -> None:
    (tmp_path / "b.vitallfo").write_bytes(shape(smooth=True, author="x", powers=[0.0, -3.0]))
    (tmp_path / "a.vitallfo").write_bytes(shape())
    (tmp_path / ".hidden.vitallfo").write_bytes(b"no shape")
    first, second = vital_lfos_in(tmp_path)
    assert first == second
    np.testing.assert_allclose(first.points, [(0.0, 0.0), (0.25, 0.8), (1.0, 0.3)])
    assert first.powers == (0.0, -3.0)
    assert shapes_sha256((first,)) != shapes_sha256((first, second))
    assert all(lfo == first for lfo in draw_patch(0, 0, (first,)).lfos.values())


def test_command_line_refuses_bad_shapes_before_anything_is_written(modstudy: Command, tmp_path: Path) -> None:
    pytest.importorskip("vita")
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "a.vitallfo").write_bytes(shape(powers=[0.0, float("nan"), 0.0]))
    arguments = ("render", "vital", "out", "--lfos", "shapes")
    assert_refused(modstudy, *arguments, folder=tmp_path, says="the powers of an LFO lie in -100..100")


@pytest.mark.parametrize("name", RENDER_SETTINGS)
def test_render_with_settings_of_others_is_refused_and_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / SETTINGS_NAME).write_bytes(RENDER_SETTINGS[name])
    with pytest.raises(DataError, match="a folder holds one render|cannot render into") as error, time_limit(10):
        fill(tmp_path)
    assert str(error.value).isprintable()
    assert [path.name for path in tmp_path.iterdir()] == [SETTINGS_NAME]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"no manifest"])
def test_render_over_a_damaged_manifest_makes_all_sounds_again(data: bytes, tmp_path: Path) -> None:
    fill(tmp_path)
    whole = (tmp_path / MANIFEST_NAME).read_bytes()
    (tmp_path / MANIFEST_NAME).write_bytes(data)
    (tmp_path / "fake_00003.wav").write_bytes(b"altered, and nobody knows")
    assert fill(tmp_path).n_rendered == 8
    assert (tmp_path / MANIFEST_NAME).read_bytes() == whole
    assert len(read_manifest(tmp_path / MANIFEST_NAME)) == 8


def test_full_disk_stops_a_render_in_one_line_and_the_same_call_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = soundfile.write

    def full(path: Path, *rest: Any, **settings: Any) -> None:
        if "00003" in path.name:
            raise OSError(28, "No space left on device")
        write(path, *rest, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(soundfile, "write", full)
        with pytest.raises(DataError, match="cannot render into .*: No space left on device; make room"):
            fill(tmp_path)
    assert fill(tmp_path).n_rendered == 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from([*SHAPE, "x"]), inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=100)))
def test_any_file_is_refused_or_a_shape(tmp_path: Path, data: bytes) -> None:
    check_any(tmp_path / "a.vitallfo", data)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(), max_size=8), st.lists(st.floats(), max_size=4))
def test_any_numbers_are_refused_or_a_shape(tmp_path: Path, points: list[float], powers: list[float]) -> None:
    check_any(tmp_path / "a.vitallfo", shape(points=[0.0, 1.0, *points, 1.0, 0.0], powers=powers))


@settings(max_examples=100)
@given(st.integers(2, MAX_POINTS), st.floats(-POWER_LIMIT, POWER_LIMIT), st.floats(0, 1))
def test_every_shape_in_range_has_a_curve_in_range(n_points: int, power: float, value: float) -> None:
    x = np.linspace(0, 1, n_points).tolist()
    lfo = DrawnLfo(
        points=tuple((at, value if i % 2 else 1.0) for i, at in enumerate(x)), powers=(power,) * (n_points - 1)
    )
    curve = lfo.frames(1000)
    assert ((curve >= -1e-12) & (curve <= 1 + 1e-12)).all()


def check_any(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with time_limit(5):
        try:
            lfo = read_vital_lfo(path)
        except DataError as error:
            message = str(error)
        else:
            message = ""
            assert np.isfinite(lfo.frames(100)).all()
    assert message == "" or message.isprintable()
