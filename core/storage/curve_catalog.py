"""Curve files of one or many studies, read as a stream of record batches or as a pyarrow dataset.

Files are found from the plans of the studies, so a selection of studies, arms and seeds opens no other file. Only the
latest committed attempt at each trial counts. Local files are memory-mapped one after the other: thousands of them
neither fill the memory nor the table of open files.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs
from jaxtyping import Int
from numpy import ndarray

from core.errors import StoreError
from core.settings.suggestions import did_you_mean
from core.storage.curves import CURVES_NAME, SCHEMA, check_version, curve_batches
from core.storage.integrity import problem_of_size
from core.storage.records import PlannedTrial, StudyPlan
from core.storage.roots import below, shown
from core.storage.store import ATTEMPT_NAME, RECORD_NAME, TRIALS_PREFIX, Attempt, Store, study_names

_THREADS = 16
"""Number of curve files whose schema versions are read at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFile:
    """Curve file of a trial's committed attempt."""

    study: str
    arm: str
    seed: int
    attempt: Attempt

    @property
    def key(self) -> str:
        """Key in the store of the study."""
        return self.attempt.key(CURVES_NAME)

    @property
    def address(self) -> str:
        """Path or URI, to be shown."""
        return self.attempt.store.address(self.key)

    def row(self, index: int) -> pa.Table:
        """A row of the file as a table, memory-mapped if the store is local.

        Raises:
            DamageError: the file is damaged.
            StoreError: the file has another schema version.
        """
        return pa.Table.from_batches(curve_batches(self.attempt), SCHEMA).slice(index, 1)


@dataclass(frozen=True, slots=True)
class CurveBatch:
    """Selected rows of one record batch of a curve file."""

    file: CurveFile
    rows: pa.RecordBatch
    """The rows, with the columns of `core.storage.curves.SCHEMA`."""
    indices: Int[ndarray, " row"]
    """Index of each row in the file."""


@dataclass(frozen=True, kw_only=True)
class CurveCatalog:
    """Curve files, and the clips and modulations to read of them."""

    files: tuple[CurveFile, ...]
    """In the order of studies, arms and trials."""
    clips: frozenset[str] | None = None
    """Ids of the clips to read; None for all."""
    modulations: frozenset[str] | None = None
    """Names of the modulations to read; None for all."""
    rows: Mapping[str, frozenset[int]] | None = None
    """Indices of the rows to read, by the address of their file; None for all."""

    def batches(self) -> Iterator[CurveBatch]:
        """The selected rows, a record batch at a time.

        The columns of a local file are views of the mapped file, unless clips or modulations are selected: these rows
        are copied. A file is closed when its batches are no longer used. Damaged files are left out with a warning.

        Raises:
            StoreError: a file has another schema version.
        """
        for file in self.files:
            batches: list[pa.RecordBatch] = []
            with file.attempt.store.passing_over_damage():
                batches = list(curve_batches(file.attempt))
            n_before = 0
            for rows in batches:
                indices = np.arange(n_before, n_before + rows.num_rows)
                n_before += rows.num_rows
                if self.rows is not None:
                    is_chosen = np.isin(indices, sorted(self.rows.get(file.address, ())))
                    rows, indices = rows.filter(pa.array(is_chosen)), indices[is_chosen]
                if (mask := self._mask(rows)) is not None:
                    rows, indices = rows.filter(mask), indices[mask.to_numpy(zero_copy_only=False)]
                if rows.num_rows:
                    yield CurveBatch(file, rows, indices)

    def dataset(self) -> ds.Dataset:
        """The selected rows as a dataset, for pandas, polars, DuckDB and other readers of Arrow data.

        Readers open the files one after the other and take only the columns that they need. The files are checked
        before: local ones by their content, remote ones by their size. Damaged files are left out with a warning.

        Raises:
            StoreError: a file has another schema version, no intact file is selected, or single rows are, which have no
                place in a dataset: use `batches`.
        """
        if self.rows is not None:
            raise StoreError("a dataset has all rows of its files; read the batches of a catalog of single rows")
        with ThreadPoolExecutor(_THREADS) as pool:
            are_intact = list(pool.map(_is_intact, self.files))
        intact = [file for file, is_intact in zip(self.files, are_intact, strict=True) if is_intact]
        if not intact:
            raise StoreError("no curve file is selected; a dataset needs at least one finished trial with curves")
        parts = []
        for _, files in groupby(intact, key=lambda file: _file_system_of(file)[0]):
            locations = [_file_system_of(file) for file in files]
            parts.append(ds.dataset([path for _, path in locations], SCHEMA, "ipc", locations[0][0]))
        dataset = parts[0] if len(parts) == 1 else ds.dataset(parts)
        for name, values in self._row_filters.items():
            dataset = dataset.filter(pc.field(name).isin(sorted(values)))
        return dataset

    def different(self, column: str) -> tuple[str, ...]:
        """Sorted different values of a column of strings, such as `clip_id`, over the selected rows."""
        return tuple(sorted({value for batch in self.batches() for value in pc.unique(batch.rows[column]).to_pylist()}))

    @cached_property
    def _row_filters(self) -> dict[str, frozenset[str]]:
        """Selected values by column."""
        filters = {"clip_id": self.clips, "modulation": self.modulations}
        return {name: values for name, values in filters.items() if values is not None}

    def _mask(self, rows: pa.RecordBatch) -> pa.BooleanArray | None:
        """Mask of the selected rows; None if all are."""
        mask = None
        for name, values in self._row_filters.items():
            is_in = pc.is_in(rows[name], pa.array(sorted(values), pa.string()))
            mask = is_in if mask is None else pc.and_(mask, is_in)
        return mask


