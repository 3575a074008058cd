"""The plan of a study in its store. It is kept twice, because nothing else could replace it.

    study.json           study-copy.json            definition of the study, written once
    plan/<number>.json   plan-copy/<number>.json    segments of the plan, one per proposal, never changed

A file that is damaged or missing is read from its copy.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.errors import DamageError, MissingError
from core.storage.records import PlanSegment, StudyDefinition, StudyPlan
from core.storage.serialisation import definition_from_json, definition_to_json, segment_from_json, segment_to_json
from core.storage.values import Values

STUDY_KEY, STUDY_COPY_KEY = "study.json", "study-copy.json"
"""Keys of the definition of the study and of its copy."""
PLAN_PREFIX, PLAN_COPY_PREFIX = "plan", "plan-copy"
"""Prefixes of the keys of plan segments and of their copies."""
SEGMENT_NAME = re.compile(r"\d{4,9}\.json")
"""Names of plan segments."""
OnDamage = Callable[[str], None]
"""Takes a sentence on a file that is damaged, and read from its copy."""
Content = TypeVar("Content", StudyDefinition, PlanSegment)


@dataclass(frozen=True, slots=True)
class PlanFile(Generic[Content]):
    """A file of the plan and its copy."""

    key: str
    copy_key: str
    parse: Callable[[bytes, str], Content]

    def of_key(self, values: Values, key: str) -> tuple[Content, bytes] | DamageError:
        """Content and bytes of the file or its copy, or what is wrong with it.

        Raises:
            StoreError: it has another schema version, or the root cannot be used.
        """
        where = values.address(key)
        try:
            data = values.get(key)
            return self.parse(data, where), data
        except MissingError:
            return DamageError(f"{where} is missing")
        except DamageError as error:
            return error

    def read(self, values: Values, on_damage: OnDamage) -> Content:
        """Content of the file, or of its copy if the file is damaged.

        Raises:
            DamageError: both are damaged.
        """
        own = self.of_key(values, self.key)
        if not isinstance(own, DamageError):
            return own[0]
        copy = self.of_key(values, self.copy_key)
        if isinstance(copy, DamageError):
            raise DamageError(
                f"{own.problem}, and its copy as well: {copy.problem}",
                "restore one of them from a backup, or launch the study file again under another --name: it takes over "
                "the trials that have ended",
            )
        on_damage(f"{own.problem}; its copy {self.copy_key} is read, and resuming the study restores it")
        return copy[0]

    def problems(self, values: Values) -> dict[str, str]:
        """What is wrong with the file and its copy, by key; errors are those of `of_key`."""
        own, copy = self.of_key(values, self.key), self.of_key(values, self.copy_key)
        pairs = ((self.key, own), (self.copy_key, copy))
        problems = {key: each.problem for key, each in pairs if isinstance(each, DamageError)}
        if not isinstance(own, DamageError) and not isinstance(copy, DamageError) and own[1] != copy[1]:
            problems[self.copy_key] = f"{values.address(self.copy_key)} is damaged: it differs from {self.key}"
        return problems

    def intact_data(self, values: Values) -> bytes:
        """Bytes of the file, or of its copy if the file is damaged.

        Raises:
            DamageError: both are damaged.
        """
        for key in (self.key, self.copy_key):
            found = self.of_key(values, key)
            if not isinstance(found, DamageError):
                return found[1]
        self.read(values, lambda _: None)
        raise AssertionError("the file was repaired while it was read")


def definition_file() -> PlanFile[StudyDefinition]:
    """The definition of the study and its copy."""
    return PlanFile(STUDY_KEY, STUDY_COPY_KEY, definition_from_json)


def segment_file(number: int) -> PlanFile[PlanSegment]:
    """A segment of the plan and its copy."""
    name = f"{number:04d}.json"
    return PlanFile(f"{PLAN_PREFIX}/{name}", f"{PLAN_COPY_PREFIX}/{name}", segment_from_json)


def n_segments(values: Values) -> int:
    """Number of segments of the plan, of which the file, the copy or both are there."""
    names = (name for prefix in (PLAN_PREFIX, PLAN_COPY_PREFIX) for name in values.names(prefix))
    return max((int(name.partition(".")[0]) for name in names if SEGMENT_NAME.fullmatch(name)), default=0)


def create_plan(values: Values, definition: StudyDefinition) -> None:
    """Write the definition of a new study.

    Raises:
        StoreError: there is a study already.
    """
    data = definition_to_json(definition)
    values.put_new(STUDY_KEY, data)
    values.put(STUDY_COPY_KEY, data)


def append_segment(values: Values, segment: PlanSegment) -> None:
    """Add a segment to the end of the plan.

    Raises:
        StoreError: another process added one at the same time.
    """
    file, data = segment_file(n_segments(values) + 1), segment_to_json(segment)
    values.put_new(file.key, data)
    values.put(file.copy_key, data)


def read_plan(values: Values, on_damage: OnDamage) -> StudyPlan:
    """The plan of a study: its definition and all segments.

    Args:
        values: Store of the study.
        on_damage: Takes a sentence on each file that is damaged, and read from its copy.

    Raises:
        DamageError: a file and its copy are damaged.
        StoreError: there is no study, or another version of modstudy stored it with another schema.
    """
    if not values.has(STUDY_KEY) and not values.has(STUDY_COPY_KEY):
        values.get(STUDY_KEY)
    definition = definition_file().read(values, on_damage)
    segments = tuple(segment_file(number).read(values, on_damage) for number in range(1, n_segments(values) + 1))
    plan = StudyPlan(definition=definition, segments=segments)
    arms = {arm.name for arm in plan.arms}
    if unknown := next((trial.arm for trial in plan.trials if trial.arm not in arms), None):
        raise DamageError(
            f"the plan in {values.address(PLAN_PREFIX)} has trials of an arm that it does not have ({unknown[:100]!r})",
            "restore its files from a backup",
        )
    return plan


def problems_of_plan(values: Values) -> dict[str, str]:
    """Files of the plan and copies that are damaged or missing, with what is wrong, by key.

    Raises:
        StoreError: a file has another schema version, or the root cannot be used.
    """
    return {key: problem for file in _plan_files(values) for key, problem in file.problems(values).items()}


def restore_plan(values: Values, set_aside: Callable[[str], str]) -> list[str]:
    """Write damaged or missing files of the plan again from their copies, and the other way round.

    Args:
        values: Store of the study.
        set_aside: Moves the value of a key away, and returns its new key.

    Returns:
        A sentence on each file that was restored.

    Raises:
        DamageError: a file and its copy are damaged.
        StoreError: a file has another schema version, or the root cannot be used.
    """
    restored = []
    for file in _plan_files(values):
        problems = file.problems(values)
        if not problems:
            continue
        data = file.intact_data(values)
        for key, problem in problems.items():
            kept = f", and the damaged one is kept as {set_aside(key)}" if _exists(values, key) else ""
            values.put(key, data)
            restored.append(f"{problem}; it was restored from its copy{kept}")
    return restored


def _plan_files(values: Values) -> "Iterator[PlanFile[StudyDefinition] | PlanFile[PlanSegment]]":
    """All files of the plan with their copies."""
    yield definition_file()
    for number in range(1, n_segments(values) + 1):
        yield segment_file(number)


def _exists(values: Values, key: str) -> bool:
    """Whether there is anything at a key, be it a file or not."""
    folder, _, name = key.rpartition("/")
    return name in values.names(folder)
