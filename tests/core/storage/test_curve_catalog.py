"""Curve files of many studies: which are found, and how they are read."""

import io
import resource
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from core.errors import StoreError
from core.storage.curve_catalog import CurveCatalog, open_curves
from core.storage.curves import CURVES_NAME, SCHEMA, read_curves, write_curves
from core.storage.store import Store
from tests.support.curve_study import commit, curve_study, random_curves
from tests.support.s3_server import new_bucket, s3_options
from tests.support.stores import STORES

ARMS, SEEDS = ("frame", "spline", "constant"), (0, 1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies, and things that are no study."""
    root = tmp_path_factory.mktemp("runs")
    for number, name in enumerate(("first", "second")):
        curves = {(arm, seed): random_curves(100 * number + seed) for arm in ARMS for seed in SEEDS}
        curve_study(Store(root / name), name, curves, baselines=["constant"])
    (root / "mlflow-artifacts").mkdir()
    (root / "notes.txt").write_text("not a study")
    return root


def table_of(catalog: CurveCatalog) -> pa.Table:
    return pa.Table.from_batches([batch.rows for batch in catalog.batches()], SCHEMA)


def keys_of(catalog: CurveCatalog) -> list[tuple[str, str, int]]:
    return [(file.study, file.arm, file.seed) for file in catalog.files]


def test_a_root_gives_the_curves_of_all_its_studies(root: Path) -> None:
    catalog = open_curves(root)
    assert keys_of(catalog) == [(name, arm, seed) for name in ("first", "second") for arm in ARMS for seed in SEEDS]
    table = table_of(catalog)
    assert table.num_rows == 2 * 3 * 2 * 2 * 2
    assert table["study"].to_pylist() == ["first"] * 24 + ["second"] * 24


@pytest.mark.parametrize("kind", STORES)
def test_every_kind_of_store_gives_the_rows_of_its_files(kind: str, tmp_path: Path) -> None:
    store = STORES[kind](tmp_path)
    attempts = curve_study(store, "mine", {("frame", seed): random_curves(seed) for seed in SEEDS})
    catalog = open_curves(store)
    expected = read_curves(store, [attempt.digest for attempt in attempts.values()])
    assert table_of(catalog).equals(expected)
    assert catalog.dataset().to_table().sort_by("seed").equals(expected)


def test_studies_of_a_bucket_and_of_a_folder_make_one_dataset(root: Path) -> None:
    bucket = f"{new_bucket()}/runs{s3_options()}"
    curve_study(Store(bucket).below("far"), "far", {("frame", 7): random_curves(7)})
    catalog = open_curves(root, bucket)
    assert len(catalog.files) == 13
    dataset = catalog.dataset()
    assert dataset.count_rows() == 52
    assert set(dataset.to_table(columns=["study"])["study"].to_pylist()) == {"first", "second", "far"}


def test_only_the_latest_committed_attempt_counts(tmp_path: Path) -> None:
    store = Store(tmp_path / "mine")
    committed = curve_study(store, "mine", {("frame", 0): random_curves(0)})["frame", 0]
    begun = store.begin(committed.digest)
    write_curves(begun, random_curves(1), study="mine", arm="frame", seed=0)
    assert [file.attempt for file in open_curves(store).files] == [committed]
    commit(begun, "mine", "frame", 0)
    assert [file.attempt for file in open_curves(store).files] == [begun]
    commit(store.begin(committed.digest), "mine", "frame", 0)
    assert open_curves(store).files == ()


def test_trials_of_a_search_are_left_out(tmp_path: Path) -> None:
    curves = {("searched", 1000): random_curves(0), ("confirmed", 0): random_curves(1)}
    curve_study(Store(tmp_path / "mine"), "mine", curves, stages={"searched": "search", "confirmed": "confirm"})
    assert keys_of(open_curves(tmp_path)) == [("mine", "confirmed", 0)]


def test_a_selection_opens_no_other_file(root: Path) -> None:
    chosen = open_curves(root, studies=["second"], arms=["frame", "spline"], seeds=[1])
    assert keys_of(chosen) == [("second", "frame", 1), ("second", "spline", 1)]
    assert {key[1] for key in keys_of(open_curves(root, baselines=False))} == {"frame", "spline"}


def test_clips_and_modulations_select_rows(root: Path) -> None:
    catalog = open_curves(root / "first", arms=["frame"], clips=["clip-1"], modulations=["env"])
    whole = table_of(open_curves(root / "first", arms=["frame"]))
    rows = [3, 7]
    assert table_of(catalog).equals(whole.take(rows))
    assert [batch.indices.tolist() for batch in catalog.batches()] == [[3], [3]]
    assert catalog.dataset().to_table().equals(whole.take(rows))
    file = catalog.files[1]
    assert file.row(3).equals(whole.slice(7, 1))
    assert file.address == str(root / "first" / file.key)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"studies": ["frist"]}, "there is no study 'frist'; did you mean first?"),
        ({"studies": ["x"]}, "there is no study 'x'; studies under .*: first, second"),
        ({"arms": ["lpf-8"]}, "there is no arm 'lpf-8'; arms: frame, spline, constant"),
        ({"seeds": [5]}, "there is no seed '5'; seeds: 0, 1"),
    ],
)
def test_names_that_are_not_there_are_refused(root: Path, selection: dict[str, list[str]], message: str) -> None:
    with pytest.raises(StoreError, match=message):
        open_curves(root, **selection)  # type: ignore[arg-type]


def test_without_a_study_or_a_curve_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no study under .*; give the folder of a study or of many studies"):
        open_curves(tmp_path)
    curve_study(Store(tmp_path / "empty"), "empty", {})
    with pytest.raises(StoreError, match="no curve file is selected"):
        open_curves(tmp_path).dataset()


def test_local_batches_and_datasets_are_views_of_the_mapped_files(root: Path) -> None:
    catalog = open_curves(root)
    before = pa.total_allocated_bytes()
    for batch in catalog.batches():
        assert str(root / batch.file.study / batch.file.key) in Path("/proc/self/maps").read_text()
    assert pa.total_allocated_bytes() == before
    table = catalog.dataset().to_table(columns=["estimate"])
    assert pa.total_allocated_bytes() - before < table.nbytes / 4


@pytest.fixture
def few_files() -> Iterator[None]:
    """This process may open only 40 more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n_open = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (n_open + 40, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_files")
def test_more_files_are_read_than_may_be_open(tmp_path: Path) -> None:
    curves = random_curves(0)
    curve_study(Store(tmp_path / "many"), "many", {("frame", seed): curves for seed in range(120)})
    catalog = open_curves(tmp_path)
    assert sum(batch.rows.num_rows for batch in catalog.batches()) == 480
    assert catalog.dataset().to_table(columns=["seed", "estimate"]).num_rows == 480


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "mine")
    attempt = store.begin(curve_study(store, "mine", {("frame", 0): random_curves(0)})["frame", 0].digest)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, SCHEMA.with_metadata({"modstudy.curves.version": "99"})):
        pass
    attempt.put(CURVES_NAME, sink.getvalue())
    commit(attempt, "mine", "frame", 0)
    catalog = open_curves(store)
    for read in (lambda: list(catalog.batches()), catalog.dataset):
        with pytest.raises(StoreError, match="curve schema version 99, this modstudy reads 2"):
            read()
