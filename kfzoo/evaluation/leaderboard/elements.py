"""HTML elements whose text cannot break out: what is not an element is escaped."""

from __future__ import annotations

from html import escape


class Element(str):
    """HTML that is finished: it goes into other elements as it is."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: str | bool | None) -> Element:
    """Makes an element.

    Args:
        tag: Its name.
        *children: Elements, or text to be escaped; None for no child.
        **attributes: Escaped; `class_` is `class`, `data_value` is `data-value`; True stands without a value, False and
            None are left out.
    """
    told = "".join(
        f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(value)}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in VOID:
        return Element(f"<{tag}{told}>")
    inside = "".join(each if isinstance(each, Element) else escape(each) for each in children if each is not None)
    return Element(f"<{tag}{told}>{inside}</{tag}>")


def joined(*elements: Element) -> Element:
    """Elements one after the other, a line each."""
    return Element("\n".join(elements))


VOID = frozenset({"input"})
"""Elements without content."""
