"""Whether a short question is certainly in a language that a vector store does not have."""

import pytest

from understudy.text.language import is_other_language


@pytest.mark.parametrize(
    ("query", "languages", "expected"),
    [
        ("Wie lange darf ein Vater zu Hause bleiben?", ["english"], True),
        ("Wie lange darf ein Vater zu Hause bleiben?", ["english", "german"], False),
        ("How long may a father stay at the house?", ["german", ""], True),
        ("Кто заказывает билеты?", ["english"], True),
        ("Кто заказывает билеты?", ["russian"], False),
        ("休假", ["japanese"], False),
        ("休假", ["english"], True),
        ("BX-4012 Okafor", ["german"], False),
        ("Ines Okafor de Velm", ["english"], False),
        ("Juan de la Cruz", ["english"], False),
        ("Handbuch Kapitel", ["english"], False),
        ("was is the manual", ["german"], False),
        ("Wie lange darf ein Vater bleiben?", [""], False),
        ("", ["english"], False),
    ],
)
def test_only_a_question_of_a_certain_other_language_is_one(query, languages, expected):
    assert is_other_language(query, languages) is expected
