"""Names in place of paths: no folder of a machine is left, and nothing else is changed."""

import pytest

from dashboards.path_names import without_folders

NAMED = {
    'File "/home/ann/x/core/training/trial.py", line 3, in fit': 'File "trial.py", line 3, in fit',
    "/home/ann/x/core/training/trial.py:33: error": "trial.py:33: error",
    "cannot read '/home/ann lee/my sounds/a b.wav'; add it": "cannot read 'a b.wav'; add it",
    "no space left on file:///home/ann/runs": "no space left on runs",
    "s3://bucket/runs is not there": "runs is not there",
    "modstudy launch --root=/tmp/x/runs": "modstudy launch --root=runs",
    "~/sounds/vital": "vital",
    "/home/ann/tables/": "tables",
    "(/usr/lib/libc.so.6+0x12) and /usr/lib/ä.so, both": "(libc.so.6+0x12) and ä.so, both",
}
KEPT = (
    'File "core/training/trial.py", line 3',
    "https://pytorch.org/docs/stable/notes",
    "1/2 and 3 / 4, or /2 of (a + b)/c/d",
    "curves.l1.lls3/curves.l1.lls1",
    '"/"',
)


@pytest.mark.parametrize("text", NAMED)
def test_a_path_is_replaced_by_its_last_part(text: str) -> None:
    assert without_folders(text) == NAMED[text]


@pytest.mark.parametrize("text", KEPT)
def test_other_text_is_left_alone(text: str) -> None:
    assert without_folders(text) == text


def test_a_known_path_may_have_blanks_and_begin_others() -> None:
    known = ("/my data", "/my data/a b.wav")
    assert without_folders("/my data/a b.wav, /my data and x/my data", known) == "a b.wav, my data and x/my data"
