"""Objects for the console's screenshots: names and texts as users have them, some hostile."""

import openai

from console.seed_objects import seed_objects

_QUESTIONS = (
    "How long do refunds take?",
    "Plot last year's revenue by month.",
    "Where is my order 7?",
    "What does the handbook say about returns from abroad?",
    "كم من الوقت يستغرق استرداد المبلغ؟",
)
_ORDER = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}


def seed(client: openai.OpenAI) -> dict[str, str]:
    """Creates the objects; returns the ids that paths of screenshots can name, such as `{assistant}`."""
    function = {"type": "function", "function": {"name": "get_order", "parameters": _ORDER}}
    bot = client.beta.assistants.create(
        model="gpt-4o",
        name="Support bot",
        instructions="You answer from the documents.\nBe short, and cite.",
        tools=[{"type": "file_search"}, {"type": "code_interpreter"}, function],  # type: ignore[list-item]
        metadata={"team": "support"},
        temperature=0.2,
    )
    client.beta.assistants.create(model="gpt-4o-mini", name="Weather desk", tools=[function])  # type: ignore[list-item]
    client.beta.assistants.create(model="gpt-4o", name="<img src=x onerror=alert(1)> \u202eesrever")
    client.beta.assistants.create(model="gpt-4o-mini")
    threads = [_create_thread(client, number) for number in range(12)]
    # Code cannot run on every machine.
    runs = [
        client.beta.threads.runs.create_and_poll(
            thread_id=thread, assistant_id=bot.id, tools=[], temperature=temperature, poll_interval_ms=50
        ).id
        for thread, temperature in zip(threads[2::3], (0.2, 0.2, 0.9, 0.2), strict=True)
    ]
    return {"assistant": bot.id, "thread": threads[-1], "run": runs[-1], "other_run": runs[-2], **seed_objects(client)}


def _create_thread(client: openai.OpenAI, number: int) -> str:
    question = _QUESTIONS[number % len(_QUESTIONS)]
    metadata = {"customer": str(40 + number), "channel": "web"}
    return client.beta.threads.create(messages=[{"role": "user", "content": question}], metadata=metadata).id
