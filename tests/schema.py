"""The JSON Schema that the package ships, asked about what the program prints."""

import functools
import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator


@functools.cache
def schema_of() -> dict[str, Any]:
    """As programs find it."""
    found: dict[str, Any] = json.loads(files("eip_agent.render").joinpath("report.schema.json").read_text("utf-8"))
    return found


def faults_of(text: str) -> list[str]:
    """What of a document is not as the schema says; empty when all is."""
    faults = Draft202012Validator(schema_of()).iter_errors(json.loads(text))
    return [f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:300]}" for fault in faults]
