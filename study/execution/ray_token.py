"""Ray's token: a secret that all processes of a Ray cluster share, without which nobody else can use it.

Ray runs any code that it is sent, so whoever may talk to it is the user who started it. On one machine, where other
users can reach the loopback interface, each session has a token of its own. A cluster has the token with which it was
started, or none (Ray documentation, Token authentication; available since Ray 2.52).
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from core.errors import StudyError

MODE, TOKEN, TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
"""Environment variables from which Ray's processes take the mode, the token, or the file with the token."""
NO_TOKEN_WARNING = (
    "the cluster has no token: whoever reaches its ports can run code as you. Start its nodes with RAY_AUTH_MODE=token "
    "and one token (ray get-auth-token --generate), or make its files by: modstudy cluster"
)
"""What is said of a cluster that anyone can use."""
ANSWER_TIMEOUT_S = 5.0
"""Maximum time of the request that finds out whether a cluster wants a token."""


@contextmanager
def own_token(folder: Path) -> Iterator[None]:
    """Let a Ray that is started in the block want a new token, which only this user can read.

    Args:
        folder: Folder for the file with the token, which other users cannot enter.
    """
    path = folder / "ray-token"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    with _authentication({MODE: "token", TOKEN_PATH: str(path)}, without=(TOKEN,)):
        yield


@contextmanager
def token_of_cluster(address: str) -> Iterator[bool]:
    """Let this process use a cluster in the block, with the user's token if the cluster wants one.

    Args:
        address: Address of the head of the cluster as HOST:PORT, or `auto`.

    Yields:
        Whether the cluster wants a token.

    Raises:
        StudyError: the cluster wants a token, and the user has none or another one.
    """
    address = _host_and_port(address)
    with _authentication({MODE: "disabled"}):
        wants_token = not _is_admitted(address)
    with _authentication({MODE: "token" if wants_token else "disabled"}):
        if wants_token:
            _check_token(address)
        yield wants_token


@contextmanager
def _authentication(variables: dict[str, str], without: tuple[str, ...] = ()) -> Iterator[None]:
    """Set, and leave out, environment variables of Ray's authentication in the block, also for this process."""
    try:
        with patch.dict(os.environ, variables):
            for name in without:
                os.environ.pop(name, None)
            _read_again()
            yield
    finally:
        _read_again()


def _read_again() -> None:
    """Let the Ray of this process read mode and token, which it keeps, from the environment."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _host_and_port(address: str) -> str:
    """The address of a cluster, which is looked up on this machine if it is `auto`; then `auto` if there is none."""
    from ray._private.services import canonicalize_bootstrap_address

    return address if address != "auto" else canonicalize_bootstrap_address(address) or address


def _is_admitted(address: str) -> bool:
    """Whether a cluster answers this process; a cluster that cannot be reached is left to whoever joins it."""
    from ray._raylet import GcsClient  # type: ignore[attr-defined]
    from ray.exceptions import AuthenticationError, RayError

    try:
        GcsClient(address=address).get_all_node_info(timeout=ANSWER_TIMEOUT_S)
    except AuthenticationError:
        return False
    except (RayError, ConnectionError, RuntimeError, ValueError, OSError):
        return True
    return True


def _check_token(address: str) -> None:
    """Check that the user has the token of a cluster; Ray itself would try a wrong one for 20 seconds.

    Raises:
        StudyError: the user has no token, or another one.
    """
    from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]

    path = os.environ.get(TOKEN_PATH)
    if not os.environ.get(TOKEN) and path and not (Path(path).is_file() and Path(path).read_text().strip()):
        # Ray would end this process.
        raise StudyError(f"{TOKEN_PATH} must name a file with the cluster's token; got {path}")
    loader = AuthenticationTokenLoader.instance()
    remedy = (
        f"give the token with which its nodes were started in {TOKEN}, in a file that {TOKEN_PATH} names, or in "
        "~/.ray/auth_token"
    )
    if not loader.has_token(ignore_auth_mode=True):
        raise StudyError(f"the Ray cluster at {address} wants a token, and there is none here; {remedy}")
    if not _is_admitted(address):
        raise StudyError(f"the Ray cluster at {address} refuses the token that is here; {remedy}")
