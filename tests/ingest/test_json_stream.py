"""Arrays of objects that are read piece by piece give what the standard library gives of the whole."""

import io
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.json_stream import objects

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=8), VALUES, max_size=5), max_size=8)


class Dripping(io.BytesIO):
    """Gives few bytes at a time, so that signs and objects are cut anywhere."""

    def __init__(self, content, step):
        super().__init__(content)
        self.step = step

    def read(self, size=-1):
        return super().read(self.step)


@settings(max_examples=40)
@given(OBJECTS, st.integers(1, 9), st.booleans(), st.sampled_from([None, 1]))
def test_an_array_comes_as_it_was_written(found, step, ascii_only, indent):
    content = json.dumps(found, ensure_ascii=ascii_only, indent=indent).encode()
    assert list(objects(Dripping(content, step))) == found


@settings(max_examples=40)
@given(OBJECTS.filter(bool), st.data())
def test_what_is_cut_off_is_refused(found, data):
    content = json.dumps(found).encode()
    cut = data.draw(st.integers(1, len(content) - 1))
    with pytest.raises(ValueError):  # noqa: PT011 - several of the library's own, all of them of this kind
        list(objects(io.BytesIO(content[:cut])))


def test_one_object_stands_for_a_list_and_nothing_for_none():
    assert list(objects(io.BytesIO(b'\xef\xbb\xbf {"a": 1.50} '))) == [{"a": Decimal("1.50")}]
    assert list(objects(io.BytesIO(b""))) == list(objects(io.BytesIO(b" [] "))) == []


@pytest.mark.parametrize(
    "content", [b"[1]", b"[{}] x", b"{} {}", b"[{},]", b"[{} {}]", b"null", b'[{"a": NaN}]', b"<html>", b"[{}\xff]"]
)
def test_what_is_no_list_of_objects_is_refused(content):
    with pytest.raises(ValueError):  # noqa: PT011
        list(objects(io.BytesIO(content)))


def test_what_is_nested_too_deep_is_refused():
    with pytest.raises((ValueError, RecursionError)):
        list(objects(io.BytesIO(b"[" + b'{"a":' * 100_000)))
