"""Paths that a user gave."""

from pathlib import Path

from core.errors import ConfigError
from core.settings.value_rules import shown_value


def expanded(text: str) -> Path:
    """A path with the home folder in place of `~`; there need not be anything at it.

    Raises:
        ConfigError: the home folder is unknown, or the operating system refuses to look at the path.
    """
    try:
        path = Path(text).expanduser()
        path.exists()
    except RuntimeError as error:
        raise ConfigError(
            f"{shown_value(text)} begins with the home folder of a user who does not exist; correct the path"
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot look at {shown_value(text)}: {error.strerror}; correct the path") from error
    return path