def open_curves(
    *roots: str | Path | Store,
    studies: Collection[str] | None = None,
    arms: Collection[str] | None = None,
    seeds: Collection[int] | None = None,
    clips: Collection[str] | None = None,
    modulations: Collection[str] | None = None,
    baselines: bool = True,
) -> CurveCatalog:
    """Find the curve files of studies; no curve is read yet.

    Args:
        roots: Folders or URIs, each of a study or of many studies.
        studies: Names of the studies to read; None for all.
        arms: Names of the arms to read; None for all.
        seeds: Seeds to read; None for all.
        clips: Ids of the test clips to read; None for all.
        modulations: Names of the modulations to read; None for all.
        baselines: Whether to read arms whose curves do not depend on the sound.

    Raises:
        StoreError: there is no study, or none has one of the given names, arms or seeds.
    """
    stores = [store for root in roots for store in _study_stores(root)]
    places = ", ".join(shown(str(root.root if isinstance(root, Store) else root)) for root in roots)
    if not stores:
        raise StoreError(f"there is no study under {places}; give the folder of a study or of many studies")
    if studies is not None:
        _check_known("study", studies, [_folder_name(store) for store in stores], f"studies under {places}")
        stores = [store for store in stores if _folder_name(store) in studies]
    planned = [(store, store.plan()) for store in stores]
    if arms is not None:
        known = dict.fromkeys(arm.name for _, plan in planned for arm in plan.arms)
        _check_known("arm", arms, known, "arms")
    if seeds is not None:
        known_seeds = sorted({trial.seed for _, plan in planned for trial in plan.trials if "test" in trial.splits})
        _check_known("seed", map(str, seeds), [str(seed) for seed in known_seeds], "seeds")

    def is_selected(plan: StudyPlan, trial: PlannedTrial) -> bool:
        return (
            "test" in trial.splits
            and (arms is None or trial.arm in arms)
            and (seeds is None or trial.seed in seeds)
            and (baselines or not plan.arm(trial.arm).is_baseline)
        )

    selected = ((store, plan, [trial for trial in plan.trials if is_selected(plan, trial)]) for store, plan in planned)
    return CurveCatalog(
        files=tuple(file for store, plan, trials in selected for file in _curve_files(store, plan.name, trials)),
        clips=None if clips is None else frozenset(clips),
        modulations=None if modulations is None else frozenset(modulations),
    )


