"""File search in runs: results, their rendering for the model, and correct citations, streamed and polled."""

import json
import threading

import openai
import pytest

from e2e.assistants_client import WEATHER, fetch_run, new_thread, on_both, outputs_for, reached, run_of, steps_of, user
from envelope import assert_error
from retrieval import documents
from upstream import Gate, call, calls, fault, reply, text
from waiting import eventually

FOODS = b"This file describes favorite foods.\n\nFilip Carola: cake\nTekakwitha Effie: pizza\n"
TEAS = "Grüner Tee 🍵 aus Uji wird bei 70 Grad aufgegossen.\n".encode()
SMALL_CHUNKS = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20}}
SEARCH = {"type": "file_search"}
QUERY = call("file_search", call_id="call_s", queries=["Filip favorite food cake"])
CONTENT = ["step_details.tool_calls[*].file_search.results[*].content"]


def store_of(client, *documents, **options):
    """A vector store with these `(name, bytes)`, all of them indexed."""
    store = client.vector_stores.create(**options)
    client.vector_stores.file_batches.upload_and_poll(store.id, files=list(documents), poll_interval_ms=20)
    return store


def searcher(client, *stores, **options):
    resources = {"file_search": {"vector_store_ids": [store.id for store in stores]}}
    return client.beta.assistants.create(model="gpt-4o", tools=[{**SEARCH, **options}], tool_resources=resources)


def told(upstream):
    """The passages that the model was shown last, as it was shown them."""
    return [message["content"] for message in upstream.requests[-1].body["messages"] if message["role"] == "tool"]


def the_answer(client, thread):
    return next(iter(client.beta.threads.messages.list(thread.id))).content[0].text


@pytest.fixture
def foods(client):
    return store_of(client, ("foods.txt", FOODS))


@on_both
@pytest.mark.proves("file_search.citations", "file_search.steps")
def test_a_run_searches_and_its_answer_cites_the_file(client, upstream):
    foods = store_of(client, ("foods.txt", FOODS))
    assistant, thread = searcher(client, foods), new_thread(client, "What does Filip like?")
    upstream.answer(calls(QUERY, usage=(830, 19)), text("Cake 🎂", "【0:", "0†foods.txt】", ".", usage=(1198, 20)))
    run = run_of(client, thread, assistant)
    assert (run.status, run.usage.total_tokens) == ("completed", 830 + 19 + 1198 + 20)

    (file,) = client.vector_stores.files.list(foods.id)
    answer = the_answer(client, thread)
    assert answer.value == "Cake 🎂【0:0†foods.txt】."
    (citation,) = answer.annotations
    assert (citation.type, citation.file_citation.file_id) == ("file_citation", file.id)
    assert (citation.text, citation.start_index, citation.end_index) == ("【0:0†foods.txt】", 6, 21)

    searched, spoken = steps_of(client, run)
    assert (searched.type, searched.status, searched.usage.total_tokens) == ("tool_calls", "completed", 849)
    (made,) = searched.step_details.tool_calls
    assert (made.id, made.type) == ("call_s", "file_search")
    assert made.file_search.ranking_options.to_dict() == {"ranker": "default_2024_08_21", "score_threshold": 0.0}
    (result,) = made.file_search.results
    assert (result.file_id, result.file_name, result.content) == (file.id, "foods.txt", None)
    assert 0 < result.score <= 1
    assert spoken.type == "message_creation"

    assert "【0:0†foods.txt】\nThis file describes favorite foods." in told(upstream)[0]
    first = upstream.requests[0].body
    assert [tool["function"]["name"] for tool in first["tools"]] == ["file_search"]


