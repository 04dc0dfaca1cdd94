"""Model families are recognised by the name of the model."""

import pytest

from understudy.llm.sampling import is_reasoning_model


@pytest.mark.parametrize(
    "model", ["o3-mini", "openai/o1", "gpt-5", "gpt-5.1-codex", "gpt-oss-120b", "deepseek/deepseek-r1", "QwQ-32B"]
)
def test_reasoning_models_are_recognised_by_their_names(model):
    assert is_reasoning_model(model)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "rehearsal", "mo1-x", "llama-3"])
def test_other_models_are_not_reasoning_models(model):
    assert not is_reasoning_model(model)
