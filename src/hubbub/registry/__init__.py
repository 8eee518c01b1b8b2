"""Functions that plugins and hubbub itself register by decorators, and their parameters."""

from hubbub.registry.annotations import Names, Parameter
from hubbub.registry.functions import (
    ABOUT_EVENTS,
    INJECTED,
    RANGE,
    REGISTRY,
    SCOPED,
    Function,
    Kind,
    Registry,
    cron,
    query,
    register,
    view,
)

__all__ = [
    "ABOUT_EVENTS",
    "INJECTED",
    "RANGE",
    "REGISTRY",
    "SCOPED",
    "Function",
    "Kind",
    "Names",
    "Parameter",
    "Registry",
    "cron",
    "query",
    "register",
    "view",
]
