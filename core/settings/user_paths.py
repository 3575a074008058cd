"""Paths that a user gave."""

from pathlib import Path

from core.errors import ConfigError
from core.settings.value_rules import shown_value


def user_path(text: str, setting: str) -> Path:
    """The path that a setting names, in which `~` stands for the home folder; there need not be anything at it.

    Raises:
        ConfigError: it is no path in UTF-8, names the home of an unknown user, or the system refuses to look at it.
    """
    try:
        text.encode()
        if "\0" in text:
            raise ValueError("it contains a zero byte")
        path = Path(text).expanduser()
        path.exists()
    except (ValueError, RuntimeError) as error:
        raise ConfigError(
            f"{setting} must be a path in UTF-8, without zero bytes and unknown users; got {shown_value(text)}; "
            "correct the path"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{setting}: cannot look at {shown_value(text)}: {error.strerror}; correct the path"
        ) from error
    return path
