"""One model turn put together from the pieces that real servers send, in every way in which they cut them."""

from hypothesis import given
from hypothesis import strategies as st

from understudy.engine.run.turn import Turn
from understudy.llm.chunks import Choice, Chunk, Delta, FunctionFragment, TokenCounts, ToolCallFragment


def take(turn, *fragments, **delta):
    """One chunk with these fragments of calls."""
    return turn.add_chunk(Chunk([Choice(Delta(tool_calls=list(fragments) or None, **delta))]))


def fragment(index=None, id=None, name=None, arguments=None):  # noqa: A002 - the wire's word
    return ToolCallFragment(index, id, FunctionFragment(name, arguments))


def whole(turn):
    return [(call.id, call.name, "".join(call.arguments)) for call in turn.calls]


NAMES = st.sampled_from(["f", "get_weather", "a_b-c"])
CALLS = st.lists(st.tuples(NAMES, st.lists(st.text(min_size=1, max_size=5), max_size=5)), min_size=1, max_size=5)


def cut(calls, *, indexed, ids, names):
    """For each call its fragments: the first with id and name, the rest as `ids` and `names` say ("once", "always")."""
    for index, (name, pieces) in enumerate(calls):
        place = index if indexed else None
        call_id = f"call_{index}" if ids != "never" else None
        yield [
            fragment(place, call_id, name, ""),
            *(
                fragment(place, call_id if ids == "always" else None, name if names == "always" else None, piece)
                for piece in pieces
            ),
        ]


def expected(calls, ids="once"):
    told = [(f"call_{index}", name, "".join(pieces)) for index, (name, pieces) in enumerate(calls)]
    return [one[1:] for one in told] if ids == "never" else told


def interleaved(fragments, chance):
    """The fragments of several calls mixed; each call's own stay in order."""
    queues = [list(one) for one in fragments]
    # Calls begin in their order, as they are numbered.
    mixed = [queue.pop(0) for queue in queues]
    while queues := [queue for queue in queues if queue]:
        mixed.append(chance.choice(queues).pop(0))
    return mixed


@given(CALLS, st.sampled_from(["once", "always", "never"]), st.sampled_from(["once", "always"]), st.randoms())
def test_indexed_fragments_come_together_in_any_mix(calls, ids, names, chance):
    turn = Turn()
    for one in interleaved(cut(calls, indexed=True, ids=ids, names=names), chance):
        take(turn, one)
    assert [one[1:] if ids == "never" else one for one in whole(turn)] == expected(calls, ids)
    assert len({call.id for call in turn.calls}) == len(calls)
    assert [call.index for call in turn.calls] == list(range(len(calls)))


@given(CALLS, st.randoms())
def test_fragments_without_index_come_together_by_their_id(calls, chance):
    turn = Turn()
    for one in interleaved(cut(calls, indexed=False, ids="always", names="once"), chance):
        take(turn, one)
    assert whole(turn) == expected(calls)


@given(CALLS, st.sampled_from(["once", "never"]))
def test_fragments_without_index_and_id_extend_the_last_call(calls, ids):
    turn = Turn()
    for fragments in cut(calls, indexed=False, ids=ids, names="once"):
        for one in fragments:
            take(turn, one)
    assert [one[1:] if ids == "never" else one for one in whole(turn)] == expected(calls, ids)


@given(CALLS)
def test_calls_that_all_claim_the_first_index_stay_apart_by_their_id(calls):
    turn = Turn()
    for fragments in cut(calls, indexed=False, ids="once", names="once"):
        for one in fragments:
            one.index = 0
            take(turn, one)
    assert whole(turn) == expected(calls)


@given(CALLS)
def test_several_fragments_may_come_in_one_chunk(calls):
    turn = Turn()
    fragments = [one for parts in cut(calls, indexed=True, ids="once", names="once") for one in parts]
    piece = take(turn, *fragments)
    assert whole(turn) == expected(calls)
    assert "".join(arguments for _, arguments in piece.calls) == "".join("".join(pieces) for _, pieces in calls)


@given(CALLS, st.randoms())
def test_the_pieces_of_all_chunks_add_up_to_the_calls_of_the_turn(calls, chance):
    turn, told = Turn(), {}
    for one in interleaved(cut(calls, indexed=True, ids="once", names="once"), chance):
        for call, arguments in take(turn, one).calls:
            told[call.index] = told.get(call.index, "") + arguments
    assert told == {call.index: "".join(call.arguments) for call in turn.calls}


def test_indexes_that_skip_or_come_in_the_wrong_order_count_as_they_appear():
    turn = Turn()
    take(turn, fragment(7, "call_a", "f", "{"), fragment(3, "call_b", "g", "["))
    take(turn, fragment(3, None, None, "]"), fragment(7, None, None, "}"))
    assert whole(turn) == [("call_a", "f", "{}"), ("call_b", "g", "[]")]
    assert [call.index for call in turn.calls] == [0, 1]


def test_a_name_may_come_in_pieces():
    turn = Turn()
    take(turn, fragment(0, "call_a", "get_"))
    take(turn, fragment(0, None, "weather", "{}"))
    assert whole(turn) == [("call_a", "get_weather", "{}")]


def test_a_function_name_repeated_in_every_fragment_is_stored_once():
    turn = Turn()
    for piece in ("{", "}"):
        take(turn, fragment(0, "call_a", "f", piece))
    assert whole(turn) == [("call_a", "f", "{}")]


def test_calls_with_the_same_id_get_ids_of_their_own():
    turn = Turn()
    take(turn, fragment(0, "same", "f", "{}"), fragment(1, "same", "g", "[]"))
    first, second = whole(turn)
    assert (first[1:], second[1:]) == (("f", "{}"), ("g", "[]"))
    assert first[0] == "same" != second[0]


def test_a_fragment_without_a_function_does_no_harm():
    turn = Turn()
    turn.add_chunk(Chunk([Choice(Delta(tool_calls=[ToolCallFragment(0, "call_a", None)]))]))
    take(turn, fragment(0, None, "f", "{}"))
    assert whole(turn) == [("call_a", "f", "{}")]


def test_text_and_refusal_are_handed_on_and_counted():
    turn = Turn()
    piece = take(turn, content="Hel", refusal="No")
    assert (piece.text, piece.refusal, piece.calls) == ("Hel", "No", ())
    assert turn.deltas == 1


def test_chunks_of_nothing_count_for_nothing():
    turn = Turn()
    for chunk in (
        Chunk(),
        Chunk([]),
        Chunk([Choice()]),
        Chunk([Choice(Delta())]),
        Chunk([Choice(Delta(content="", refusal="", tool_calls=[]))]),
    ):
        piece = turn.add_chunk(chunk)
        assert (piece.text, piece.refusal, piece.calls) == ("", "", ())
    assert (turn.deltas, turn.calls, turn.finish_reason, turn.usage()) == (0, [], None, None)


def test_the_last_count_of_tokens_is_the_cost():
    turn = Turn()
    turn.add_chunk(Chunk([Choice(Delta(content="x"), "stop")], TokenCounts(1, 1)))
    turn.add_chunk(Chunk([], TokenCounts(9, 3)))
    usage = turn.usage()
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (9, 3, 12)
    assert turn.finish_reason == "stop"


def test_missing_counts_are_none():
    turn = Turn()
    turn.add_chunk(Chunk([], TokenCounts()))
    assert turn.usage() is None
    turn.add_chunk(Chunk([], TokenCounts(completion_tokens=2)))
    assert turn.usage().total_tokens == 2
