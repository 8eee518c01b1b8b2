"""The keys of the configuration as data, for its reference, its sample and the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

if TYPE_CHECKING:
    from hubbub.config import Config

__all__ = ["Key", "Section", "plain", "sections", "struct_in"]

#: Stands for a name that the user chooses, in the name of a section.
NAME = "NAME"
_TYPES = {
    inspect.StrType: "text",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.BoolType: "true or false",
    inspect.DictType: "table",
    inspect.AnyType: "any value",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        section: name of its section, dotted; empty above all sections.
        name: as in the file.
        doc: what the value means.
        example: a valid value.
        default: what applies if it is not set, in words or as TOML; may be empty.
        since: version of hubbub.
        type: in words.
        annotation: the type of the value, as msgspec describes it.
        path: whether it names files.
        secret: whether it is never shown.
        variable: the environment variable that sets it; None: only the file can.
    """

    section: str
    name: str
    doc: str
    example: Any
    default: str
    since: str
    type: str
    annotation: inspect.Type
    path: bool
    secret: bool
    variable: str | None

    @property
    def full_name(self) -> str:
        """The name with its section, dotted."""
        return f"{self.section}.{self.name}" if self.section else self.name


@dataclass(frozen=True, slots=True)
class Section:
    """One section.

    Attributes:
        name: dotted, with `NAME` for a name that the user chooses; empty above all sections.
        doc: what it is about.
        repeatable: whether it is an array of tables, `[[name]]`.
        keys: in the order of the reference.
    """

    name: str
    doc: str
    repeatable: bool
    keys: tuple[Key, ...]

    @property
    def heading(self) -> str:
        """The heading in the file."""
        return f"[[{self.name}]]" if self.repeatable else f"[{self.name}]"


def plain(kind: inspect.Type) -> inspect.Type:
    """Return a type without its documentation."""
    return plain(kind.type) if isinstance(kind, inspect.Metadata) else kind


def struct_in(kind: inspect.Type) -> inspect.StructType | None:
    """Return the struct that a type is, or is a union with; else None."""
    kind = plain(kind)
    if isinstance(kind, inspect.UnionType):
        return next((part for part in map(struct_in, kind.types) if part is not None), None)
    return kind if isinstance(kind, inspect.StructType) else None


def sections(config: type[Config]) -> list[Section]:
    """Return the sections of the file, the keys above all sections first."""
    top: list[Key] = []
    found: list[Section] = []
    root = inspect.type_info(config)
    assert isinstance(root, inspect.StructType)
    for field in root.fields:
        name, kind = field.encode_name, plain(field.type)
        if (struct := struct_in(kind)) is not None:
            found.append(_section(name, struct))
        elif isinstance(kind, inspect.DictType) and (struct := struct_in(kind.value_type)):
            found.append(_section(f"{name}.{NAME}", struct))
        elif isinstance(kind, inspect.VarTupleType) and (struct := struct_in(kind.item_type)):
            found.append(_section(name, struct, repeatable=True))
        else:
            top.append(_key("", field))
    return [Section("", "", repeatable=False, keys=tuple(top)), *found]


def _section(name: str, struct: inspect.StructType, *, repeatable: bool = False) -> Section:
    doc = (struct.cls.__doc__ or "").partition("\n")[0].partition("; `")[0].rstrip(".")
    settable = not repeatable and NAME not in name
    keys = tuple(_key(name, field, settable=settable) for field in struct.fields)
    return Section(name, doc, repeatable, keys)


def _key(section: str, field: inspect.Field, *, settable: bool = True) -> Key:
    kind = field.type
    if not isinstance(kind, inspect.Metadata):
        raise TypeError(f"the key {section}.{field.encode_name} is not documented")
    schema, extra = kind.extra_json_schema or {}, kind.extra or {}
    annotation = plain(kind)
    name = field.encode_name
    variable = "_".join(filter(None, ("HUBBUB", section, name))).upper()
    return Key(
        section,
        name,
        schema["description"],
        schema["examples"][0],
        extra["default"] or _default(field.default),
        extra["since"],
        _type(annotation),
        annotation,
        extra["path"],
        extra["secret"],
        variable if settable and not isinstance(annotation, inspect.DictType) else None,
    )


def _default(value: Any) -> str:
    if value in (None, msgspec.NODEFAULT, (), ""):
        return ""
    return toml_value(value)


def _type(kind: inspect.Type) -> str:
    kind = plain(kind)
    if isinstance(kind, inspect.UnionType):
        parts = [_type(part) for part in kind.types if not isinstance(part, inspect.NoneType)]
        return " or ".join(dict.fromkeys(parts))
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(toml_value(value) for value in _literals(kind))
    if isinstance(kind, (inspect.VarTupleType, inspect.ListType)):
        return f"list of {_type(kind.item_type)}s"
    return _TYPES[type(kind)]


def _literals(kind: inspect.LiteralType) -> Iterator[Any]:
    yield from kind.values


def toml_value(value: Any) -> str:
    """Format a value as TOML on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()  # JSON's strings are TOML's basic strings
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping):
        parts = (f"{toml_key(name)} = {toml_value(part)}" for name, part in value.items())
        return f"{{ {', '.join(parts)} }}"
    return str(value)


def toml_key(name: str) -> str:
    """Format the name of a key as TOML, quoted where it must be."""
    bare = name.replace("-", "").replace("_", "")
    return name if bare.isascii() and bare.isalnum() else toml_value(name)
