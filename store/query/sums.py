"""Sums of bytes that cannot overflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["exact", "exact_sum"]


def exact(column: ir.NumericValue) -> ir.DecimalValue:
    """Return whole numbers as decimals of 38 digits, the type of `exact_sum`."""
    decimal: ir.DecimalValue = column.cast("decimal(38, 0)")
    return decimal


def exact_sum(column: ir.NumericColumn) -> ir.DecimalScalar:
    """Return the sum of an integer column as a decimal of 38 digits.

    DuckDB adds up 64-bit integers in 128 bits; only the result's declared type, int64, would not
    hold the sum. Results show the decimal as an integer.
    """
    total: ir.DecimalScalar = column.sum().cast("decimal(38, 0)")
    return total
