"""Names and questions of studies, and names of arms: the rules for them, and names that fit."""

import hashlib
import re

from core.errors import ConfigError
from core.settings.value_rules import shown_value

MAX_LENGTH = 100
"""Largest number of characters of a name."""
NAME_RULE = f"letters, digits, spaces and . _ + = , - inside, at most {MAX_LENGTH} characters"
"""Characters allowed in the name of a study or an arm, as text for error messages."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._+=,-]{0,98}[A-Za-z0-9_+])?")
"""Pattern of `NAME_RULE`."""
_N_HASH_DIGITS = 8
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters other than tabs and line ends."""
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
"""Names that Windows gives to devices, with any ending."""
RESERVED = frozenset(
    {
        *("mlflow.db", "mlflow-artifacts", "comparisons", "train"),
        *("study.json", "summary.json", "results.csv", "mlflow-id", "lease"),
        *("plan", "trials", "ledger", "data", "report"),
    }
)
"""What a root holds beside its studies, and what the folder of a study holds, which could be taken for a root."""


def check_name(what: str, name: str) -> None:
    """Check the name of a study or an arm against `NAME_RULE`; `what` is "a study" or "an arm".

    Raises:
        ConfigError: the name breaks the rule.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"the name of {what} has {NAME_RULE}; got {shown_value(name)}; rename it")


def check_study_name(name: str) -> None:
    """Check the name of a study, which is that of its folder, against `NAME_RULE` and the names that are taken.

    Raises:
        ConfigError: the name breaks the rule, or a root or a study holds something else under it.
    """
    check_name("a study", name)
    # Some file systems do not tell capitals apart.
    lowered, is_device = name.lower(), _DEVICE.fullmatch(name) is not None
    if is_device or lowered in RESERVED or lowered.startswith("mlflow.db"):
        owner = "a device on Windows" if is_device else "something else in folders of studies"
        raise ConfigError(
            f"the name of a study is that of its folder, and {shown_value(name)} is the name of {owner}; rename it"
        )


def check_question(question: str) -> None:
    """Check the question of a study, which is shown in terminals and pages.

    Raises:
        ConfigError: it is empty, or has control characters other than tabs and line ends.
    """
    if not question.strip():
        raise ConfigError("question: a sentence that says what the study is to answer is needed; got nothing")
    if _CONTROL.search(question):
        raise ConfigError(f"question: text has no control characters; got {shown_value(question)}; remove them")


def fitted_name(text: str) -> str:
    """The text as a name that fits `NAME_RULE`.

    Other characters become underscores. A text that is too long is cut, and a hash of the whole text appended.
    """
    if _NAME.fullmatch(text):
        return text
    name = re.sub(r"[^A-Za-z0-9 ._+=,-]", "_", text).lstrip(" ._+=,-").rstrip(" .=,-") or "arm"
    if len(name) > MAX_LENGTH:
        digits = hashlib.sha256(text.encode()).hexdigest()[:_N_HASH_DIGITS]
        name = f"{name[: MAX_LENGTH - _N_HASH_DIGITS - 1].rstrip(' .=,-')}-{digits}"
    return name
