"""Text to a checked model: broken TOML, unknown keys and wrong types become problems with line and hint."""

from __future__ import annotations

import tomllib
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from icsguard.config.problem import Findings, did_you_mean
from icsguard.config.toml_lines import Lines, error_line

Model = TypeVar("Model", bound=BaseModel)
MAX_TEXT = 4_194_304  # characters of one file: a policy of ten thousand rules has a tenth of it


def read(text: str, file: str, model: type[Model], findings: Findings) -> tuple[Model | None, Lines]:
    """Return the model that the text holds, None where it has errors; and where its keys stand."""
    if len(text) > MAX_TEXT:
        findings.error(file, 0, f"the file has more than {MAX_TEXT} characters", "split it")
        return None, Lines("")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, message = error_line(error, text)
        findings.error(file, line, f"not TOML: {message}")
        return None, Lines("")
    except RecursionError:
        findings.error(file, 0, "not TOML: brackets are nested too deeply")
        return None, Lines("")
    lines = Lines(text)
    try:
        return model.model_validate(values), lines
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _note(detail, file, model, lines, findings)
        return None, lines


def _note(detail: ErrorDetails, file: str, model: type[BaseModel], lines: Lines, findings: Findings) -> None:
    path = tuple(part for part in detail["loc"] if not _is_branch(part))
    key = dotted(path)
    line = lines.at(*path)
    if detail["type"] == "extra_forbidden":
        known = _fields(model, path[:-1])
        findings.error(file, line, f"unknown key {key!r}", did_you_mean(str(path[-1]), known))
    elif detail["type"] == "missing":
        findings.error(file, line, f"{key!r} is missing", _description(model, path))
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
    return message[:1].lower() + message[1:].replace("Input should be", "should be")


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
