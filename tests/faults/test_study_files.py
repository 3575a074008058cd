"""Study files that are no study files: each is refused by one clear line, and nothing is written."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ModstudyError
from core.settings.toml_files import MAX_BYTES, check_values, parse_value, read_toml
from core.settings.value_rules import MAX_MESSAGE, one_message, printable
from search_spaces.study_parsing import load_study, parse_study
from study.planning.plan import make_plan
from tests.support.command_line import Command
from tests.support.refusals import MAX_SECONDS, assert_refused, clear_line, time_limit

ARM = '[[arms]]\nname = "a"\nconfig = { parameterization = { kind = "frame" } }\n'
STUDY = f'question = "Why?"\n{ARM}'
WIDTH = '[[space]]\npath = "encoder.width"\n'
SEARCH = '[search]\narms_per_cell = 20\n{}\n[[search.space]]\npath = "optimizer.lr"\nlow = 1e-4\nhigh = 1e-1\n'
TEXTS: dict[str, tuple[str, str]] = {
    "nothing": ("", "question: this key is missing"),
    "line ends only": ("\n" * 1000, "question: this key is missing"),
    "null characters": ("\x00" * 100, "is not valid TOML"),
    "null character in a comment": ("# \x00\n" + STUDY, "is not valid TOML"),
    "old line ends": (STUDY.replace("\n", "\r"), "is not valid TOML"),
    "nested lists": ("x = " + "[" * 500 + "]" * 500, "nested too deeply"),
    "nested lists of a depth that Python can follow": ("x = " + "[" * 40 + "]" * 40, "nested too deeply"),
    "nested lists to the end of the file": ("[" * 10**6, "nested too deeply"),
    "nested inline tables": ("x = " + "{a=" * 500 + "1" + "}" * 500, "nested too deeply"),
    "a dotted key of 500 parts": (".".join("a" * 500) + " = 1", "a dotted key has at most 32 parts"),
    "a dotted key of 300,000 parts": ("a." * 300_000 + "a = 1", "a dotted key has at most 32 parts"),
    "a dotted key with blanks and quotes": (" . ".join(['"a"', "'b'"] * 50) + " = 1", "at most 32 parts"),
    "a header of 500 parts": (f"[{'.'.join('a' * 500)}]", "a dotted key has at most 32 parts"),
    "dotted keys in inline tables": ("x = " + "{a.b.c.d.e.f=" * 20 + "1" + "}" * 20, "nested too deeply"),
    "headers below headers": ("".join(f"[{'.'.join('a' * n)}]\n" for n in range(1, 40)), "at most 32 parts"),
    "quotes that are never closed": ('x = "' + '\\"' * 300_000, "is not valid TOML"),
    "text of many lines that is never closed": ('x = """' + '\n\\"""' * 100_000 + "\\", "is not valid TOML"),
    "an integer of 5,000 digits": ("seeds = [1" + "0" * 5000 + "]", "too many digits"),
    "an integer of 20,000 bits": ("seeds = [0x" + "f" * 5000 + "]", "got one of 20000 bits"),
    "a real number of 5,000 digits": ("seeds = [1" + "0" * 5000 + ".0]", "numbers are finite; got inf"),
    "a key of 1,000 characters": ("k" * 1000 + " = 1", "a key has at most 200 characters"),
    "a key that turns the direction of writing": ('"a\\u202eb" = 1', "got 'a\\u202eb'"),
    "a key that clears the terminal": ('"\\u001b[2J" = 1', "got '\\x1b[2J'"),
    "a key of 200 characters": ("k" * 200 + " = 1", "unknown key kkk"),
    "50,000 keys": ("".join(f"k{n} = 1\n" for n in range(50_000)), "unknown key k0"),
    "a key twice": (STUDY + "config = { a = 1, a = 2 }", "is not valid TOML: Duplicate inline table key"),
    "a surrogate": (STUDY + 'config = { a = "\\ud800" }', "is not valid TOML"),
    "a date": ("seeds = [1979-05-27]\n" + STUDY, "seeds.0: a value is text, a number"),
    "a question of 100,000 characters": (f'question = "{"x" * 100_000}"\n{ARM}', "at most 2000 characters"),
    "a question with control characters": (f'question = "a\\u001b[31m"\n{ARM}', "got 'a\\x1b[31m'"),
    "a question in a list": (f'question = ["x"]\n{ARM}', "question: must be text, in quotes"),
    "a question of blanks": (f'question = " \\t "\n{ARM}', "a sentence that says what the study is to answer"),
    "seeds as text": ('seeds = ["0"]\n' + STUDY, "seeds.0: must be a whole number; got '0'"),
    "seeds true": ("seeds = [true]\n" + STUDY, "seeds.0: must be a whole number; got True"),
    "seeds 1.0": ("seeds = [1.0]\n" + STUDY, "seeds.0: must be a whole number; got 1.0"),
    "seeds above 2^63": ("seeds = [9223372036854775808]\n" + STUDY, "whole numbers lie between -2^63 and 2^63 - 1"),
    "seeds below 0": ("seeds = [-1]\n" + STUDY, "seeds must be distinct non-negative integers below 2^63"),
    "seeds in a table": ("seeds = { a = 1 }\n" + STUDY, "seeds: must be a list"),
    "a name with a slash": ('name = "a/b"\n' + STUDY, "the name of a study has letters, digits"),
    "a name above": ('name = ".."\n' + STUDY, "the name of a study has letters, digits"),
    "a name that begins with a dot": ('name = ".git"\n' + STUDY, "the name of a study has letters, digits"),
    "a name that ends with a dot": ('name = "a."\n' + STUDY, "the name of a study has letters, digits"),
    "a name that ends with a blank": ('name = "a "\n' + STUDY, "the name of a study has letters, digits"),
    "a name with a line end": ('name = "a\\nb"\n' + STUDY, "the name of a study has letters, digits"),
    "a name of other letters": ('name = "études"\n' + STUDY, "the name of a study has letters, digits"),
    "the name of the database": ('name = "mlflow.db"\n' + STUDY, "the name of something else"),
    "the name of the database in capitals": ('name = "MLflow.DB"\n' + STUDY, "the name of something else"),
    "the name of a file of the database": ('name = "mlflow.db-wal"\n' + STUDY, "the name of something else"),
    "the name of the artifacts": ('name = "mlflow-artifacts"\n' + STUDY, "the name of something else"),
    "the name of the comparisons": ('name = "comparisons"\n' + STUDY, "the name of something else"),
    "the name of a folder of a study": ('name = "ledger"\n' + STUDY, "the name of something else"),
    "the name of a device": ('name = "CON"\n' + STUDY, "the name of a device on Windows"),
    "the name of a device with an ending": ('name = "lpt1.txt"\n' + STUDY, "the name of a device on Windows"),
    "an arm without a name": ("[[arms]]\n" + 'question = "Why?"', "unknown key arms[0].question"),
    "an arm with a number as name": ('question = "Why?"\n[[arms]]\nname = 3', "arms.0.name: must be text"),
    "an arm with a table as name": ('question = "Why?"\n[[arms]]\nname = { a = 1 }', "arms.0.name: must be text"),
    "an arm with a name of 100,000 characters": (
        f'question = "Why?"\n[[arms]]\nname = "{"x" * 100_000}"',
        "at most 500",
    ),
    "two arms of a name": (STUDY + ARM, "two arms are named 'a'"),
    "3,000 equal arms": (
        'question = "Why?"\n' + "".join(f'[[arms]]\nname = "a{n}"\n' for n in range(3000)),
        "arms 'a0' and 'a1' are the same",
    ),
    "a cycle of 3,000 arms": (
        'question = "Why?"\n' + "".join(f'[[arms]]\nname = "a{n}"\nlike = "a{(n + 1) % 3000}"\n' for n in range(3000)),
        "`like` must not be cyclic",
    ),
    "a seed in an arm": ('question = "Why?"\n[[arms]]\nname = "a"\nconfig = { seed = 1 }', "sets `seed`"),
    "a seed in the config": (STUDY + "[config]\nseed = 1", "a study gives every arm the same seeds"),
    "a hash of a wavetable": (STUDY + '[config]\ndata.wavetable_sha256 = "abc"', "data.wavetable_sha256 is the hash"),
    "the home of nobody": (STUDY + '[config]\ndata.wavetable = "~nosuchuser/a.wav"', "~nosuchuser/a.wav"),
    "a config as a list": ("config = []\n" + STUDY, "config: must be a table"),
    "a group as text": (STUDY + '[config]\nsynth = "x"', "synth is a group of settings"),
    "an empty key": (STUDY + '[config]\n"" = 1', "unknown setting ''"),
    "a key of a dot": (STUDY + '[config]\n"." = 1', "unknown setting ."),
    "an unknown preset": ('preset = "huge"\n' + STUDY, "unknown preset 'huge'"),
    "presets in a list": ('preset = ["small"]\n' + STUDY, "preset: must be text"),
    "no values": (f'question = "Why?"\n{WIDTH}values = []', "a choice needs at least one value"),
    "values with equal labels": (
        f'question = "Why?"\n{WIDTH}values = [{{ label = "\\u0000", value = 4 }}, {{ label = "\\u0001", value = 8 }}]',
        "two combinations are both named",
    ),
    "a value twice": (f'question = "Why?"\n{WIDTH}values = [8, 8.0]', "must be distinct"),
    "a value true": (f'question = "Why?"\n{WIDTH}values = [true]', "encoder.width: a number or text is needed"),
    "a path of blanks": ('question = "Why?"\n[[space]]\npath = " "\nvalues = [1]', "unknown setting"),
    "a path in a list": ('question = "Why?"\n[[space]]\npath = ["a"]\nvalues = [1]', "space.0.path: must be text"),
    "a path of 5,000 characters": (f'question = "Why?"\n[[space]]\npath = "{"a" * 5000}"\nvalues = [1]', "at most 500"),
    "a condition on itself": (f'question = "Why?"\n{WIDTH}values = [4]\nwhen = {{ encoder.width = 4 }}', "cyclic"),
    "a condition in tables": (f'question = "Why?"\n{WIDTH}values = [4]\nwhen = {{ a.b.c = 4 }}', "which is no setting"),
    "a range that is true": (f'question = "Why?"\n{WIDTH}low = true\nhigh = 8', "low: must be a number; got True"),
    "a range of text": (f'question = "Why?"\n{WIDTH}low = "1"\nhigh = 8', "low: must be a number; got '1'"),
    "a range without end": (f'question = "Why?"\n{WIDTH}low = 1', "a range needs both `low` and `high`"),
    "a range up to 1e300": (f'question = "Why?"\n{WIDTH}low = 1\nhigh = 1e300', "a study has at most 100,000 trials"),
    "150 dimensions": (
        'question = "Why?"\n' + "".join(f'[[space]]\npath = "p{n}"\nvalue = 1\n' for n in range(150)),
        "space: must have at most 100 items",
    ),
    "a design of nothing": ('question = "Why?"\n[design]\nkind = "space_filling"\nn_arms = 0\n' + ARM, "n_arms"),
    "an ablation of lists": ('question = "Why?"\n[ablation]\nbaseline = []\narms = { x = [1] }', "tables of settings"),
    "a component of nothing": (
        'question = "Why?"\n[ablation]\nkind = "leave_one_out"\ncomponents = { a = {} }',
        "changes nothing",
    ),
    "2,000 contrasts": (STUDY + '[[contrasts]]\narm = "a"\nreference = "b"\n' * 2000, "must have at most 1,000 items"),
    "contrasts with 1,000 strangers": (
        STUDY + "".join(f'[[contrasts]]\narm = "a"\nreference = "b{n}"\n' for n in range(1000)),
        "'b0' is no arm that this study declares",
    ),
    "20 objectives": (
        STUDY + "".join(f'[[objectives]]\nmetric = "m{n}"\ndirection = "minimize"\n' for n in range(20)),
        "objectives: must have at most 16 items",
    ),
    "an objective without a name": (STUDY + '[[objectives]]\nmetric = ""\ndirection = "minimize"', "unknown metric ''"),
    "an objective with a null character": (
        STUDY + '[[objectives]]\nmetric = "audio.mss\\u0000"\ndirection = "minimize"',
        "unknown metric 'audio.mss\\x00'",
    ),
    "a margin of nothing": (STUDY + '[margins]\n"audio.mss" = 0', "above 0"),
    "a margin below 0": (STUDY + '[margins]\n"audio.mss" = -1', "greater than or equal to 0"),
    "a margin of 1e300": (STUDY + '[margins]\n"audio.mss" = 1e300', "less than or equal to 1000000000000"),
    "a margin that is true": (STUDY + '[margins]\n"audio.mss" = true', "must be a number; got True"),
    "a race of a million seeds": (STUDY + "[race]\nmax_seeds = 1000000", "less than or equal to 1000"),
    "a race without chance": (STUDY + "[race]\nerror_rate = 0.0", "race.error_rate lies between 0 and 0.5"),
    "a race with 2.0 seeds": (STUDY + "[race]\nmin_seeds = 2.0", "race.min_seeds: must be a whole number; got 2.0"),
    "a race after the last seed": (
        "seeds = [9223372036854775807]\n" + STUDY + "[race]\nmax_seeds = 8",
        "further seeds follow the largest one",
    ),
    "early stopping at once": (STUDY + '[early_stopping]\nkind = "asha"\nreduction_factor = 1', "greater than 1"),
    "early stopping in 500 stages": (
        STUDY + '[early_stopping]\nkind = "asha"\nstages = [' + '"search", ' * 500 + "]",
        "must have at most 10 items",
    ),
    "resources of nobody": (STUDY + '[[resources]]\narms = ["' + "*a" * 100 + 'b"]\ncpus = 1', "names no arm"),
    "resources without end": (STUDY + '[[resources]]\narms = ["a"]\ncpus = 1e300', "less than or equal to 10000"),
    "resources below 0": (STUDY + '[[resources]]\narms = ["a"]\ngpus = -1', "greater than or equal to 0"),
    "100 tables of resources": (STUDY + '[[resources]]\narms = ["a"]\ncpus = 1\n' * 100, "at most 32 items"),
    "a search in rounds of nothing": ('question = "Why?"\n' + SEARCH.format("round_size = 0"), "search.round_size"),
    "a search with a seed below 0": (
        'question = "Why?"\n' + SEARCH.format('sampler = { kind = "tpe", seed = -1 }'),
        "search.sampler.seed: must be greater than or equal to 0",
    ),
    "a sampler from above": (
        'question = "Why?"\n' + SEARCH.format('sampler = { kind = "custom", path = "..:X" }'),
        "cannot import ..",
    ),
    "a sampler of a null character": (
        'question = "Why?"\n' + SEARCH.format('sampler = { kind = "custom", path = "a\\u0000b:X" }'),
        "cannot import a\\x00b",
    ),
}
"""Content of the file, and a part of the message, by what is wrong."""


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\xff\xfe", b"[[arms]]", b"\xef\xbb\xbf", b"\x80" * 10**6])
def test_a_file_that_is_no_study_is_refused(modstudy: Command, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    assert_refused(modstudy, "launch", "mine.toml", folder=tmp_path, says="mine.toml")


@pytest.mark.parametrize(("text", "says"), TEXTS.values(), ids=TEXTS)
def test_a_study_that_makes_no_sense_is_refused(modstudy: Command, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8", newline="")
    assert_refused(modstudy, "launch", "mine.toml", folder=tmp_path, says=says)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link_to_a_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path.relative_to(Path.cwd())))


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (Path.mkdir, "it is a folder"),
    "a pipe": (_pipe, "it is a pipe"),
    "a link to a pipe": (_link_to_a_pipe, "it is a pipe"),
    "a link to a device without end": (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
    "a link to a device without content": (lambda path: path.symlink_to("/dev/null"), "it is a device"),
    "a link to a folder": (lambda path: path.symlink_to("/"), "it is a folder"),
    "a link to itself": (lambda path: path.symlink_to("mine.toml"), "Too many levels of symbolic links"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "No such file or directory"),
    "a socket": (_socket, "cannot read mine.toml"),
    "a file of 1 MiB and 1 byte": (lambda path: path.write_bytes(b"#" * (MAX_BYTES + 1)), "at most 1,048,576 bytes"),
}
"""What makes a file at a path, and a part of the message, by what it is."""


@pytest.mark.parametrize("command", [("launch",), ("plan",), ("train",), ("extend", "mine", "--arms")], ids=" ".join)
@pytest.mark.parametrize(("make", "says"), FILES.values(), ids=FILES)
def test_what_is_no_readable_file_is_refused(
    modstudy: Command, tmp_path: Path, command: tuple[str, ...], make: Callable[[Path], object], says: str
) -> None:
    make(tmp_path / "mine.toml")
    assert_refused(modstudy, *command, "mine.toml", folder=tmp_path, says=says)


def test_a_sparse_file_of_a_terabyte_is_refused(modstudy: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").touch()
    os.truncate(tmp_path / "mine.toml", 10**12)
    with time_limit(MAX_SECONDS):
        assert "at most 1,048,576 bytes" in clear_line(modstudy("launch", "mine.toml"))


def test_a_file_of_a_megabyte_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(STUDY + "#" * (MAX_BYTES - len(STUDY)))
    assert load_study(str(tmp_path / "mine.toml")).name == "mine"


# ---------------------------------------------------------------------------------------------------------------------

PLAIN = st.one_of(
    st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.none(), st.just("x" * 5000), st.just(2**70)
)
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
KEYS = (
    *("name", "question", "preset", "seeds", "objectives", "config", "arms", "space", "design"),
    *("ablation", "search", "confirm", "contrasts", "margins", "race", "resources", "early_stopping", "path"),
    *("values", "value", "low", "high", "log", "step", "when", "label", "settings"),
    *("kind", "like", "metric", "direction", "arm", "reference", "sampler", "grid", "arms_per_cell"),
    *("baseline", "components", "full", "cpus", "encoder", "width", "synth"),
)
STUDIES = st.recursive(
    PLAIN | st.sampled_from(["encoder.width", "frame", "minimize", "audio.mss", "space_filling", "tpe", "asha"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=30,
).filter(lambda value: isinstance(value, dict))
TOML_TEXT = st.lists(
    st.sampled_from(
        [*KEYS, *"[]{}=,.\"'#\n\\ -+_", '"""', "'''", "[[", "]]", "1", "0x", "1e9", "inf", "true", "\\u0000"]
    )
    | st.text(max_size=3),
    max_size=60,
).map("".join)