def test_a_model_and_the_steps_get_the_headings_above_a_passage(client, upstream):
    text_of_file = (
        "# Handbook\n\n## Engines\n\nThe port engine is red. 【0:7†x】\n\n## 【0:0†crew】\n\n"
        + "All are on board. " * 90
    )
    store, file = client.vector_stores.create(), ("handbook.md", text_of_file.encode())
    client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=file, chunking_strategy=SMALL_CHUNKS, poll_interval_ms=20
    )
    assistant = searcher(client, store, file_search={"max_num_results": 1})
    thread = new_thread(client, "Who is on board?")
    upstream.answer(calls(call("file_search", queries=["all on board"])), text("All【0:0†handbook.md】."))
    run = run_of(client, thread, assistant)
    assert "【0:0†handbook.md】 Handbook > [0:0†crew】\n" in told(upstream)[0]
    (result, *_) = steps_of(client, run)[0].step_details.tool_calls[0].file_search.results
    assert result.heading_path == ["Handbook", "【0:0†crew】"]
    assert (result.vector_store_id, result.chunk_index > 0) == (store.id, True)
    (citation,) = the_answer(client, thread).annotations
    assert citation.file_citation.to_dict() == {"file_id": result.file_id, "heading_path": result.heading_path}


@on_both
def test_a_citation_has_the_page_of_its_passage_in_runs_responses_and_their_streams(client, upstream):
    rules = store_of(client, ("rules.pdf", documents.pdf(["Harbour rules", "Anchors are checked in May"])))
    search = call("file_search", queries=["When are anchors checked?"])
    answers = (calls(search), text("In May【0:0†rules.pdf】."))
    assistant, thread = searcher(client, rules), new_thread(client, "When are anchors checked?")
    upstream.answer(*answers)
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        deltas = [event.data.delta.content[0].text for event in stream if event.event == "thread.message.delta"]
    (streamed,) = [one.file_citation.to_dict() for delta in deltas for one in delta.annotations or ()]
    (citation,) = the_answer(client, thread).annotations
    place = {"file_id": citation.file_citation.file_id, "page": 1}
    assert (citation.file_citation.to_dict(), streamed) == (place, {**place, "quote": ""})

    tools = [{"type": "file_search", "vector_store_ids": [rules.id]}]
    conversation = client.conversations.create()
    upstream.answer(calls(search), text("In May【1:0†rules.pdf】."))
    with client.responses.stream(model="gpt-4o", input="When?", tools=tools, conversation=conversation.id) as stream:
        added = [event.annotation for event in stream if event.type == "response.output_text.annotation.added"]
        response = stream.get_final_response()
    cited = {"type": "file_citation", **place, "filename": "rules.pdf", "index": 6}
    (item, *_) = client.conversations.items.list(conversation.id)
    for made in (response.output[-1], client.responses.retrieve(response.id).output[-1], item):
        assert [one.to_dict() for one in made.content[0].annotations] == [cited]
    assert [one.to_dict() for one in added] == [cited]
    upstream.answer(text("Yes."))
    again = client.responses.create(model="gpt-4o", input=[item.to_dict(), user("Sure?")])
    assert again.output_text == "Yes."


@on_both
@pytest.mark.proves("file_search.content")
def test_the_content_of_results_is_returned_only_if_included(client, upstream):
    foods = store_of(client, ("foods.txt", FOODS))
    assistant, thread = searcher(client, foods), new_thread(client, "What does Filip like?")
    upstream.answer(calls(QUERY), text("Cake."))
    run = run_of(client, thread, assistant)
    steps = client.beta.threads.runs.steps
    (_, searched) = steps.list(run.id, thread_id=thread.id, include=CONTENT)
    (result,) = searched.step_details.tool_calls[0].file_search.results
    assert [part.to_dict() for part in result.content] == [{"type": "text", "text": FOODS.decode().strip()}]
    plain = steps.retrieve(searched.id, run_id=run.id, thread_id=thread.id)
    assert plain.step_details.tool_calls[0].file_search.results[0].content is None
    whole = steps.retrieve(searched.id, run_id=run.id, thread_id=thread.id, include=CONTENT)
    assert whole == searched


