"""Error texts of other servers are redacted before they are returned to clients."""

import json

import pytest

from llm.reading import BODY, failure
from understudy.redaction import redact
from upstream import error, fault, reply, text

HIDDEN = [
    "Connect call failed ('10.0.0.5', 8000)",
    "connection to vllm:8000 refused",
    "http://vllm:8000/v1/chat/completions is down",
    "Max retries exceeded: https://llm.corp.internal/v1?key=abc",
    "postgresql://user:pass@db/models",
    "no route to [fe80::1]:8000",
    "2001:db8::17 is unreachable",
    "gpu7.cluster.local is down",
    "localhost is down",
    'File "/srv/llm/server.py", line 5',
    r"C:\models\llama.gguf is missing",
    "Incorrect API key provided: sk-abcdef*****wxyz",
    "Authorization: Bearer abcdefgh12345678",
    '{"api_key": "hunter2hunter2"}',
    "models.example.net refused the request",
    "https://models.example.net:8443/v1 refused the request",
]
SECRETS = [
    "10.0.0.5",
    "vllm",
    "corp",
    "internal",
    "user",
    "pass",
    "db",
    "fe80",
    "db8",
    "gpu7",
    "localhost",
    "srv",
    "server.py",
    "llama",
    "sk-abc",
    "abcdefgh",
    "hunter2",
    "models.example.net",
    "key=abc",
]


@pytest.mark.parametrize("said", HIDDEN)
def test_addresses_paths_and_keys_are_redacted(said):
    public = redact(said, host="models.example.net")
    assert [secret for secret in SECRETS if secret in public] == []


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 8192 tokens, however you requested 9000 tokens (8000 in the messages).",
        "Find your key at https://platform.openai.com/account/api-keys.",
        "Unsupported: image/png and/or text. Use the /v1/responses endpoint.",
        "The model `llama3:70b` does not exist; it was removed at 12:30:15.",
        "Invalid 'messages[0].content': expected a string, got std::vector.",
        "Value 1.2.3 of 'version', temperature: 0.7, at line 5.",
    ],
)
def test_public_links_and_reasons_are_not_redacted(said):
    assert redact(said, host="models.example.net") == said


@pytest.mark.parametrize("sign", ["a:", "a.b", ":", "/a", "1.2.3.", "x-y_", "sk-", "http://", "[", "0:", "a\\", "@"])
def test_a_text_of_any_length_is_cut_before_it_is_searched(sign):
    assert len(redact(sign * 100_000)) <= 8192 * 3


@pytest.mark.parametrize("kind", ["openai", "azure", "anthropic"])
async def test_errors_of_a_provider_never_contain_its_address(upstream, openai, azure, anthropic, kind, caplog):
    provider = {"openai": openai, "azure": azure, "anthropic": anthropic}[kind]()
    said = f"POST {upstream.url}/chat/completions failed at 127.0.0.1:{upstream.port} in /srv/app/main.py"
    upstream.answer(
        fault(500, said, code=f"at 127.0.0.1:{upstream.port}", param="/srv/app/x"),
        fault(400, said),
        reply(said.encode(), status=503, content_type="text/plain"),
        reply({"error": said}),
        reply({"detail": {"url": said}}, status=500),
    )
    for _ in range(5):
        caught = await failure(provider.complete(BODY))
        shown = json.dumps([caught.message, caught.code, caught.param])
        assert all(secret not in shown for secret in ("127.0.0.1", str(upstream.port), "main.py", "/srv/app"))
        # The message about a refused request may quote it.
        assert (said in caplog.text.replace('\\"', '"')) == (caught.kind != "invalid_request")
        caplog.clear()
    upstream.answer(text("Hi", error(True, message=said)))
    assert "127.0.0.1" not in (await failure(provider.stream(BODY))).message
