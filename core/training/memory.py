"""Memory that is freed stays with the process, so that every training step finds what the last one used.

By default glibc returns large blocks to the system and asks for them again, and the system clears every page anew:
about a tenth of a step, a fifth of its loss.
"""

import ctypes
import logging
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_LARGEST_INT = 2**31 - 1
_log = logging.getLogger(__name__)


def keep_freed_memory() -> bool:
    """Tell the C library's allocator, for the whole process; False where it is not glibc's, and nothing changes."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        _log.debug("this C library has no mallopt: freed memory goes back to the system")
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT))
