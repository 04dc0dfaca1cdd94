"""What the rehearsal model replies in words: honest, from the conversation, and exact where it can be."""

import asyncio

import pytest

from llm.rehearsing import answer, body, choice, rehearsal

QUESTION = "How do I center a div?"


def test_the_first_reply_names_the_model_and_the_way_to_a_real_one():
    reply = answer(QUESTION)
    assert "“How do I center a div?”" in reply
    assert "I am the rehearsal model" in reply
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "OLLAMA_HOST", "understudy.toml"):
        assert name in reply


def test_later_replies_do_not_introduce_the_model():
    reply = answer(QUESTION, answer(QUESTION), "And vertically?")
    assert "“And vertically?”" in reply
    assert "I am the rehearsal model" not in reply


def test_a_greeting_and_a_question_about_the_model_are_answered_once():
    reply = answer("Hello, who are you?")
    assert reply.startswith("Hello!")
    assert reply.count("I am the rehearsal model") == 1


@pytest.mark.parametrize(
    ("fact", "question", "expected"),
    [
        ("My name is Ada and I live in Oslo.", "What is my name?", "Your name is Ada;"),
        ("Hi, I'm Zoë!", "Do you remember my name?", "Your name is Zoë;"),
        ("My favourite colour is teal.", "what's my favourite colour?", "Your favourite colour is teal;"),
        ("My email is ada@example.com.", "What's my email?", "Your email is ada@example.com;"),
        ("Lovely weather.", "What is my name?", "Your name is not in this conversation."),
    ],
)
def test_facts_of_the_conversation_are_recalled(fact, question, expected):
    assert answer(fact, "Indeed.", question).startswith(expected)


def test_the_latest_fact_counts():
    assert "Bob" in answer("My name is Ada.", "Hello.", "My name is Bob.", "Hello.", "What is my name?")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Reply with exactly: hello 🌍 wörld", "hello 🌍 wörld"),
        ("Respond with only the word PONG and nothing else.", "PONG"),
        ("Repeat after me: 'one two'", "one two"),
        ("Say this is a test", "this is a test"),
        ('Please say "hi there".', "hi there"),
    ],
)
def test_a_text_is_repeated_to_the_letter(message, expected):
    assert answer("Hi", "Hello!", message) == expected


@pytest.mark.parametrize("message", ["Say hello in French", "Say something nice", "Repeat that"])
def test_a_request_for_words_is_not_repeated(message):
    assert answer("Hi", "Hello!", message).startswith(f"You wrote “{message}”")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is 12 * 7?", "12 \u00d7 7 = 84."),
        ("What is 0.1 + 0.2?", "0.1 + 0.2 = 0.3."),
        ("what's 15% of 80", "15 / 100 \u00d7 80 = 12."),
        ("How much is 1,200 divided by 7?", "1200 / 7 is about 171.428571429."),
        ("what is 2 to the power of 10 minus 4", "2 ^ 10 - 4 = 1020."),
    ],
)
def test_one_arithmetic_expression_is_evaluated(question, expected):
    assert answer("Hi", "Hello!", question) == expected


@pytest.mark.parametrize(
    "question",
    ["Call 555-1234 on 2026-01-31", "What is 1/0?", "What is 9^9^9^9?", "what is " + "(" * 200 + "1+1"],
)
def test_other_numbers_are_no_expression(question):
    assert "=" not in answer("Hi", "Hello!", question)


def test_attachments_are_mentioned():
    image = {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}
    request = body([{"type": "text", "text": "What is this?"}, image, image])
    assert choice(request)["message"]["content"].startswith("I cannot see what you attached. You asked")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("*bold* <b>", "`*bold* <b>`"),
        ("`code` [x](y)", "`` `code` [x](y) ``"),
        ("```\ncode\n```", "```` ``` code ``` ````"),
        ("plain\n\ntext", "\u201cplain text\u201d"),
    ],
)
def test_a_quotation_does_not_become_markdown(text, quoted):
    assert answer("Hi", "Hello!", text).startswith(f"You wrote {quoted}")


@pytest.mark.parametrize(
    "text", ["", " ", "?", "Привет, как дела?", "你好", "🙂" * 50, "x" * 100_000, "{}", "(" * 5000]
)
def test_every_message_gets_a_reply(text):
    assert len(answer(text)) > 20


def test_a_repeated_text_ends_at_the_limit_of_the_model():
    reply = choice(body("Repeat exactly: " + "word " * 80_000))
    assert reply["finish_reason"] == "length"
    assert reply["message"]["content"].startswith("word word")
    assert len(reply["message"]["content"]) < 400_000


def test_choices_share_the_limit_of_the_model():
    reply = choice(body("Repeat exactly: " + "word " * 5_000, n=128))
    assert reply["message"]["content"] == "word " * 1023 + "word"
    assert reply["finish_reason"] == "length"


def test_a_long_reply_is_streamed_in_several_batches():
    async def batch_sizes():
        return [len(batch) async for batch in rehearsal().stream(body("Repeat exactly: " + "word " * 3_000))]

    sizes = asyncio.run(batch_sizes())
    assert max(sizes) == 1000
    assert sum(sizes) > 3_000


def test_a_conversation_of_thousands_is_read_from_both_its_ends():
    texts = ["My name is Ada.", "ok", *["filler", "ok"] * 2_000, "Repeat exactly: done"]
    assert answer(*texts) == "done"