def _clear_or_fine(work: Callable[[], Any]) -> None:
    """Check that some work ends in time, and either succeeds or raises the project's own error with a clear message."""
    with time_limit(20):
        try:
            work()
        except ModstudyError as error:
            message = one_message(str(error))
            assert 0 < len(message) <= MAX_MESSAGE
            assert printable(message, keep="\n") == message


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | TOML_TEXT.map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    _clear_or_fine(lambda: read_toml(tmp_path / "mine.toml"))
    _clear_or_fine(lambda: load_study(str(tmp_path / "mine.toml")))


@settings(max_examples=300)
@given(value=STUDIES)
def test_any_tables_are_a_study_or_refused(value: dict[str, Any]) -> None:
    def plan() -> None:
        check_values(value)
        make_plan(parse_study({"name": "mine", "question": "?", **value}))

    _clear_or_fine(plan)


@settings(max_examples=200)
@given(value=NESTED, key=st.sampled_from([key for key in KEYS if key not in ("name", "question")]))
def test_any_value_of_a_key_is_accepted_or_refused(value: object, key: str) -> None:
    def plan() -> None:
        check_values({key: value})
        study = {"name": "mine", "question": "?", "arms": [{"name": "a", "config": {"trainer": {"max_steps": 0}}}]}
        make_plan(parse_study({**study, key: value}))

    _clear_or_fine(plan)


@settings(max_examples=300)
@given(text=TOML_TEXT | st.text())
def test_any_text_is_a_value_or_refused(text: str) -> None:
    _clear_or_fine(lambda: parse_value(text))