@pytest.mark.proves("file_search.stream")
@pytest.mark.parametrize("include", [[], CONTENT])
def test_a_stream_sends_the_search_in_one_delta_and_the_citation_in_another(client, upstream, foods, include):
    assistant, thread = searcher(client, foods), new_thread(client, "What does Filip like?")
    upstream.answer(calls(QUERY), text("Cake", "【0:0†", "foods.txt】", "."))
    seen = []
    with client.beta.threads.runs.create(
        thread_id=thread.id, assistant_id=assistant.id, stream=True, include=include
    ) as stream:
        seen += [(event.event, event.data.to_dict()) for event in stream if event.event != "done"]
    names = [name.removeprefix("thread.") for name, _ in seen]
    assert names == [
        "run.created",
        "run.queued",
        "run.in_progress",
        "run.step.created",
        "run.step.in_progress",
        "run.step.delta",
        "run.step.completed",
        "run.step.created",
        "run.step.in_progress",
        "message.created",
        "message.in_progress",
        "message.delta",
        "message.delta",
        "message.delta",
        "message.completed",
        "run.step.completed",
        "run.completed",
    ]
    (delta,) = seen[5][1]["delta"]["step_details"]["tool_calls"]
    assert delta == {
        "index": 0,
        "id": "call_s",
        "type": "file_search",
        "file_search": {"ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0}, "results": []},
    }
    (result,) = seen[6][1]["step_details"]["tool_calls"][0]["file_search"]["results"]
    keys = ["file_id", "file_name", "score", "attributes", "vector_store_id", "chunk_index"]
    assert sorted(result) == sorted([*keys, "content"] if include else keys)
    cited = seen[12][1]["delta"]["content"][0]["text"]
    assert cited == {
        "value": "【0:0†foods.txt】",
        "annotations": [
            {
                "index": 0,
                "type": "file_citation",
                "text": "【0:0†foods.txt】",
                "start_index": 4,
                "end_index": 19,
                "file_citation": {"file_id": result["file_id"], "quote": ""},
            }
        ],
    }
    (part,) = seen[14][1]["content"]
    (annotation,) = part["text"]["annotations"]
    assert "index" not in annotation
    assert annotation["file_citation"] == {"file_id": result["file_id"]}


@on_both
@pytest.mark.proves("file_search.stores")
def test_the_assistants_store_and_the_threads_are_searched_together(client, upstream):
    foods, teas = store_of(client, ("foods.txt", FOODS)), store_of(client, ("tee.txt", TEAS))
    thread = client.beta.threads.create(
        messages=[user("Tee und Kuchen?")], tool_resources={"file_search": {"vector_store_ids": [teas.id]}}
    )
    both = call("file_search", queries=["Filip Carola cake", "Grüner Tee Uji Grad"])
    upstream.answer(calls(both), text("70 Grad【0:0†tee.txt】, Kuchen【0:1†foods.txt】, auch 【0:1†tee.txt】."))
    run = run_of(client, thread, searcher(client, foods))
    assert run.status == "completed"
    (cake,), (tea,) = (client.vector_stores.files.list(store.id) for store in (foods, teas))
    # The number of a mark may be wrong where its name is right.
    assert [one.file_citation.file_id for one in the_answer(client, thread).annotations] == [tea.id, cake.id, tea.id]


@pytest.mark.proves("file_search.invented")
def test_a_mark_that_the_model_invents_is_left_out(client, upstream, foods):
    assistant, thread = searcher(client, foods), new_thread(client, "What does Filip like?")
    upstream.answer(calls(QUERY), text("Cake【0:0†foods.txt】【3:7†secrets.txt】 【重要】."))
    run_of(client, thread, assistant)
    answer = the_answer(client, thread)
    assert answer.value == "Cake【0:0†foods.txt】 【重要】."
    assert len(answer.annotations) == 1


def test_several_searches_in_a_row_have_marks_of_their_own(client, upstream, foods):
    assistant, thread = searcher(client, foods), new_thread(client, "What do they like?")
    again = call("file_search", call_id="call_t", queries=["Effie pizza"])
    upstream.answer(calls(QUERY), calls(again), text("Pizza【1:0†foods.txt】."))
    run = run_of(client, thread, assistant)
    assert [step.type for step in steps_of(client, run)] == ["tool_calls", "tool_calls", "message_creation"]
    assert ["【0:0†" in told(upstream)[0], "【1:0†" in told(upstream)[1]] == [True, True]
    assert the_answer(client, thread).annotations[0].text == "【1:0†foods.txt】"


@pytest.mark.proves("file_search.options")
def test_file_search_options_limit_the_results(client, upstream):
    notes = [(f"note{n}.txt", f"Filip likes cake number {n}.".encode()) for n in range(6)]
    store = store_of(client, *notes)
    options = {"max_num_results": 2, "ranking_options": {"score_threshold": 0.0}}
    thread = new_thread(client, "Which cakes?")
    upstream.answer(calls(QUERY), text("Two."), calls(QUERY), text("None."))
    run = run_of(client, thread, searcher(client, store, file_search=options))
    (searched, _) = steps_of(client, run)
    assert len(searched.step_details.tool_calls[0].file_search.results) == 2
    strict = {"ranking_options": {"ranker": "auto", "score_threshold": 1.0}}
    run = run_of(client, thread, searcher(client, store, file_search=strict))
    (searched, _) = steps_of(client, run)
    made = searched.step_details.tool_calls[0].file_search
    assert made.ranking_options.to_dict() == {"ranker": "auto", "score_threshold": 1.0}
    assert made.results == []
    assert "No passage" in told(upstream)[-1]


@pytest.mark.parametrize(
    ("weights", "first"),
    [
        ({"embedding_weight": 0, "text_weight": 2}, "manual.txt"),
        ({"embedding_weight": 1, "text_weight": 0}, "typo.txt"),
    ],
)
def test_the_two_halves_of_a_search_are_weighed(client, upstream, weights, first):
    """One document has the word itself among many others, the other little but the word with a slip."""
    long = "The lighthouse keeper. " + " ".join(f"Chapter {n} is about tides, ropes and weather." for n in range(40))
    store = store_of(client, ("manual.txt", long.encode()), ("typo.txt", b"lighthous keepers"))
    options = {"ranking_options": {"score_threshold": 0.0, "hybrid_search": weights}}
    upstream.answer(calls(call("file_search", call_id="call_s", queries=["lighthouse"])), text("There."))
    run = run_of(client, new_thread(client, "Where?"), searcher(client, store, file_search=options))
    (searched, _) = steps_of(client, run)
    assert searched.step_details.tool_calls[0].file_search.results[0].file_name == first


@pytest.mark.parametrize("weights", [{"embedding_weight": -1, "text_weight": 1}, {"text_weight": 1}, {"words": 1}])
def test_invalid_hybrid_search_weights_are_refused(client, weights):
    options = {"ranking_options": {"score_threshold": 0.0, "hybrid_search": weights}}
    with pytest.raises(openai.BadRequestError) as refused:
        client.beta.assistants.create(model="gpt-4o", tools=[{**SEARCH, "file_search": options}])
    assert refused.value.param.startswith("tools[0].file_search.ranking_options.hybrid_search")


RERANKED = {"ranker": "scripted/gpt-4o-mini", "score_threshold": 0.4}


def rerank(*scores):
    """The response of a provider that reranks; `scores` are of the passages in the order of the request."""
    results = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
    return reply({"results": sorted(results, key=lambda one: -one["relevance_score"])})


def test_a_providers_model_ranks_the_passages_of_a_run_again(client, upstream):
    both = store_of(client, ("foods.txt", FOODS), ("tee.txt", TEAS))
    assistant = searcher(client, both, file_search={"ranking_options": RERANKED})
    upstream.answer(calls(QUERY), rerank(0.3, 0.8), text("Tea【0:0†tee.txt】."))
    run = run_of(client, new_thread(client, "What?"), assistant)
    assert run.status == "completed"
    asked = upstream.requests[1]
    assert asked.path.endswith("/rerank")
    assert (asked.body["model"], asked.body["query"]) == ("gpt-4o-mini", "Filip favorite food cake")
    assert [document.split()[0] for document in asked.body["documents"]] == ["This", "Grüner"]
    (shown,) = told(upstream)
    assert "tee.txt" in shown
    assert "foods.txt" not in shown, "its score is below the threshold"


def test_a_providers_model_ranks_the_passages_of_a_response_again(client, upstream):
    both = store_of(client, ("foods.txt", FOODS), ("tee.txt", TEAS))
    tool = {"type": "file_search", "vector_store_ids": [both.id], "ranking_options": RERANKED}
    upstream.answer(calls(QUERY), rerank(0.5, 0.8), text("Tea【0:0†tee.txt】."))
    made = client.responses.create(model="gpt-4o", input="?", tools=[tool], include=["file_search_call.results"])
    assert made.tools[0].ranking_options.ranker == "scripted/gpt-4o-mini"
    assert [(one.filename, one.score) for one in made.output[0].results] == [("tee.txt", 0.8), ("foods.txt", 0.5)]


def test_a_search_is_ranked_again_by_a_providers_model(client, upstream):
    both = store_of(client, ("foods.txt", FOODS), ("tee.txt", TEAS))
    upstream.answer(rerank(0.1, 0.2), rerank(0.9, 0.3))
    hits = client.vector_stores.search(
        both.id, query=["cake", "pizza"], ranking_options={"ranker": "scripted/gpt-4o-mini"}
    )
    assert [(hit.filename, hit.score) for hit in hits.data] == [("foods.txt", 0.9), ("tee.txt", 0.3)]


@pytest.mark.parametrize(
    ("answer", "error", "status", "param"),
    [
        (fault(404, "No model gpt-4o-mini."), openai.BadRequestError, 400, "ranking_options.ranker"),
        (fault(400, "This model cannot rerank."), openai.BadRequestError, 400, "ranking_options.ranker"),
        (reply({"results": []}), openai.InternalServerError, 502, None),
    ],
)
def test_a_search_that_cannot_be_ranked_again_fails(client, foods, upstream, answer, error, status, param):
    upstream.answer(answer)
    with pytest.raises(error, match="The ranker 'scripted/gpt-4o-mini' failed") as raised:
        client.with_options(max_retries=0).vector_stores.search(
            foods.id, query="cake", ranking_options={"ranker": "scripted/gpt-4o-mini"}
        )
    assert (raised.value.status_code, raised.value.param) == (status, param)


def test_search_results_of_earlier_runs_are_not_sent_again(client, upstream, foods):
    assistant, thread = searcher(client, foods), new_thread(client, "What does Filip like?")
    upstream.answer(calls(QUERY), text("Cake【0:0†foods.txt】."), text("Bye."))
    run_of(client, thread, assistant)
    client.beta.threads.messages.create(thread.id, **user("Thanks"))
    run_of(client, thread, assistant)
    assert upstream.requests[-1].body["messages"] == [
        {"role": "user", "content": "What does Filip like?"},
        {"role": "assistant", "content": "Cake."},
        {"role": "user", "content": "Thanks"},
    ]


@on_both
@pytest.mark.proves("file_search.with_functions")
def test_a_search_and_a_function_in_one_turn_share_a_step(client, upstream):
    foods = store_of(client, ("foods.txt", FOODS))
    assistant = searcher(client, foods)
    client.beta.assistants.update(assistant.id, tools=[SEARCH, WEATHER])
    thread = new_thread(client, "Cake and weather?")
    upstream.answer(calls(QUERY, call("get_weather", call_id="call_w", city="Paris")), text("Cake【0:0†foods.txt】."))
    run = run_of(client, thread, assistant)
    assert run.status == "requires_action"
    assert [one.id for one in run.required_action.submit_tool_outputs.tool_calls] == ["call_w"]
    (step,) = steps_of(client, run)
    assert (step.status, [one.type for one in step.step_details.tool_calls]) == (
        "in_progress",
        ["file_search", "function"],
    )
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=20
    )
    assert run.status == "completed"
    step = steps_of(client, run)[0]
    assert step.status == "completed"
    assert step.step_details.tool_calls[1].function.output == "18 degrees"
    assert len(step.step_details.tool_calls[0].file_search.results) == 1
    assert the_answer(client, thread).annotations[0].file_citation.file_id


