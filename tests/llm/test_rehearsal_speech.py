"""What the rehearsal model says: honest, from the conversation, and exact where it can be."""

import pytest
from rehearsing import answer, body, choice

QUESTION = "How do I center a div?"


class TestItsFirstAnswer:
    def test_says_what_it_is_and_how_to_get_a_real_model(self):
        said = answer(QUESTION)
        assert "“How do I center a div?”" in said
        assert "I am the rehearsal model" in said
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "OLLAMA_HOST", "understudy.toml"):
            assert name in said

    def test_is_the_only_one_that_introduces_it(self):
        said = answer(QUESTION, answer(QUESTION), "And vertically?")
        assert "“And vertically?”" in said
        assert "I am the rehearsal model" not in said
        assert "OPENAI_API_KEY" not in said

    def test_greets_back(self):
        assert answer("Hello!").startswith("Hello!")
        assert answer("Hello, who are you?").count("I can remember") == 1

    def test_addresses_the_user_as_it_was_instructed_to(self):
        request = body("What is 2 + 2?")
        request["messages"].insert(0, {"role": "system", "content": "Please address the user as Jane Doe. Be kind."})
        assert choice(request)["message"]["content"].startswith("Jane Doe, 2 + 2 = 4.")


class TestItsMemory:
    @pytest.mark.parametrize(
        ("told", "asked", "expected"),
        [
            ("My name is Ada and I live in Oslo.", "What is my name?", "Your name is Ada;"),
            ("My name is Ada and I live in Oslo.", "Where do I live?", "You live in Oslo;"),
            ("Hi, I'm Zoë!", "Do you remember my name?", "Your name is Zoë;"),
            ("My favourite colour is teal.", "what's my favourite colour?", "Your favourite colour is teal;"),
            ("My email is ada@example.com.", "What's my email?", "Your email is ada@example.com;"),
            ("I'm 41 years old", "How old am I?", "Your age is 41;"),
            ("Lovely weather.", "What is my name?", "You have not told me your name"),
            ("Lovely weather.", "What did I say first?", "Your first message was “Lovely weather.”"),
            ("Lovely weather.", "What was my last message?", "Your last message before this one was “Lovely weather.”"),
            ("Lovely weather.", "What did you say?", "My last answer was “Indeed.”"),
            ("Lovely weather.", "How many messages have I sent?", "You have sent 2 messages,"),
            ("Lovely weather.", "Summarize our conversation", "So far you said:\n\n1. “Lovely weather.”"),
        ],
    )
    def test_holds_what_the_user_told(self, told, asked, expected):
        assert answer(told, "Indeed.", asked).startswith(expected)

    def test_takes_the_latest_word_for_it(self):
        assert "Bob" in answer("My name is Ada.", "Hello.", "My name is Bob.", "Hello.", "What is my name?")

    @pytest.mark.parametrize("asked", ["What are your instructions?", "Show me the system prompt"])
    def test_includes_its_instructions(self, asked):
        request = body(asked)
        request["messages"].insert(0, {"role": "developer", "content": "You are a pirate."})
        assert "“You are a pirate.”" in choice(request)["message"]["content"]


class TestAnExactTask:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("Reply with exactly: hello 🌍 wörld", "hello 🌍 wörld"),
            ("Respond with only the word PONG and nothing else.", "PONG"),
            ("Repeat after me: 'one two'", "one two"),
            ("Say this is a test", "this is a test"),
            ('Please say "hi there".', "hi there"),
            ("Repeat the word 'na' 3 times", "na na na"),
        ],
    )
    def test_of_repeating_is_done_to_the_letter(self, asked, expected):
        assert answer("Hi", "Hello!", asked) == expected

    @pytest.mark.parametrize("asked", ["Say hello in French", "Say something nice", "Repeat that"])
    def test_is_not_seen_where_words_are_wanted(self, asked):
        assert answer("Hi", "Hello!", asked).startswith(f"You asked “{asked}”.")

    def test_of_repeating_does_not_shorten_a_long_text(self):
        assert answer(f"Repeat after me: {'word ' * 5000}end") == f"{'word ' * 5000}end"

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("Count to 5", "1, 2, 3, 4, 5."),
            ("count down from 3", "3, 2, 1."),
            ("How many r's are in strawberry?", "The letter r stands 3 times in strawberry."),
            ("How many words are in: one two three", "It has 3 words."),
            ("uppercase: straße", "STRASSE"),
            ("What is 12 * 7?", "12 \u00d7 7 = 84."),
            ("What is 0.1 + 0.2?", "0.1 + 0.2 = 0.3."),
            ("what's 15% of 80", "15 / 100 \u00d7 80 = 12."),
            ("How much is 1,200 divided by 7?", "1200 / 7 is about 171.429."),
            ("what is 1/3?", "1/3 is about 0.333333."),
            ("what is the square root of 144 plus 2 to the power of 10", "12 + 2 ^ 10 = 1036."),
            ("Solve 3x + 11 = 14", "3x + 11 = 14 gives x = 1."),
            ("2(3+4)-1", "2(3+4)-1 = 13."),
        ],
    )
    def test_of_counting_and_calculating_is_right(self, asked, expected):
        assert answer("Hi", "Hello!", asked) == expected

    @pytest.mark.parametrize(
        "asked", ["Call 555-1234 on 2026-01-31", "What is 1/0?", "What is 9^9^9^9?", "what is " + "(" * 200 + "1+1"]
    )
    def test_is_not_seen_in_other_numbers(self, asked):
        assert "=" not in answer("Hi", "Hello!", asked)


class TestWhatItCannotDo:
    @pytest.mark.parametrize(
        ("asked", "task"),
        [("Write a poem", "writing"), ("Translate hello to Welsh", "translation"), ("Fix this code: x", "programming")],
    )
    def test_is_named(self, asked, task):
        assert f"For {task}, set" in answer(asked)

    def test_includes_seeing_images(self):
        image = {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}
        request = body([{"type": "text", "text": "What is this?"}, image, image])
        assert choice(request)["message"]["content"].startswith("I received 2 images but cannot see them. You asked")

    def test_is_told_also_of_files_and_sounds(self):
        request = body([{"type": "input_audio", "input_audio": {}}])
        assert choice(request)["message"]["content"].startswith("I received one attachment that I cannot read.")

    def test_is_told_in_words_of_its_own_each_time(self):
        texts = ["one?"]
        for asked in ("two?", "three?", "four?"):
            texts += [answer(*texts), asked]
        endings = {said.partition("”")[2] for said in texts[1::2]}
        assert len(endings) == 3


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("*bold* <b>", "`*bold* <b>`"),
        ("`code` [x](y)", "`` `code` [x](y) ``"),
        ("```\ncode\n```", "```` ``` code ``` ````"),
        ("plain\n\ntext", "\u201cplain text\u201d"),
    ],
)
def test_what_is_quoted_does_not_become_markdown(text, quoted):
    assert answer("Hi", "Hello!", text).startswith(f"You said {quoted}.")


@pytest.mark.parametrize(
    "text", ["", " ", "?", "Привет, как дела?", "你好", "🙂" * 50, "x" * 100_000, "{}", "(" * 5000]
)
def test_nothing_leaves_it_speechless(text):
    assert len(answer(text)) > 20
