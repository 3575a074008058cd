"""The command line, for tests that run it on sounds that nobody here made."""

from tests.support.command_line import modstudy

__all__ = ["modstudy"]
