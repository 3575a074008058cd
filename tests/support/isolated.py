"""Commands in a network namespace whose only interface is the loopback, with all that they try to reach beyond it.

Two witnesses: the kernel counts what has no route, whichever program sends it, and an audit hook in all Python
processes writes down every address that is connected to and every name that is looked up.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.listening import listening_in
from tests.support.processes import session_of

_RUN = """\
import fcntl, socket, struct, subprocess, sys
from pathlib import Path

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
code = subprocess.call(sys.argv[2:])
counters = Path("/proc/net/snmp").read_text() + Path("/proc/net/snmp6").read_text()
Path(sys.argv[1]).write_text(counters)
sys.exit(code)
"""
_HOOK = """\
import os, sys

def _note(event, arguments, path={path!r}):
    if event in {{"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}}:
        place = arguments[1] if event in {{"socket.connect", "socket.sendto"}} else arguments[0]
        if isinstance(place, tuple):
            place = place[0]
        elif event in {{"socket.connect", "socket.sendto"}}:
            return  # a socket in the file system
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{{event}} {{place!r}} {{sys.argv[:1]}}\\n".encode())
        os.close(descriptor)

sys.addaudithook(_note)
"""


@dataclass
class IsolatedCommand:
    """A command that runs in a namespace of its own."""

    folder: Path
    process: subprocess.Popen[bytes]
    listening: set[str] = field(default_factory=set)
    """Addresses on which anything in the namespace was seen to listen."""

    def look(self) -> None:
        """Note who listens now."""
        if self._namespace() in (None, Path("/proc/self/ns/net").readlink()):
            return  # it has not begun, or has ended
        self.listening |= set(listening_in(self.process.pid).values())

    def _namespace(self) -> Path | None:
        """The network namespace of the command."""
        try:
            return Path(f"/proc/{self.process.pid}/ns/net").readlink()
        except OSError:
            return None

    def processes(self) -> list[int]:
        """Processes of the command."""
        return session_of(self.process.pid)

    def output(self) -> str:
        """What the command has printed."""
        return (self.folder / "output.txt").read_text(encoding="utf-8")

    def unrouted(self) -> dict[str, int]:
        """Packets for which there was no route, by protocol, once the command has ended."""
        counters = dict[str, int]()
        lines = (self.folder / "counters.txt").read_text().splitlines()
        for names, values in pairwise(lines):
            if names.startswith("Ip: ") and values.startswith("Ip: "):
                counters["ip"] = int(dict(zip(names.split(), values.split(), strict=True))["OutNoRoutes"])
        counters["ip6"] = sum(int(line.split()[1]) for line in lines if line.startswith("Ip6OutNoRoutes"))
        return counters

    def sought(self) -> list[str]:
        """Events of the audit hooks: names that were looked up and addresses that were connected to."""
        path = self.folder / "sought.txt"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def end(self) -> None:
        """Kill whatever of the command still runs."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def begin_isolated(folder: Path, words: list[str], cwd: Path, variables: Mapping[str, str]) -> IsolatedCommand:
    """Start a command in a namespace; skips the test where a process may not have one.

    Args:
        folder: New folder for what is noted of it.
        words: The command.
        cwd: Working folder of the command.
        variables: Further environment variables.
    """
    if shutil.which("unshare") is None or subprocess.run(["unshare", "--map-root-user", "--net", "true"]).returncode:
        pytest.skip("needs network namespaces: unshare --map-root-user --net")
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_HOOK.format(path=str(folder / "sought.txt")), encoding="utf-8")
    (folder / "run.py").write_text(_RUN, encoding="utf-8")
    path = os.pathsep.join([str(folder), str(Path.cwd())])
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(
            ["unshare", "--map-root-user", "--net", sys.executable, folder / "run.py", folder / "counters.txt", *words],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return IsolatedCommand(folder, process)


def is_beyond_the_machine(event: str) -> bool:
    """Whether an event of the audit hooks is about anything but this machine."""
    return not re.match(r"\S+ (b?'(127\.\d+\.\d+\.\d+|::1|localhost|0\.0\.0\.0|::|)'|None) \[", event)
