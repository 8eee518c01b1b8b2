"""The engine behind Spark Connect: Apache Spark, Databricks or Sail."""

import sys
from importlib.machinery import ModuleSpec

_main = sys.modules["__main__"]
if _main.__spec__ is None and not hasattr(_main, "__file__"):
    # PySpark takes a program given with `python -c` for its own tests, and ends it. This name of a
    # module also tells processes started later that there is nothing to import.
    _main.__spec__ = ModuleSpec("__main__", None)
