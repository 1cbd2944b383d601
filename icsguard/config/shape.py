"""Text to a checked model: broken TOML, unknown keys and wrong types become problems with line and hint."""

from __future__ import annotations

import tomllib
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from icsguard.config.problem import Findings, did_you_mean
from icsguard.config.toml_lines import Lines, Path, error_line

Model = TypeVar("Model", bound=BaseModel)
MAX_ATTEMPTS: Final = 4  # leaving out one fault may show another; after that the file is given up
MAX_TEXT: Final = 4_194_304  # characters of one file: a policy of ten thousand rules has a tenth of it


class Shaped(NamedTuple, Generic[Model]):
    """What a text holds."""

    model: Model | None
    """None where not even parts of it could be read."""
    lines: Lines
    complete: bool
    """False where parts had to be left out: names that are missing may have stood there."""


def read(text: str, file: str, model: type[Model], findings: Findings) -> Shaped[Model]:
    """Return the model that the text holds; faulty parts are noted and left out, so that the rest is looked at too."""
    if len(text) > MAX_TEXT:
        findings.error(file, 0, f"the file has more than {MAX_TEXT} characters", "split it")
        return Shaped(None, Lines(""), complete=False)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, message = error_line(error, text)
        findings.error(file, line, f"not TOML: {message}")
        return Shaped(None, Lines(""), complete=False)
    except RecursionError:
        findings.error(file, 0, "not TOML: brackets are nested too deeply")
        return Shaped(None, Lines(""), complete=False)
    lines = Lines(text)
    for attempt in range(MAX_ATTEMPTS):
        try:
            return Shaped(model.model_validate(values), lines, complete=attempt == 0)
        except ValidationError as error:
            faults = error.errors(include_url=False)
        if attempt == 0:
            for detail in faults:
                _note(detail, file, model, lines, findings)
        _prune(values, faults, lines)
    return Shaped(None, lines, complete=False)


def _prune(values: dict[str, Any], faults: list[ErrorDetails], lines: Lines) -> None:
    """Take out the faulty keys; a table that misses a key goes whole."""
    paths = {_place_of(fault) for fault in faults}
    for path in sorted(paths, key=str, reverse=True):  # the last item of a list first: the others keep their index
        at: Any = values
        for part in path[:-1]:
            at = _inside(at, part)
        if path and isinstance(at, dict):
            at.pop(path[-1], None)
        elif path and isinstance(at, list) and isinstance(path[-1], int) and path[-1] < len(at):
            del at[path[-1]]
            lines.drop(path[:-1], path[-1])


def _inside(value: Any, part: str | int) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        return value.get(part)
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None


def _place_of(fault: ErrorDetails) -> Path:
    path = tuple(part for part in fault["loc"] if not _is_branch(part))
    return path[:-1] if fault["type"] == "missing" else path


def _note(detail: ErrorDetails, file: str, model: type[BaseModel], lines: Lines, findings: Findings) -> None:
    path = tuple(part for part in detail["loc"] if not _is_branch(part))
    key = dotted(path)
    line = lines.at(*path)
    if detail["type"] == "extra_forbidden":
        known = _fields(model, path[:-1])
        findings.error(file, line, f"unknown key {key!r}", did_you_mean(str(path[-1]), known))
    elif detail["type"] == "missing":
        findings.error(file, line, f"{key!r} is missing", _description(model, path))
    elif detail["type"] == "value_error":
        findings.error(file, line, f"{key!r}: {detail['msg'].removeprefix('Value error, ')}")
    else:
        value = "" if isinstance(detail["input"], dict | list) else f", not {detail['input']!r}"
        findings.error(file, line, f"{key!r}: {_plain(detail['msg'])}{value}", _description(model, path))


def dotted(path: tuple[str | int, ...]) -> str:
    """Return a key path as people write it: `rule 2: clients`, counted from 1, or `conduit.plc1.listen`."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _is_branch(part: str | int) -> bool:
    return isinstance(part, str) and (
        part in {"int", "str", "float", "datetime"} or part.startswith(("list[", "literal["))
    )


def _plain(message: str) -> str:
    message = message.removeprefix("Input ")
    return message[:1].lower() + message[1:]


def _fields(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    inner = _model_at(model, path)
    return list(inner.model_fields) if inner else []


def _description(model: type[BaseModel], path: tuple[str | int, ...]) -> str:
    names = [part for part in path if isinstance(part, str)]
    for end in range(len(path), 0, -1):
        inner = _model_at(model, path[: end - 1])
        part = path[end - 1]
        if inner is not None and isinstance(part, str) and part in inner.model_fields and part == names[-1]:
            return inner.model_fields[part].description or ""
    return ""


def _model_at(model: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel] | None:
    found: type[BaseModel] | None = model
    skip_name = False
    for part in path:
        if isinstance(part, int):
            continue
        if skip_name:  # a name chosen by the operator, as in [conduit.NAME]
            skip_name = False
            continue
        if found is None or part not in found.model_fields:
            return None
        annotation = found.model_fields[part].annotation
        skip_name = getattr(annotation, "__origin__", None) is dict
        found = _inner(annotation)
    return found


def _inner(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - whatever stands in a field
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _inner(argument)
        if found is not None:
            return found
    return None