# ---------------------------------------------------------------------------------------------------------------------


def _study_stores(root: str | Path | Store) -> list[Store]:
    """The store of a study, or the stores of all studies of a root."""
    store = root if isinstance(root, Store) else Store(root)
    if store.has_study:
        return [store]
    return [Store(below(store.root, name)) for name in study_names(store.root)]


def _folder_name(store: Store) -> str:
    """Name of the folder of a study."""
    return shown(store.root).rstrip("/").rpartition("/")[2]


def _check_known(noun: str, names: Iterable[str], known: Collection[str], title: str) -> None:
    """Raise StoreError for a name that is not among the known ones."""
    for name in names:
        if name not in known:
            listed = f"{title}: {', '.join(known) or 'none'}"
            raise StoreError(f"there is no {noun} {name!r}; {did_you_mean(name, known, otherwise=listed)}")


def _curve_files(store: Store, study: str, trials: Sequence[PlannedTrial]) -> Iterator[CurveFile]:
    """Curve files of some trials of a study."""
    # A remote store lists thousands of keys in one request, but needs several requests for each trial.
    remote = _remote_attempts(store) if store.local_root is None and trials else {}
    for trial in trials:
        attempt = _local_attempt(store, trial.digest) if store.local_root is not None else remote.get(trial.digest)
        if attempt is not None:
            yield CurveFile(study=study, arm=trial.arm, seed=trial.seed, attempt=attempt)


def _local_attempt(store: Store, digest: str) -> Attempt | None:
    """The latest committed attempt at a trial; None if there is none, or if it has no curve file."""
    attempt = store.committed(digest)
    return attempt if attempt is not None and CURVES_NAME in attempt.stored_files() else None


def _remote_attempts(store: Store) -> dict[str, Attempt]:
    """By digest, the latest committed attempt at each trial, of those that have a curve file."""
    names: dict[tuple[str, str], set[str]] = {}
    for path in store.all_names(TRIALS_PREFIX):
        digest, _, rest = path.partition("/")
        attempt, _, name = rest.partition("/")
        if ATTEMPT_NAME.fullmatch(attempt):
            names.setdefault((digest, attempt), set()).add(name)
    committed = {digest: attempt for (digest, attempt), found in sorted(names.items()) if RECORD_NAME in found}
    return {
        digest: Attempt(store, digest, attempt)
        for digest, attempt in committed.items()
        if CURVES_NAME in names[digest, attempt]
    }


def _is_intact(file: CurveFile) -> bool:
    """Whether a curve file is as it was written; of a remote file, only size and schema are looked at.

    Raises:
        StoreError: the file has another schema version.
    """
    attempt, store = file.attempt, file.attempt.store
    with store.passing_over_damage():
        if store.local_root is not None:
            for _ in curve_batches(attempt):
                pass
            return True
        if problem := problem_of_size(store.size(file.key), attempt.stored_files()[CURVES_NAME]):
            raise attempt.damage(CURVES_NAME, problem)
        file_system, path = store.file(file.key)
        with file_system.open_input_file(path) as source:
            try:
                schema = pa.ipc.open_file(source).schema
            except pa.ArrowException as error:
                raise attempt.damage(CURVES_NAME, f"it is no Arrow file: {error}") from error
        check_version(schema, file.key)
        return True
    return False


def _file_system_of(file: CurveFile) -> tuple[fs.FileSystem, str]:
    """File system and path of a curve file; local files are memory-mapped."""
    file_system, path = file.attempt.store.file(file.key)
    return (fs.LocalFileSystem(use_mmap=True) if isinstance(file_system, fs.LocalFileSystem) else file_system), path
