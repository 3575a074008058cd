"""The errors a user can cause or meet; each message names the rule, what came, and what to do."""


class ModstudyError(Exception):
    """Base of every error this project raises on purpose; the command line prints it without a traceback."""


class ConfigError(ModstudyError, ValueError):
    """A setting is unknown, out of range, or contradicts another one."""


class DataError(ModstudyError):
    """A data source cannot be read, or holds too little to work with."""


class StoreError(ModstudyError):
    """Something kept is missing, damaged, or belongs to another configuration."""


class StudyError(ModstudyError):
    """A study cannot be planned, started, resumed or reported as asked."""