def test_a_search_without_a_vector_store_is_empty_and_the_run_completes(client, upstream):
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[SEARCH])
    thread = new_thread(client, "Anything?")
    upstream.answer(calls(QUERY), text("Nothing."))
    run = run_of(client, thread, assistant)
    assert run.status == "completed"
    assert steps_of(client, run)[0].step_details.tool_calls[0].file_search.results == []


@pytest.mark.proves("file_search.missing_store")
def test_a_run_with_a_deleted_vector_store_is_not_found(client, foods):
    assistant, thread = searcher(client, foods), new_thread(client, "What does Filip like?")
    client.vector_stores.delete(foods.id)
    with pytest.raises(openai.NotFoundError) as refusal:
        run_of(client, thread, assistant)
    assert_error(refusal.value, 404, f"No vector store found with id '{foods.id}'.")


def test_a_function_of_the_clients_may_have_the_tools_name(client, upstream, foods):
    own = {"type": "function", "function": {"name": "file_search"}}
    assistant = searcher(client, foods)
    client.beta.assistants.update(assistant.id, tools=[SEARCH, own])
    thread = new_thread(client, "Search")
    upstream.answer(calls(call("file_search", call_id="call_o", raw_arguments='{"mine": 1}')))
    run = run_of(client, thread, assistant)
    (asked,) = run.required_action.submit_tool_outputs.tool_calls
    assert (asked.id, asked.function.arguments) == ("call_o", '{"mine": 1}')


