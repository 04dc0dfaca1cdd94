"""Log probabilities in responses: requested from the provider, in events and items, refused if unsupported."""

import openai
import pytest

LOGPROBS = ["message.output_text.logprobs"]


@pytest.mark.proves("responses.logprobs")
@pytest.mark.parametrize(("asked", "count"), [({"include": LOGPROBS}, 0), ({"top_logprobs": 2}, 1)])
def test_log_probabilities_of_each_token_are_returned_on_request(client, asked, count):
    events = list(client.responses.create(model="rehearsal", input="Say: red boats", stream=True, **asked))
    made = events[-1].response
    part = made.output[0].content[0]
    assert "".join(one.token for one in part.logprobs) == part.text
    assert all(len(one.top_logprobs) == count for one in part.logprobs)
    assert all(bytes(one.bytes).decode() == one.token for one in part.logprobs)
    shown = [one for event in events if event.type == "response.output_text.delta" for one in event.logprobs]
    (done,) = [event for event in events if event.type == "response.output_text.done"]
    assert [one.token for one in shown] == [one.token for one in done.logprobs] == [one.token for one in part.logprobs]
    assert set(done.logprobs[0].to_dict()) == {"token", "logprob", "top_logprobs"}
    assert client.responses.retrieve(made.id).output[0].content[0].logprobs == part.logprobs
    assert made.top_logprobs == asked.get("top_logprobs", 0)


def test_log_probabilities_are_not_returned_without_a_request(client, upstream):
    made = client.responses.create(model="gpt-4o", input="Hello")
    assert made.output[0].content[0].logprobs == []
    assert "logprobs" not in upstream.requests[-1].body
    client.responses.create(model="gpt-4o", input="Hello", top_logprobs=3)
    assert (upstream.requests[-1].body["logprobs"], upstream.requests[-1].body["top_logprobs"]) == (True, 3)


@pytest.mark.parametrize(
    ("asked", "param"), [({"include": LOGPROBS}, "include"), ({"top_logprobs": 1}, "top_logprobs")]
)
def test_log_probabilities_are_refused_for_a_provider_without_them(new_server, upstream, asked, param):
    config = f'[providers.claude]\nkind = "anthropic"\nbase_url = "{upstream.root}"\nmodels = ["claude-x"]\n'
    client = new_server(config).start().client
    with pytest.raises(openai.BadRequestError, match="does not return log probabilities") as refused:
        client.responses.create(model="claude-x", input="Hello", **asked)
    assert refused.value.param == param
    assert upstream.requests == []
