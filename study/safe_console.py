"""A console on which text of studies, files and errors cannot steer the terminal, and log messages as lines on it."""

import logging
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from core.visible_text import visible


class SafeConsole(Console):
    """Console that shows control characters in what is printed, and sends only those of its own styles."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class LineHandler(logging.Handler):
    """Prints each log message as one line, like the notes and errors of the commands."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message behind its level."""
        text = escape(self.format(record))
        self._console.print(f"[yellow]{record.levelname.lower()}:[/] {text}", highlight=False, soft_wrap=True)
