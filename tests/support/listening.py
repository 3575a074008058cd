"""The addresses on which processes listen, from Linux's /proc."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LISTENS = "0A"
"""State of a socket that listens, in /proc/net/tcp."""
_LOOPBACK = {"0100007F": "127.0.0.1", "0000000000000000FFFF00000100007F": "127.0.0.1", "0" * 24 + "01000000": "::1"}
"""The loopback addresses as words in the byte order of a little-endian machine."""


def listening_in(process: int) -> dict[str, str]:
    """Address of each socket that listens in the network namespace of a process, by its inode."""
    found = {}
    for family in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/{process}/net/{family}").read_text().splitlines()[1:]:
                row = line.split()
                if row[3] == LISTENS:
                    address = row[1].partition(":")[0]
                    found[row[9]] = _LOOPBACK.get(address, address)
    return found


def sockets_of(process: int) -> set[str]:
    """Inodes of the sockets that a process has open."""
    targets = []
    with suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                targets.append(str(link.readlink()))
    return {target.removeprefix("socket:[").rstrip("]") for target in targets if target.startswith("socket:[")}


def addresses_of(processes: Iterable[int]) -> set[str]:
    """Addresses on which some processes of this machine listen; others than the loopback's as words of /proc."""
    own = {inode for process in processes for inode in sockets_of(process)}
    return {address for inode, address in listening_in(os.getpid()).items() if inode in own}
