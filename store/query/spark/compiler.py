"""Ibis' SQL for Spark, where it differs from what the expressions mean on DuckDB.

Plugins' expressions are compiled here as well, so this knows no query of hubbub's.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import ibis.common.exceptions as com
import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.backends.sql.rewrites import p
from ibis.common.patterns import replace

from hubbub.times import EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SailCompiler", "SparkCompiler"]

#: Functions that expressions call by DuckDB's names.
_NAMES = {"epoch_us": "unix_micros", "make_timestamp": "timestamp_micros"}
_MICRO = timedelta(microseconds=1)


@replace(p.Distinct)  # type: ignore[untyped-decorator]
def _groups(_: Any) -> ops.Aggregate:
    """Group by all columns: DISTINCT, as written for Spark, may tell rows apart by other columns.

    They are those of the condition (Sail) or the one to sort by (Apache Spark).
    """
    columns = {name: ops.Field(_.parent, name) for name in _.parent.schema}
    return ops.Aggregate(_.parent, groups=columns, metrics={})


class SparkCompiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis' compiler for Spark, with the results that DuckDB gives."""

    __slots__ = ()

    rewrites = (_groups, *PySparkCompiler.rewrites)

    def __sql_name__(self, op: Any) -> str:
        name: str = super().__sql_name__(op)
        return _NAMES.get(name, name)

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        """Write times as microseconds: the text that Ibis writes depends on session and version."""
        if dtype.is_timestamp():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return self.f.anon.timestamp_micros(sge.convert((aware - EPOCH) // _MICRO))
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_TimestampFromUNIX(self, op: Any, *, arg: Any, unit: Any) -> Any:
        """Convert a number directly: Ibis goes by way of a text."""
        if unit is not None and unit.short in _OF_UNIT:
            return self.f.anon[_OF_UNIT[unit.short]](arg)
        return super().visit_TimestampFromUNIX(op, arg=arg, unit=unit)

    def visit_Divide(self, op: Any, *, left: Any, right: Any) -> Any:
        """Divide by zero to null, which is an error in newer versions of Spark."""
        del op
        return self.f.anon.try_divide(left, right)

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
        """Add up decimals where a sum of integers is to become one: it may exceed 64 bits."""
        total = op.arg
        if to.is_decimal() and isinstance(total, ops.Sum) and total.arg.dtype.is_integer():
            number = self.cast(arg.this.copy(), to) if isinstance(arg, sge.Sum) else None
            if number is not None:
                return self.cast(self.f.sum(number), to)
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_BitwiseLeftShift(self, op: Any, *, left: Any, right: Any) -> Any:
        """Shift by 32 bits of a number, as Spark wants it."""
        del op
        return self.f.anon.shiftleft(left, self.f.anon.int(right))

    def visit_BitwiseRightShift(self, op: Any, *, left: Any, right: Any) -> Any:
        """Shift by 32 bits of a number, as Spark wants it."""
        del op
        return self.f.anon.shiftright(left, self.f.anon.int(right))

    def visit_BitOr(self, op: Any, *, arg: Any, where: Any) -> Any:
        """Aggregate bits, which Spark has and Ibis does not know of."""
        del op
        return self.f.anon.bit_or(arg if where is None else self.if_(where, arg, sge.null()))

    def visit_BitAnd(self, op: Any, *, arg: Any, where: Any) -> Any:
        """Aggregate bits; see `visit_BitOr`."""
        del op
        return self.f.anon.bit_and(arg if where is None else self.if_(where, arg, sge.null()))

    def visit_ArrayIndex(self, op: Any, *, arg: Any, index: Any) -> Any:
        """Return null beyond the ends, where `element_at` is an error."""
        place = op.index
        if isinstance(place, ops.Literal):
            number = place.value if place.value < 0 else place.value + 1
            return self.f.anon.try_element_at(arg, sge.convert(number))
        moved = self.if_(index < 0, index, index + 1)
        return self.f.anon.try_element_at(arg, self.f.anon.int(moved))

    def visit_ArrayStringJoin(self, op: Any, *, arg: Any, sep: Any) -> Any:
        """Join by `array_join`, which also knows lists without a text."""
        del op
        return self.if_(self.f.array_size(arg) > 0, self.f.anon.array_join(arg, sep), sge.null())

    def visit_ArrayCollect(
        self,
        op: Any,
        *,
        arg: Any,
        where: Any,
        order_by: Sequence[Any],
        include_null: bool,
        distinct: bool,
    ) -> Any:
        """Sort what was collected, since Spark collects in any order."""
        if not order_by:
            return super().visit_ArrayCollect(
                op,
                arg=arg,
                where=where,
                order_by=order_by,
                include_null=include_null,
                distinct=distinct,
            )
        keys = op.order_by
        if include_null or not all(key.ascending for key in keys):
            raise com.UnsupportedOperationError(
                "collecting with nulls, or in descending order, is not possible in Spark"
            )
        if distinct:
            if [key.arg for key in keys] != [op.arg]:
                raise com.UnsupportedOperationError(
                    "distinct values can only be collected in their own order in Spark"
                )
            value = arg if where is None else self.if_(where, arg, sge.null())
            found = self.f.anon.array_sort(self.f.anon.collect_set(value))
            return self.if_(self.f.array_size(found.copy()) > 0, found, sge.null())
        wanted = arg.is_(sge.null()).not_()
        wanted = wanted if where is None else sge.and_(where, wanted)
        parts: list[Any] = []
        for number, key in enumerate(order_by):
            parts += [sge.convert(f"k{number}"), key.this]
        pair = self.f.anon.named_struct(*parts, sge.convert("value"), arg)
        rows = self.f.anon.collect_list(self.if_(wanted, pair, sge.null()))
        row = sge.to_identifier("row")
        value = sge.Dot(this=row.copy(), expression=sge.to_identifier("value"))
        taken = sge.Lambda(this=value, expressions=[row])
        found = self.f.anon.transform(self.f.anon.array_sort(rows), taken)
        return self.if_(self.f.array_size(found.copy()) > 0, found, sge.null())


class SailCompiler(SparkCompiler):
    """The same for Sail, whose version 0.7 computes some statements wrongly or not at all."""

    __slots__ = ()

    def visit_ArrayFilter(self, op: Any, *, arg: Any, **parts: Any) -> Any:
        """Keep a condition with a lambda out of the scan of files; see `_kept`."""
        return super().visit_ArrayFilter(op, arg=self._kept(arg), **parts)

    def visit_ArrayMap(self, op: Any, *, arg: Any, **parts: Any) -> Any:
        """Keep a condition with a lambda out of the scan of files; see `_kept`."""
        return super().visit_ArrayMap(op, arg=self._kept(arg), **parts)

    def _kept(self, array: Any) -> Any:
        """Return an array in a way that keeps conditions with it where they are.

        Sail moves conditions into the scan of files, where it does not find the columns of one with
        a lambda; one with a random number stays.
        """
        return self.if_(self.f.anon.rand() >= 0, array, sge.null())


_OF_UNIT = {"s": "timestamp_seconds", "ms": "timestamp_millis", "us": "timestamp_micros"}
