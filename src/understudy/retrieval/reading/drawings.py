"""Text of drawings in office documents: equations, charts, diagrams, and the words that describe a picture."""

from collections.abc import Callable, Iterator
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.markup import find_child, find_children, iter_descendants, local_attribute, local_name
from understudy.retrieval.reading.package import Package, Relation

_MAX_ROWS: Final = 10_000
_SCRIPT_OPERATORS: Final = {"sup": "^", "sub": "_"}
_DIAGRAM_RELATION: Final = "dm"


def render_equation(element: ET.Element) -> str:
    """In one line: fractions with a slash, powers with ^, indices with _, roots with √."""
    name = local_name(element)
    if (writer := _WRITERS.get(name)) is not None:
        return writer(element)
    if name.endswith("pr"):
        return ""
    text = "".join(render_equation(one) for one in element)
    return _SCRIPT_OPERATORS[name] + _parenthesize(text) if name in _SCRIPT_OPERATORS and text else text


def _render_children(element: ET.Element) -> str:
    sign = find_child(element, "narypr", "chr")
    limits = "".join(render_equation(one) for one in element if local_name(one) in _SCRIPT_OPERATORS)
    symbol = (local_attribute(sign, "val") if sign is not None else None) or "∫"
    return f"{symbol}{limits} {_render_equations(find_child(element, 'e'))}"


_WRITERS: Final[dict[str, Callable[[ET.Element], str]]] = {
    "d": lambda element: f"({', '.join(_render_equations(one) for one in find_children(element, 'e'))})",
    "f": lambda element: f"{_render_group(find_child(element, 'num'))}/{_render_group(find_child(element, 'den'))}",
    "mr": lambda element: ", ".join(_render_equations(one) for one in element) + "; ",
    "nary": _render_children,
    "rad": lambda element: f"{_render_equations(find_child(element, 'deg'))}√{_render_group(find_child(element, 'e'))}",
    "t": lambda element: element.text or "",
}


def _render_equations(element: ET.Element | None) -> str:
    return "" if element is None else "".join(render_equation(one) for one in element)


def _render_group(element: ET.Element | None) -> str:
    return _parenthesize(_render_equations(element))


def _parenthesize(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"({text})"


def alt_text(drawing: ET.Element) -> str:
    """What a picture's author wrote for those who cannot see it."""
    for one in iter_descendants(drawing, "docpr", "cnvpr", "shape", "imagedata"):
        text = local_attribute(one, "descr") or local_attribute(one, "alt") or ""
        if text.strip():
            return f"[Image: {text.strip()}]"
    return ""


def linked_texts(package: Package, relations: dict[str, Relation], drawing: ET.Element) -> Iterator[str]:
    """Charts and diagrams that a drawing shows, which are parts of their own."""
    for one in iter_descendants(drawing, "chart", "relids"):
        name = _DIAGRAM_RELATION if local_name(one) == "relids" else "id"
        relation = relations.get(local_attribute(one, name) or "")
        if relation is not None:
            text = (
                chart(package.tree(relation.target)) if name == "id" else render_diagram(package.tree(relation.target))
            )
            if text:
                yield text


def render_diagram(root: ET.Element) -> str:
    lines = ("".join(one.text or "" for one in iter_descendants(p, "t")) for p in iter_descendants(root, "p"))
    return "\n".join(line for line in lines if line.strip())


def chart(root: ET.Element) -> str:
    """Its title, and a table of a column for the categories and one for each series."""
    series = list(iter_descendants(root, "ser", "series"))
    if not series:
        return _title_text(root)
    columns = [_data_points(series[0], "cat", "xval"), *(_data_points(one, "val", "yval") for one in series)]
    head = ["", *(_title_text(find_child(one, "tx")) for one in series)]
    rows = sorted({place for column in columns for place in column})[:_MAX_ROWS]
    table = [" | ".join(head)] + [" | ".join(column.get(place, "") for column in columns) for place in rows]
    titles = [text for one in iter_descendants(root, "title") if (text := render_diagram(one))]
    return "\n".join([*titles, *(line for line in table if line.strip(" |"))])


def _data_points(series: ET.Element, *names: str) -> dict[int, str]:
    """The values by index of the first child with one of the names."""
    element = next((child for name in names if (child := find_child(series, name)) is not None), None)
    if element is None:
        return {}
    points = {}
    for place, point in enumerate(iter_descendants(element, "pt")):
        index = local_attribute(point, "idx") or ""
        values = [one.text or "" for one in iter_descendants(point, "v")] or [point.text or ""]
        points[int(index) if index.isdecimal() else place] = " ".join(values)
    return points


def _title_text(element: ET.Element | None) -> str:
    if element is None:
        return ""
    return " ".join(one.text for one in iter_descendants(element, "t", "v", "pt") if one.text and one.text.strip())
