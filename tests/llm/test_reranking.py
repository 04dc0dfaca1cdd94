"""Scores in the responses of providers that rerank."""

import json

import pytest

from understudy.errors import UpstreamError
from understudy.llm.reranking import parse_scores

COHERE = {"id": "1", "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]}
JINA = {
    "model": "m",
    "results": [{"index": 0, "relevance_score": 0.1, "document": {"text": "a"}}, COHERE["results"][0]],
}
VOYAGE = {"object": "list", "data": [{"relevance_score": 0.9, "index": 1}, {"relevance_score": 0.1, "index": 0}]}
LOGITS = {"results": [{"index": 0, "relevance_score": -4.0}, {"index": 1, "relevance_score": 0.0}]}


@pytest.mark.parametrize("body", [COHERE, JINA, VOYAGE])
def test_scores_are_in_the_order_of_the_documents(body):
    assert parse_scores(json.dumps(body).encode(), 2) == [0.1, 0.9]


def test_scores_beyond_0_to_1_pass_through_a_sigmoid():
    assert parse_scores(json.dumps(LOGITS).encode(), 2) == [pytest.approx(0.018, abs=1e-3), 0.5]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"results": [{"index": 0, "relevance_score": 0.1}]}',
        b'{"results": [{"index": 0, "relevance_score": 0.1}, {"index": 0, "relevance_score": 0.2}]}',
        b'{"results": [{"index": 0, "relevance_score": 0.1}, {"index": 2, "relevance_score": 0.2}]}',
        b'{"results": [{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": 1e999}]}',
    ],
)
def test_a_response_without_one_score_for_each_document_is_malformed(body):
    with pytest.raises(UpstreamError) as raised:
        parse_scores(body, 2)
    assert raised.value.kind == "malformed"


def test_an_error_in_the_body_is_raised():
    with pytest.raises(UpstreamError, match="no credit") as raised:
        parse_scores(b'{"error": {"message": "There is no credit.", "code": "insufficient_quota"}}', 2)
    assert raised.value.kind == "quota"
