"""Ibis over Spark Connect, with the results that hubbub's own engine gives.

Expressions become SQL that the engine runs over the files of a snapshot. Only answers come to the
client, as Arrow, of at most `MOST_ROWS` rows. Results that a query holds for its other expressions
stay with the engine, unless they are few.

Importing this module needs the extra `spark`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, finalize

import grpc
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
from ibis.backends.pyspark import Backend
from ibis.backends.pyspark.datatypes import PySparkSchema, PySparkType
from ibis.formats.pyarrow import PyArrowData
from packaging.version import InvalidVersion, Version
from pyspark.sql.connect.client.core import DefaultChannelBuilder
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.types import TimestampType

from hubbub.errors import EngineError, UsageError
from hubbub.store.query.spark.address import Address
from hubbub.store.query.spark.compiler import SailCompiler, SparkCompiler
from hubbub.store.query.spark.failures import ERRORS, GoneError, attributed

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["MOST_ROWS", "SparkBackend"]

_ = ibis.pyspark  # Ibis registers the options that its compiler reads

#: Rows of an answer that come to the client at most.
MOST_ROWS = 1_000_000
#: Held results with at most so many rows come to the client, and go back as constants.
_FEW = 20_000
_OLDEST = Version("3.5")  # of Spark: `try_element_at`, results as Arrow
_READY = 20.0  # s for the engine to speak
_LIVELY = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 20_000)]
#: The client asks an engine that is gone again, for some 8 s; its own default is 10 minutes.
_RETRIES: Mapping[str, Any] = {
    "max_retries": 6, "initial_backoff": 100, "backoff_multiplier": 2.0, "max_backoff": 4_000,
    "jitter": 100, "min_jitter_threshold": 200,
}  # fmt: skip


class SparkBackend(Backend):  # type: ignore[misc]
    """The Ibis backend of one session of an engine; `open` returns a new one.

    Attributes:
        address: of the engine.
    """

    compiler: SparkCompiler = SparkCompiler()
    address: Address

    @classmethod
    def open(cls, url: str, *, shared: bool = False) -> SparkBackend:
        """Connect to an engine.

        Args:
            url: its address.
            shared: whether the tables lie where other machines see them, too.

        Raises:
            UsageError: it is no address of an engine, or the engine is too old.
            EngineError: it cannot be reached, or does not speak Spark Connect.
        """
        address = Address.parse(url, shared=shared)
        address.require_files()
        address.require_listener()
        backend = cls(address)
        backend.reconnect()
        return backend

    def do_connect(self, address: Address) -> None:
        """Begin a session of the engine at an address; see `open`."""
        self.address = address
        self._unused: list[Callable[[], object]] = []
        self._interrupting: Thread | None = None
        # said as an error that names the engine
        warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]")
        with attributed(self.address):
            builder = DefaultChannelBuilder(address.url, channelOptions=_LIVELY)
            self._require_speech(builder)
            session = SparkSession(connection=builder)
            session.client.set_retry_policies([DefaultPolicy(**_RETRIES)])
            self._require_version(str(session.version))
            super().do_connect(session)
            if self.current_catalog == "sail":
                self.compiler = SailCompiler()

    @property
    def db_identity(self) -> str:
        """Each session is a database of its own."""
        return f"{self.address}#{id(self)}"

    def _require_speech(self, builder: DefaultChannelBuilder) -> None:
        """Wait until the engine speaks gRPC, which a client would do without an end."""
        channel = builder.toChannel()
        try:
            grpc.channel_ready_future(channel).result(timeout=_READY)
        except grpc.FutureTimeoutError:
            raise EngineError(
                f"what listens there did not speak gRPC within {_READY:g} s",
                where=str(self.address),
                hint="is it a server of Spark Connect? With TLS, its address needs ;use_ssl=true",
            ) from None
        finally:
            channel.close()

    def _require_version(self, version: str) -> None:
        with suppress(InvalidVersion):  # of a fork, with a scheme of its own
            if Version(version.partition("-")[0]) < _OLDEST:
                raise UsageError(
                    f"this engine is Spark {version}; hubbub needs {_OLDEST} or newer",
                    where=str(self.address),
                )

    def disconnect(self) -> None:
        """End the session, and with it all that it still computes."""
        with suppress(*ERRORS):
            super().disconnect()

    def interrupt(self) -> None:
        """End what the engine computes for this session, from any thread, soon after this call."""

        def end() -> None:
            with suppress(*ERRORS):
                self._session.interruptAll()

        if self._interrupting is None or not self._interrupting.is_alive():
            self._interrupting = Thread(target=end, name="interrupt", daemon=True)
            self._interrupting.start()

    # tables

    def read_files(self, files: Sequence[str], name: str) -> ir.Table:
        """Return the rows of Parquet files as a view.

        Args:
            files: paths, or URLs of objects.
            name: of the view.

        Raises:
            UsageError, EngineError: the engine cannot read them.
        """
        paths = [self.address.location(file) for file in files]
        return self._view(name, lambda: self._session.read.parquet(*paths))

    def read_rows(self, rows: Any, name: str) -> ir.Table:
        """Return an Arrow table as a table of the engine."""
        return self._view(name, lambda: self._frame(rows))

    def hold(self, table: ir.Table) -> ir.Table:
        """Return the rows of an expression, which the engine computes once."""
        self._drop_unused()
        schema = table.schema()
        with attributed(self.address):
            self._run_pre_execute_hooks(table)
            frame = self._session.sql(self.compile(table)).cache()
            few = frame.limit(_FEW + 1).toArrow()
        if few.num_rows <= _FEW:
            self._unused.append(frame.unpersist)
            return ibis.memtable(_converted(few, schema))
        name = ibis.util.gen_name("held")
        with attributed(self.address):
            frame.createOrReplaceTempView(name)
        held = self._database_table(name, schema)
        finalize(held.op(), self._unused.append, frame.unpersist)
        self._drop_later(held.op(), name)
        return held

    def drop_view_later(self, name: str) -> None:
        """Drop a view with the next request; no expression refers to it."""
        self._unused.append(lambda: self._session.catalog.dropTempView(name))

    def _drop_later(self, operation: Any, name: str) -> None:
        """Drop a view once no expression refers to it."""
        finalize(operation, self.drop_view_later, name)

    def _drop_unused(self) -> None:
        while self._unused:
            with suppress(*ERRORS):
                self._unused.pop()()

    def _begin_again(self) -> None:
        """Begin a new session in place of one that the engine has ended."""
        self.__dict__.pop("hubbub_views", None)
        self._memtables: WeakSet[Any] = WeakSet()
        self.disconnect()
        self.address.require_listener()
        self.do_connect(self.address)

    def _view(self, name: str, make: Callable[[], Any]) -> ir.Table:
        """Return a view of a data frame, with which a request begins: in a session that lives."""
        self._drop_unused()
        try:
            return self._database_table(name, self._define(name, make))
        except GoneError:  # nothing of that session is needed any more
            self._begin_again()
            return self._database_table(name, self._define(name, make))

    def _define(self, name: str, make: Callable[[], Any]) -> ibis.Schema:
        with attributed(self.address):
            frame = make()
            frame.createOrReplaceTempView(name)
            return ibis.schema({field.name: _type_of(field) for field in frame.schema.fields})

    def _database_table(self, name: str, schema: ibis.Schema) -> ir.Table:
        table: ir.Table = ops.DatabaseTable(
            name, schema=schema, source=self, namespace=ops.Namespace()
        ).to_expr()
        return table

    def _frame(self, rows: Any) -> Any:
        if rows.num_rows:
            return self._session.createDataFrame(rows)
        schema = PySparkSchema.from_ibis(ibis.Schema.from_pyarrow(rows.schema))
        return self._session.createDataFrame([], schema=schema)

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        with attributed(self.address):
            self._frame(op.data.to_pyarrow(op.schema)).createOrReplaceTempView(op.name)
        self._drop_later(op, op.name)

    def _make_memtable_finalizer(self, name: str) -> None:
        """Ibis drops tables when the process ends; here it is done earlier."""

    # results

    def _register_udfs(self, expr: ir.Expr) -> None:
        """Refuse functions written in Python: only this process has them."""
        for function in expr.op().find((ops.ScalarUDF, ops.AggUDF)):
            if function.__input_type__ != ops.udf.InputType.BUILTIN:
                raise UsageError(
                    f"the function {function.__func_name__!r} is written in Python, which only the "
                    "built-in engine runs",
                    where=str(self.address),
                    hint="leave --engine out (or give --engine duckdb)",
                )

    def to_pyarrow(
        self,
        expr: ir.Expr,
        /,
        *,
        params: Mapping[ir.Scalar, Any] | None = None,
        limit: int | str | None = None,
        **_options: Any,
    ) -> Any:
        """Return the result of an expression as Arrow.

        Raises:
            UsageError: it has more than `MOST_ROWS` rows, or this engine cannot compute it.
            EngineError: the engine failed, or went away.
        """
        table = expr.as_table()
        with attributed(self.address):
            self._run_pre_execute_hooks(table)
            bounded = table if isinstance(expr, ibis.expr.types.Scalar) else _bounded(table)
            sql = self.compile(bounded, params=params, limit=limit)
            rows = self._session.sql(sql).toArrow()
        if rows.num_rows > MOST_ROWS:
            raise UsageError(
                f"the engine's result has more than {MOST_ROWS:,} rows, which do not come here",
                where=str(self.address),
                hint="ask for a shorter range, for longer periods or with filters; or leave "
                "--engine out",
            )
        return expr.__pyarrow_result__(_converted(rows, table.schema()))

    def execute(self, expr: ir.Expr, /, **options: Any) -> Any:
        """Return the result as pandas has it; see `to_pyarrow`."""
        table = expr.as_table()
        frame = self.to_pyarrow(table, **options).to_pandas()
        return expr.__pandas_result__(frame, schema=table.schema())


def _type_of(field: Any) -> Any:
    """Return a column's type, with nulls allowed as in the built-in engine.

    Spark's timestamps are moments, which Ibis takes for clock times.
    """
    if isinstance(field.dataType, TimestampType):
        return dt.Timestamp(timezone="UTC")
    return PySparkType.to_ibis(field.dataType)


def _bounded(table: ir.Table) -> ir.Table:
    return table.limit(MOST_ROWS + 1)


def _converted(rows: Any, schema: ibis.Schema) -> Any:
    """Return Arrow rows with the names and types of a schema."""
    return PyArrowData.convert_table(rows.rename_columns(list(schema.names)), schema)
