"""Which deferred tools the paths of a search name or describe."""

import pytest

from understudy.tools.tool_search import definition, find_tools, parse_paths

WEATHER = {"type": "function", "name": "get_weather", "description": "The weather of a city", "parameters": {}}
NOTE = {"type": "custom", "name": "writeNote", "description": "Stores a text"}
ORDERS = {"type": "function", "name": "list_orders", "description": "Orders of a customer", "parameters": {}}
REFUND = {"type": "function", "name": "refund", "parameters": {}}
CRM = {"type": "namespace", "name": "crm", "description": "Customers and sales", "tools": [ORDERS, REFUND]}
ALL = [WEATHER, NOTE, CRM]


def only(*tools):
    return {**CRM, "tools": list(tools)}


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["get_weather"], [WEATHER]),
        (["GET_WEATHER", "writeNote"], [WEATHER, NOTE]),
        (["crm"], [CRM]),
        (["crm.refund"], [only(REFUND)]),
        (["crm/refund"], [only(REFUND)]),
        (["crm__list_orders"], [only(ORDERS)]),
        (["refund"], [only(REFUND)]),
        (["crm.refund", "get_weather"], [WEATHER, only(REFUND)]),
        (["how is the weather"], [WEATHER]),
        (["customer orders"], [CRM]),
        (["note"], [NOTE]),
        (["cities"], []),
        (["nothing like that"], []),
        ([""], []),
        ([], []),
    ],
)
def test_paths_find_tools_by_name_by_namespace_or_by_words(paths, found):
    assert find_tools(ALL, paths) == found


def test_words_find_the_ten_best_tools_at_most():
    many = [{"type": "function", "name": f"report_{number}"} for number in range(20)]
    found = find_tools([*many, {"type": "function", "name": "sales_report"}], ["sales report"])
    assert len(found) == 10
    assert found[-1]["name"] == "sales_report"


def test_the_function_lists_names_and_descriptions_and_no_parameters():
    description = definition("tool_search", ALL)["function"]["description"]
    lines = [line for line in description.splitlines() if line.startswith("- ")]
    assert lines == [
        "- get_weather: The weather of a city",
        "- writeNote: Stores a text",
        "- crm: Customers and sales",
        "- crm.list_orders: Orders of a customer",
        "- crm.refund",
    ]


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        ('{"paths": ["a", "b", "a", 5, " "]}', ["a", "b"]),
        ('{"paths": "a"}', ["a"]),
        ('{"query": "a"}', ["a"]),
        ("{}", []),
        ("[1]", []),
        ("nothing", []),
    ],
)
def test_arguments_are_read_as_far_as_they_make_sense(arguments, paths):
    assert parse_paths(arguments) == paths
