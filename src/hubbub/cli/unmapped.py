"""`hubbub status --unmapped`: topics that no rule knows, and topics whose rule found nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["show_unmapped", "without_rule"]

_COLUMNS = ("topic", "messages", "why", "rule_now", "example")


def without_rule(app: App, store: Store) -> list[dict[str, Any]]:
    """The store's list, most frequent first.

    `rule_now`: the rules of this moment know the topic; what was loaded before stays as it is.
    """
    from hubbub.collector.people import has_rule

    lines = store.unmapped()
    if not lines:
        return []
    rules = app.reader.rules
    return [
        asdict(line) | {"rule_now": has_rule(line.example_topic, rules=rules)} for line in lines
    ]


def show_unmapped(lines: Sequence[dict[str, Any]]) -> None:
    """Print the list for a person."""
    from hubbub.cli.formats import show_table
    from hubbub.cli.tables import Table
    from hubbub.collector.people import MISSED

    if not lines:
        click.echo("every topic that was loaded has a rule, and every rule found something")
        return
    said = [line | {"why": MISSED.get(line["why"], line["why"])} for line in lines]
    rows = [[line[column] for column in _COLUMNS] for line in said]
    show_table(Table([column.replace("_", " ") for column in _COLUMNS], rows))
