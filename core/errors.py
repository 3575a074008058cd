"""Exceptions for errors a user can correct; each message states the rule, the value received and a remedy."""


class ModstudyError(Exception):
    """Base class of errors that a user can correct; the command line prints them without a traceback."""


class ConfigError(ModstudyError, ValueError):
    """A setting is unknown, out of range or contradicts another one."""


class DataError(ModstudyError):
    """Sound data or a wavetable is unreadable, invalid or insufficient."""


class StoreError(ModstudyError):
    """A stored file is missing, damaged or belongs to another configuration."""


class DamageError(StoreError):
    """A stored file is not as it was written, or cannot be read, while others may be intact."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        """Make the error.

        Args:
            problem: The file and what is wrong with it.
            remedy: What to do about it; empty if whoever catches the error knows.
        """
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem = problem


class MissingError(StoreError):
    """A stored file is not there."""


class StudyError(ModstudyError):
    """A study cannot be planned, started, resumed or reported."""


class StudyStoppedError(StudyError):
    """A study that ran cannot go on, as on a full disk; the trials that have ended have their results."""
