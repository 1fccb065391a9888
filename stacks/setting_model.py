"""Base class of settings: reads, checks and describes values by the types of their fields."""

from __future__ import annotations

import difflib
import re
import types
import typing
from typing import Any, Literal, Self

import pydantic


class SettingModel(pydantic.BaseModel):
    """A frozen set of values, each checked by its type and by the limit or format beside it.

    A field is `name: Annotated[type, LIMIT_OR_FORMAT] = default`, with a docstring. The type is
    bool, int, str, one of these or None, a Literal, or a tuple of str whose entries are checked one
    by one. A text is read as the type of its field, so that values may come from a command line;
    for a type with None, an empty text is None.

    Raises:
        ValueError: Values or names are not allowed; one line for each says what is.
    """

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except pydantic.ValidationError as error:
            raise ValueError("\n".join(map(self._explain, error.errors()))) from None

    def replace(self, **changes: Any) -> Self:
        """Return these settings with some of them changed, all checked again."""
        return type(self)(**(dict(self) | changes))

    @classmethod
    def allowed(cls, name: str) -> str:
        """Return the phrase for what the field `name` may hold, as `1 to 720 minutes`."""
        field = cls.model_fields[name]
        if bool in _options(field.annotation):
            return "true or false"
        if typing.get_origin(field.annotation) is Literal:
            return "one of " + ", ".join(map(str, typing.get_args(field.annotation)))
        (rule,) = field.metadata
        return str(rule)

    @classmethod
    def _explain(cls, error: Any) -> str:
        if error["type"] == "value_error":  # raised by a check of ours
            return str(error["ctx"]["error"])
        name = str(error["loc"][0])
        if error["type"] == "extra_forbidden":
            close = difflib.get_close_matches(name, cls.model_fields, n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            return (
                f"There is no setting {name!r}.{meant} "
                f"The settings are: {', '.join(cls.model_fields)}."
            )
        number = "a whole number, " if error["type"] == "int_type" else ""
        return f"{name} is {error['input']!r}; give {number}{cls.allowed(name)}."

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: object, context: pydantic.ValidationInfo) -> object:
        field = cls.model_fields[str(context.field_name)]
        return _from_text(value, field.annotation) if isinstance(value, str) else value

    @pydantic.field_validator("*")
    @classmethod
    def _check(cls, value: object, context: pydantic.ValidationInfo) -> object:
        name = str(context.field_name)
        for rule in cls.model_fields[name].metadata:
            if isinstance(value, tuple):
                for entry in value:
                    rule.check(f"an entry of {name}", entry)
            elif value is not None:
                rule.check(name, value)
        return value


def _from_text(text: str, annotation: Any) -> object:
    """Return `text` as a value of the type, or as it is if it can't be one."""
    options = _options(annotation)
    if typing.get_origin(annotation) is tuple:
        return tuple(entry.strip() for entry in text.split(",") if entry.strip())
    if text == "" and types.NoneType in options:
        return None
    if bool in options:
        return {"true": True, "false": False}.get(text.lower(), text)
    is_number = int in options or isinstance(options[0], int)
    return int(text) if is_number and re.fullmatch(r"-?[0-9]{1,30}", text) else text


def _options(annotation: Any) -> tuple[Any, ...]:
    """Return the types or values that a field may have."""
    return typing.get_args(annotation) or (annotation,)
