"""`modstudy verify`: compares all files of a study with what was written."""

from study.commands.options import OK, TRIALS_FAILED, Name, Root, console, report_errors

MAX_REMARKS = 20
"""Maximum number of remarks that are listed."""


@report_errors
def verify(name: Name, root: Root = "runs") -> int:
    """Verify every file of a study by its sha256, and list what is damaged; nothing is written.

    The exit code is 0 if all files are as they were written, and 1 if one is not.
    """
    from study.execution.repair import verified
    from study.execution.session import Session

    session = Session(root=root, name=name, console=console)
    if not session.store.has_study:
        session.plan()
    found = verified(session.store, console)
    for damage in found.damaged:
        _print(f"damaged: {damage.problem}")
    for remark in found.remarks[:MAX_REMARKS]:
        _print(f"note: {remark}")
    if len(found.remarks) > MAX_REMARKS:
        _print(f"note: and {len(found.remarks) - MAX_REMARKS} more")
    if not found.damaged:
        _print(f"{name}: all {found.n_files} files ({found.n_bytes / 1e6:,.1f} MB) are as they were written")
        return OK
    _print(
        f"{name}: {len(found.damaged)} of {found.n_files} files are damaged, those of {len(found.digests)} trials. "
        f"Restore what has a copy, and run the trials again: {session.resume_command}"
    )
    return TRIALS_FAILED


def _print(line: str) -> None:
    """Print a line that has no markup."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
