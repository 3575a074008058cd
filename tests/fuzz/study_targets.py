"""Stored files of a study from somebody else: they are committed with sizes and hashes that fit."""

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc

from core.storage.clip_values import CLIP_VALUES_NAME, read_clip_values
from core.storage.curve_catalog import open_curves
from core.storage.curves import CURVES_NAME, curve_array, read_curves
from core.storage.sealed import seal, seal_json, unseal_json
from core.storage.serialisation import (
    definition_to_json,
    record_from_json,
    record_to_json,
    segment_to_json,
)
from core.storage.store import Store
from core.training.checkpoint import latest_checkpoint, to_bytes
from tests.fuzz.target import Target, command
from tests.support.fake_study import ARMS, fake_study


def sealed(data: bytes) -> bytes:
    """JSON with the seal that fits it; content that is no object stays as it is."""
    return seal_json(data) if data.rstrip().endswith(b"}") else data


class StudyTarget(Target):
    """A file of a finished study."""

    def __init__(self) -> None:
        folder = Path("studies").absolute()
        shutil.rmtree(folder, ignore_errors=True)
        self.store: Store = fake_study(folder / "fake", ARMS[:3], seeds=2)
        self.root = folder
        self.digest = self.store.plan().trials[0].digest
        committed = self.store.committed(self.digest)
        assert committed is not None
        self.committed = committed
        self.record = committed.record()

    def commit_with(self, name: str, data: bytes) -> None:
        """Write a new attempt at the trial, in which one file has other content."""
        for attempt in self.store.attempts(self.digest):
            if attempt.name != self.committed.name:
                shutil.rmtree(Path(self.store.root) / attempt.key("").rstrip("/"))
        attempt = self.store.begin(self.digest)
        for other in self.committed.all_names():
            if other not in ("record.json", name):
                attempt.put(other, self.committed.get(other))
        attempt.put(name, data)
        attempt.commit(replace(self.record, attempt=attempt.name))


class RecordTarget(StudyTarget):
    """The record of a trial."""

    def __init__(self) -> None:
        super().__init__()
        self._original = record_to_json(self.record)
        self.originals = [unseal_json(self._original)]

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        key = self.committed.key("record.json")
        self.store.put(key, sealed(data))
        try:
            record_from_json(sealed(data))
        finally:
            command("status", "fake", "--root", self.root, "--trials")
            command("list", "--root", self.root)
            self.store.put(key, self._original)


class PlanTarget(StudyTarget):
    """The definition of a study, or a segment of its plan."""

    def __init__(self) -> None:
        super().__init__()
        plan = self.store.plan()
        segments = [replace(segment, arms=()) for segment in plan.segments]
        self.originals = list(map(unseal_json, [definition_to_json(plan.definition), *map(segment_to_json, segments)]))

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        keys = ["plan/0002.json", "plan-copy/0002.json"] if b'"stage"' in data else ["study.json", "study-copy.json"]
        before = {key: self.store.get(key) if self.store.has(key) else None for key in keys}
        for key in keys:
            self.store.put(key, sealed(data))
        try:
            command("list", "--root", self.root)
            command("status", "fake", "--root", self.root)
        finally:
            for key, content in before.items():
                if content is None:
                    self.store.drop(key)
                else:
                    self.store.put(key, content)


class CurveFileTarget(StudyTarget):
    """A file with recovered curves."""

    def __init__(self) -> None:
        super().__init__()
        self.originals = [self.committed.get(CURVES_NAME)]

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        self.commit_with(CURVES_NAME, data)
        table = read_curves(self.store, [self.digest])
        for modulation in pc.unique(table["modulation"]).to_pylist():
            rows = table.filter(pc.equal(table["modulation"], modulation))
            for column in ("target", "estimate", "projection"):
                curves = curve_array(rows[column])
                if curves is not None:
                    curves.sum()
        for batch in open_curves(self.store).batches():
            batch.rows.to_pylist()


class ClipValuesTarget(StudyTarget):
    """A file with the values of metrics per clip."""

    def __init__(self) -> None:
        self.store = fake_study(Path("clip-values").absolute() / "fake", [replace(ARMS[0], n_flat=2)], seeds=1)
        self.digest = self.store.plan().trials[0].digest
        committed = self.store.committed(self.digest)
        assert committed is not None
        self.committed, self.record = committed, committed.record()
        self.originals = [committed.get(CLIP_VALUES_NAME)]

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        self.commit_with(CLIP_VALUES_NAME, data)
        committed = self.store.committed(self.digest)
        assert committed is not None
        values = read_clip_values(committed)
        assert values is not None
        for column in values.columns.values():
            column.sum()


class CheckpointTarget(Target):
    """The checkpoint of an unfinished trial."""

    def __init__(self) -> None:
        import torch

        content = {
            "digest": "0" * 16, "step": 4, "model": {"weight": torch.ones(3)}, "optimizers": [{"state": {}}],
            "best_model": {"weight": torch.ones(3)}, "best_step": 2, "best_loss": 0.5, "history": [{"step": 2.0}],
            "recent_losses": [0.5], "elapsed_s": 1.0,
        }  # fmt: skip
        self.originals = [to_bytes(content)]

    def run(self, folder: Path, data: bytes) -> None:
        store = Store(folder / "store")
        store.put(f"trials/{'0' * 16}/0001-abcdef/checkpoint-00000004.pt", seal(data))
        latest_checkpoint(store, "0" * 16)
