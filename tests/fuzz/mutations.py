"""Hypothesis strategies of damaged files: valid content in which bytes are changed, cut out, repeated or replaced."""

import struct
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

MAX_CHANGES = 6
"""Largest number of changes to one file."""
INTERESTING = tuple(
    struct.pack(layout, value)
    for layout in ("<i", ">i", "<q", ">q")
    for value in (-1, 0, 1, 0x7F, 0x7FFF, 0x7FFF_FFFF, -0x8000_0000)
) + tuple(struct.pack("<d", value) for value in (0.0, -1.0, 1e300, 5e-324, float("inf"), float("nan")))
"""Numbers at the ends of their ranges, as bytes, which stand for sizes and counts in binary files."""
WORDS = (
    "-1", "0", "1e308", "1e-320", "nan", "inf", "-inf", "true", "null", "[]", "{}", '""', '"a"', "9" * 400, "1_000",
    "0x7fffffffffffffff", "9223372036854775808", "[[[[[[]]]]]]", '"../../x"', '"\\u202e"', "1979-05-27",
    "{a={b={c=1}}}", "'''", '"""', "[", "]", "=", ".", "#", "\n", "\r", "\0", "é", "\ud800",
)  # fmt: skip
"""Parts of texts that parsers and settings may stumble over."""


@st.composite
def damaged_bytes(draw: st.DrawFn, originals: Sequence[bytes]) -> bytes:
    """One of the originals after a few changes of its bytes; sometimes bytes that have nothing to do with it."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=300))
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, MAX_CHANGES))):
        change = draw(st.sampled_from(_CHANGES))
        # Headers and footers say how the rest is read, so that changes there matter most.
        place = draw(st.one_of(st.integers(0, 200), st.integers(0, max(len(data) - 1, 0)), st.integers(-200, -1)))
        data = change(draw, data, max(0, min(len(data), place if place >= 0 else len(data) + place)))
    return bytes(data)


@st.composite
def damaged_text(draw: st.DrawFn, originals: Sequence[bytes]) -> bytes:
    """One of the originals, which are text in UTF-8, after changes of its words and lines."""
    if draw(st.integers(0, 3)) == 0:
        return draw(damaged_bytes(originals))
    lines = draw(st.sampled_from(originals)).decode().splitlines(keepends=True)
    for _ in range(draw(st.integers(1, MAX_CHANGES))):
        at = draw(st.integers(0, max(len(lines) - 1, 0)))
        line = lines[at] if lines else ""
        match draw(st.integers(0, 4)):
            case 0:
                lines[at : at + 1] = []
            case 1:
                lines[at:at] = [line] * draw(st.integers(1, 3))
            case 2 if "=" in line:
                lines[at : at + 1] = [f"{line.partition('=')[0]}= {draw(_value())}\n"]
            case 3:
                cut = draw(st.integers(0, len(line)))
                lines[at : at + 1] = [line[:cut] + draw(st.sampled_from(WORDS)) + line[cut:]]
            case _:
                lines[at : at + 1] = [line.replace("=", draw(st.sampled_from((".", " ", "==", ".a =", "=\n"))), 1)]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _value() -> st.SearchStrategy[str]:
    """A value that may stand in a settings file, or something like it."""
    return st.one_of(
        st.sampled_from(WORDS),
        st.integers().map(str),
        st.floats().map(str),
        st.text(max_size=30).map(lambda text: '"' + text.replace('"', "'") + '"'),
        st.lists(st.integers(-5, 5), max_size=5).map(str),
    )


# ---------------------------------------------------------------------------------------------------------------------

Change = Callable[[st.DrawFn, bytearray, int], bytearray]


def _flip_bit(draw: st.DrawFn, data: bytearray, at: int) -> bytearray:
    if at < len(data):
        data[at] ^= 1 << draw(st.integers(0, 7))
    return data


def _overwrite(draw: st.DrawFn, data: bytearray, at: int) -> bytearray:
    new = draw(st.sampled_from(INTERESTING))
    data[at : at + len(new)] = new
    return data


def _insert(draw: st.DrawFn, data: bytearray, at: int) -> bytearray:
    data[at:at] = draw(st.binary(min_size=1, max_size=12))
    return data


def _delete(draw: st.DrawFn, data: bytearray, at: int) -> bytearray:
    del data[at : at + draw(st.integers(1, 64))]
    return data


def _cut(_: st.DrawFn, data: bytearray, at: int) -> bytearray:
    return data[:at]


def _repeat(draw: st.DrawFn, data: bytearray, at: int) -> bytearray:
    part = data[at : at + draw(st.integers(1, 64))]
    data[at:at] = part * draw(st.integers(1, 4))
    return data


_CHANGES: tuple[Change, ...] = (_flip_bit, _overwrite, _insert, _delete, _cut, _repeat)
