"""Check that a study goes on with the code with which it began."""

from core.errors import StudyError
from core.storage.records import StudyPlan


def check_code_version(plan: StudyPlan, *, allow_change: bool) -> None:
    """Raise StudyError if a part of the study was planned with another version of the code, unless this is allowed."""
    from core.storage.code_version import code_version

    current = code_version()
    others = [version for version in plan.code_versions if version != current]
    if others and not allow_change:
        raise StudyError(
            f"the study began with code {others[0]}, and this is {current}: its trials would not be comparable; "
            "go back to that code, or give --allow-code-change"
        )