def test_a_run_waits_for_files_that_are_still_being_indexed(client, upstream):
    store = client.vector_stores.create()
    file = client.files.create(file=("foods.txt", FOODS), purpose="assistants")
    assistant, thread = searcher(client, store), new_thread(client, "What does Filip like?")
    upstream.answer(calls(QUERY), text("Cake【0:0†foods.txt】."))
    client.vector_stores.files.create(store.id, file_id=file.id)
    run = run_of(client, thread, assistant)
    assert run.status == "completed"
    assert the_answer(client, thread).annotations[0].file_citation.file_id == file.id


def test_cancelling_stops_a_run_between_its_turns(client, upstream, foods):
    gate = Gate()
    assistant, thread = searcher(client, foods), new_thread(client, "What does Filip like?")
    upstream.answer(calls(QUERY), text(gate, "Cake."))
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    eventually(lambda: len(upstream.requests) == 2)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert reached(client, run).status == "cancelled"
    (searched,) = steps_of(client, run)
    assert searched.status == "completed"


@pytest.mark.proves("file_search.crash")
def test_a_search_that_is_done_is_not_done_again_after_a_crash(new_server, upstream):
    server = new_server().start()
    client = server.client
    foods = store_of(client, ("foods.txt", FOODS))
    assistant, thread = searcher(client, foods), new_thread(client, "What does Filip like?")
    gate = Gate()
    upstream.answer(calls(QUERY), text(gate, "never said"), text("Cake【0:0†foods.txt】."))
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    eventually(lambda: len(upstream.requests) == 2)
    server.kill()
    threading.Timer(0, gate.open).start()
    server.start()
    assert reached(server.client, run, within=10).status == "completed"
    searched, spoken = steps_of(server.client, run)
    assert (searched.type, spoken.type) == ("tool_calls", "message_creation")
    answer = the_answer(server.client, thread)
    assert answer.value == "Cake【0:0†foods.txt】."
    assert len(answer.annotations) == 1
    roles = [message["role"] for message in upstream.requests[-1].body["messages"]]
    assert roles == ["user", "assistant", "tool"]


def test_an_image_that_is_a_file_reaches_the_model(client, upstream, assistant):
    pixel = bytes.fromhex("89504e470d0a1a0a") + b"rest"
    image = client.files.create(file=("a.png", pixel), purpose="vision")
    content = [{"type": "text", "text": "Look"}, {"type": "image_file", "image_file": {"file_id": image.id}}]
    thread = client.beta.threads.create(messages=[user(content)])
    upstream.answer(text("A pixel."))
    assert run_of(client, thread, assistant).status == "completed"
    shown = upstream.requests[-1].body["messages"][0]["content"][1]["image_url"]
    assert shown == {"url": "data:image/png;base64,iVBORw0KGgpyZXN0", "detail": "auto"}


def test_a_deleted_file_is_not_found_any_more(client, upstream, foods):
    assistant, thread = searcher(client, foods), new_thread(client, "What does Filip like?")
    (file,) = client.vector_stores.files.list(foods.id)
    client.files.delete(file.id)
    upstream.answer(calls(QUERY), text("I do not know."))
    run = run_of(client, thread, assistant)
    assert steps_of(client, run)[0].step_details.tool_calls[0].file_search.results == []
    assert json.dumps(told(upstream)).count("cake") == 0
    assert fetch_run(client, run).status == "completed"
