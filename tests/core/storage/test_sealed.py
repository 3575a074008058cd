"""Seals: content comes back, and no change of any byte goes unnoticed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.storage.sealed import has_json_seal, seal, seal_json, unseal, unseal_json

JSON = st.dictionaries(
    st.text(max_size=8),
    st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    min_size=1,
)


@given(JSON, st.sampled_from([None, 1]))
def test_sealed_json_is_json_with_one_more_field(content: dict[str, object], indent: int | None) -> None:
    content.pop("sha256", None)
    content["last"] = 1
    sealed = seal_json(json.dumps(content, indent=indent).encode())
    assert has_json_seal(sealed)
    assert json.loads(unseal_json(sealed)) == content
    read = json.loads(sealed)
    assert len(read.pop("sha256")) == 64
    assert read == content


@given(JSON, st.data())
def test_any_other_byte_in_sealed_json_is_noticed(content: dict[str, object], data: st.DataObject) -> None:
    sealed = seal_json(json.dumps(content, indent=1).encode())
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != sealed[at]))
    with pytest.raises(ValueError, match="sha256"):
        unseal_json(sealed[:at] + bytes([other]) + sealed[at + 1 :])


@given(st.binary(max_size=200), st.data())
def test_any_other_byte_in_sealed_content_is_noticed(content: bytes, data: st.DataObject) -> None:
    sealed = seal(content)
    assert bytes(unseal(sealed)) == content
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != sealed[at]))
    with pytest.raises(ValueError, match="sha256"):
        unseal(sealed[:at] + bytes([other]) + sealed[at + 1 :])


@given(JSON, st.binary(max_size=20), st.data())
def test_cut_and_lengthened_content_is_noticed(content: dict[str, object], more: bytes, data: st.DataObject) -> None:
    text = json.dumps(content).encode()
    for sealed, open_sealed in ((seal_json(text), unseal_json), (seal(text), unseal)):
        cut = data.draw(st.integers(0, len(sealed) - 1))
        for changed in (sealed[:cut], sealed + b" " + more, b" " + more + sealed):
            with pytest.raises(ValueError, match="sha256|empty"):
                open_sealed(changed)


@given(st.binary(max_size=300))
def test_bytes_that_were_never_sealed_are_refused(data: bytes) -> None:
    for open_sealed in (unseal_json, unseal):
        with pytest.raises(ValueError, match="sha256|empty"):
            open_sealed(data)
