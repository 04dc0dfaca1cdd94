"""Objects survive every arrangement that the formats allow: what is read is what was written, in order."""

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.importing.conftest import make_tar, make_zip, problems

from understudy.importing.found import OBJECT_BY_KIND
from understudy.importing.identifiers import add_prefix
from understudy.importing.objects import KINDS, ROW_PREFIX
from understudy.importing.reading import spool_input

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
_SCALARS = (
    st.none() | st.booleans() | st.integers(-(1 << 62), 1 << 62) | st.floats(allow_nan=False, allow_infinity=False)
)
_VALUES = st.recursive(
    _SCALARS | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_UNKNOWN = st.dictionaries(st.sampled_from(["content", "metadata", "tools", "vendor", "details"]), _VALUES, max_size=3)


@st.composite
def _projects(draw) -> list[dict[str, Any]]:
    """Objects of all kinds in the order in which they were created, several of them in one second."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from([kind for kind in KINDS if not OBJECT_BY_KIND[kind].startswith(ROW_PREFIX)]))
        body = {
            "id": add_prefix(kind, str(number)),
            "object": OBJECT_BY_KIND[kind],
            "created_at": 100 + number // draw(st.just(3)),
        }
        if kind in {"message", "run", "step"}:
            body["thread_id"] = "thread_x"
        if kind == "step":
            body["run_id"] = "run_x"
        if kind == "vector_store_file":
            body["vector_store_id"] = "vs_x"
        found.append(body | draw(_UNKNOWN))
    return found


def _arrange(objects: list[dict[str, Any]], rng: random.Random) -> str:
    """One of the texts that hold these objects."""
    indent = rng.choice([None, 1])
    pages: list[Any] = []
    rest = list(objects)
    while rest:
        size = rng.randint(1, len(rest))
        page, rest = rest[:size], rest[size:]
        pages.append(
            rng.choice(
                [page, {"object": "list", "data": page}, {"data": page, "has_more": bool(rest)}, {"x": {"y": page}}]
            )
        )
    shape = rng.choice(["lines", "list", "pages", "nested"])
    if shape == "lines":
        return "".join(json.dumps(one) + "\n" for one in objects)
    if shape == "list":
        return json.dumps(objects, indent=indent, ensure_ascii=rng.random() < 0.5)
    if shape == "pages":
        return "\n".join(json.dumps(page, indent=indent) for page in pages)
    return json.dumps({"backup": [{"objects": pages}]}, indent=indent)


@given(objects=_projects(), seed=st.integers(0, 1 << 30))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_what_is_read_is_what_was_written(tmp_path_factory, objects, seed):
    rng = random.Random(seed)
    folder = tmp_path_factory.mktemp("arranged")
    content = _arrange(objects, rng).encode(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))
    source = folder / "source"
    match rng.choice(["file", "zip", "tar", "tar.gz", "directory"]):
        case "file":
            source.write_bytes(content)
        case "zip":
            make_zip({"some/all.json": content}, source)
        case "tar":
            make_tar({"./all.json": content}, source)
        case "tar.gz":
            make_tar({"all.json": content}, source, "w:gz")
        case "directory":
            source.mkdir()
            (source / "all.json").write_bytes(content)

    spool = spool_input(source, folder)

    for kind in KINDS:
        wanted = [one for one in objects if one["object"] == OBJECT_BY_KIND[kind]]
        read = [dict(one.body) for one in spool.read(kind) if one.id != "thread_x"]
        assert read == wanted
    assert problems(spool) == []
    spool.close()


@given(
    data=st.binary(max_size=200)
    | st.text(alphabet='{}[]",:0123456789.eE-+ntrufalse\\ \n', max_size=200).map(str.encode)
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv", "a.json.gz"])
def test_no_bytes_raise_anything_but_a_refusal(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "source").mkdir()
    (folder / "source" / name).write_bytes(data)
    (folder / "source" / "good.json").write_text('{"id": "asst_good", "object": "assistant"}')

    spool = spool_input(folder / "source", folder)

    assert "asst_good" in {one.id for one in spool.read("assistant")}
    spool.close()
