"""What settings may say.  Only `eip_agent.config` imports this, and only when there is something to check.

Values of the environment and of flags are text and are read by the type of their place; values of the file must have
the right type already.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Final, Self, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from eip_agent.core.facts import Mac
from eip_agent.core.message import Message, say, verbatim
from eip_agent.core.settings import DeclaredEip, Mode, Settings
from eip_agent.errors import SettingsError
from eip_agent.schema_tables import (
    DEFAULTS,
    Daemon,
    Dhcp,
    Eip,
    Exclude,
    Findings,
    Leave,
    Metadata,
    Metrics,
    Minutes,
    Openapi,
    Probe,
    Strict,
)
from eip_agent.schema_values import as_path, from_text, kind_of, shown, wrong
from eip_agent.written import ABSOLUTE, Key, Written, spelled


def check(written: Written) -> Settings:
    """Turn what was written into settings.  Raises SettingsError for the first thing wrong, and counts the others."""
    sources = (_nested(written.flags), _nested(written.environment), written.file)

    class Merged(Document):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Strongest first; pydantic-settings merges them table by table."""
            return tuple(_Given(settings_cls, values) for values in sources)

    try:
        return _settings(Merged(), written)
    except ValidationError as error:
        raise _first_of(error.errors(include_url=False), written) from error


class Document(BaseSettings):
    """The whole of the settings."""

    model_config = SettingsConfigDict(strict=True, extra="forbid", frozen=True)

    run_directory: Annotated[str, from_text(as_path)] = Field(default=DEFAULTS.run_directory, description=ABSOLUTE)
    state_directory: Annotated[str, from_text(as_path)] = Field(default=DEFAULTS.state_directory, description=ABSOLUTE)
    lock_timeout: Minutes = DEFAULTS.lock_timeout
    metadata: Metadata = Metadata()
    openapi: Openapi = Openapi()
    dhcp: Dhcp = Dhcp()
    daemon: Daemon = Daemon()
    metrics: Metrics = Metrics()
    probe: Probe = Probe()
    findings: Findings = Findings()
    exclude: Exclude = Exclude()
    leave: Leave = Leave()
    eip: list[Eip] = Field(
        default=[], description=say("accepted: one [[eip]] table for each EIP; in a variable, a JSON list of objects")
    )

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        for number, eip in enumerate(self.eip):
            for before, other in enumerate(self.eip[:number]):
                conflict = _conflict(other, eip)
                if conflict:
                    key, what, hint = conflict
                    raise wrong(
                        say("{what}; see eip[{number}]", what=what, number=before + 1), hint, ("eip", number, key)
                    )
        return self


def _conflict(one: Eip, two: Eip) -> tuple[str, Message, Message] | None:
    """Say why two EIPs cannot be declared together: key of the second, what is wrong, hint."""
    if one.address == two.address:
        what = say("{address} is declared twice", address=two.address)
        return "address", what, say("accepted: one [[eip]] for each EIP")
    if (one.eni, one.mac) != (two.eni, two.mac):
        return None
    place, modes = two.eni or two.mac, {one.mode, two.mode}
    if Mode.EIP_VISIBLE in modes:
        hint = say("an ENI with an EIP in mode eip-visible has that one only")
        return "mode", say("{eni} has another EIP", eni=place), hint
    if Mode.MULTI_EIP_VISIBLE in modes and modes != {Mode.MULTI_EIP_VISIBLE}:
        hint = say(
            "the cloud refuses to mix multi-eip-visible with others on an ENI (OperationFailed.EipBindModeConflict)"
        )
        return "mode", say("{eni} has an EIP in mode {mode}", eni=place, mode=one.mode.value), hint
    return None


def _settings(document: Document, written: Written) -> Settings:
    return Settings(
        metadata_url=document.metadata.url,
        metadata_timeout=document.metadata.timeout,
        metadata_deadline=document.metadata.deadline,
        eips=tuple(
            DeclaredEip(
                address=eip.address,
                mode=eip.mode,
                place=written.place(("eip", number)),
                eni=eip.eni,
                mac=None if eip.mac is None else Mac(eip.mac),
                private_address=eip.private_address,
                gateway=eip.gateway,
                prefix_length=eip.prefix_length,
            )
            for number, eip in enumerate(document.eip)
        ),
        exclude_enis=frozenset(document.exclude.enis),
        exclude_macs=frozenset(map(Mac, document.exclude.macs)),
        exclude_addresses=tuple(dict.fromkeys(document.exclude.addresses)),
        leave_primary=document.leave.primary,
        leave_addresses=document.leave.addresses,
        leave_links=document.leave.links,
        leave_ipv6=document.leave.ipv6,
        openapi=document.openapi.enabled,
        openapi_timeout=document.openapi.timeout,
        openapi_deadline=document.openapi.deadline,
        openapi_endpoints=tuple((name, host) for name, host in document.openapi.endpoints if host is not None),
        openapi_ca_file=document.openapi.ca_file,
        openapi_ram_role=document.openapi.ram_role,
        dhcp_offers=document.dhcp.offers,
        poll=document.daemon.poll,
        openapi_poll=document.daemon.openapi_poll,
        probe_target=document.probe.target,
        probe_echo=document.probe.echo,
        accepted=frozenset(document.findings.accepted),
        metrics_listen=document.metrics.listen,
        metrics_textfile=document.metrics.textfile,
        state_directory=document.state_directory,
        run_directory=document.run_directory,
        lock_timeout=document.lock_timeout,
        origins=written.origins,
    )


class _Given(PydanticBaseSettingsSource):
    """Values that have been read already."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self.values = dict(values)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        return self.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self.values


def _nested(texts: Mapping[tuple[str, ...], str]) -> dict[str, Any]:
    """Arrange texts as a settings file would have them: in tables, and of the right type where the text allows it."""
    tables: dict[str, Any] = {}
    for key, text in sorted(texts.items()):
        table = tables
        for part in key[:-1]:
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                break  # the whole table was given as one text: reported as such
            table = inner
        else:
            table[key[-1]] = _value(text, _field(key))
    return tables


def _value(text: str, field: FieldInfo | None) -> Any:
    """Read text by the type of its place; text that does not fit stays as it is, to be refused with the rest."""
    wanted = None if field is None else _without_none(field.annotation)
    try:
        if wanted is float:
            return float(text)
        if wanted is bool:
            return {"true": True, "false": False}.get(text.lower(), text)
        if get_origin(wanted) is list:
            if text.lstrip().startswith("["):
                return json.loads(text)
            if _table_of(field) is None:
                return [part.strip() for part in text.split(",") if part.strip()]
    except (ValueError, RecursionError):
        pass
    return text


def _without_none(annotation: Any) -> Any:
    """The type of a value that may be left out: bool of `Annotated[bool, ...] | None`."""
    rest = [one for one in get_args(annotation) if one is not NoneType]
    if len(rest) + 1 != len(get_args(annotation)):
        return annotation
    return get_args(rest[0])[0] if get_origin(rest[0]) is Annotated else rest[0]


def _field(key: Sequence[str | int]) -> FieldInfo | None:
    """Find the field at a place; None where there is none."""
    table: type[BaseModel] | None = Document
    found = None
    for part in key:
        if isinstance(part, str):
            found = None if table is None else table.model_fields.get(part)
            table = _table_of(found)
    return found


def _table_of(field: FieldInfo | None) -> type[Strict] | None:
    """Find the table behind a field that is one, or is a list of them."""
    wanted: Any = None if field is None else field.annotation
    if get_origin(wanted) is list:
        wanted = get_args(wanted)[0]
    return wanted if isinstance(wanted, type) and issubclass(wanted, Strict) else None


WANTED: Final = {
    "float_type": say("a number"),
    "int_type": say("a whole number"),
    "bool_type": say("true or false"),
    "list_type": say("a list"),
    "model_type": say("a table"),
    "model_attributes_type": say("a table"),
    "dict_type": say("a table"),
}
OUT_OF_RANGE: Final = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"})


def _first_of(errors: Sequence[ErrorDetails], written: Written) -> SettingsError:
    """One error for all: the first, and how many more."""
    first = errors[0]
    context = first.get("ctx", {})
    key = (*first["loc"], *context.get("at", ()))
    what, hint = _said(first, key)
    if len(errors) > 1:
        what = say("{what} (and {number} more)", what=what, number=len(errors) - 1)
    return SettingsError(say("{place}: {what}", place=written.place(key), what=what), hint)


def _said(error: ErrorDetails, key: Key) -> tuple[Message, Message | None]:
    """Tell what is wrong, and what is accepted."""
    field = _field(key)
    hint = field.description if field and isinstance(field.description, Message) else None
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return say("unknown key `{key}`", key=spelled(str(key[-1]))), _nearest(key)
    if kind == "missing":
        return say("missing"), hint
    if kind == "wrong":
        return error["ctx"]["what"], error["ctx"]["hint"] or hint
    if kind in WANTED:
        return say("{wanted} is wanted, not {given}", wanted=WANTED[kind], given=kind_of(value)), hint or _keys(key)
    if kind in OUT_OF_RANGE:
        return say("{value} is out of range", value=shown(value)), hint
    return verbatim(error["msg"].lower()), hint


def _known(key: Key) -> Iterator[str]:
    """List the keys of the table at a place."""
    table = _table_of(_field(key)) if key else Document
    return iter(() if table is None else table.model_fields)


def _keys(key: Key) -> Message:
    return say("accepted: {values}", values=tuple(_known(key)))


def _nearest(key: Key) -> Message:
    near = difflib.get_close_matches(str(key[-1]), list(_known(key[:-1])), n=1)
    return say("did you mean `{key}`?", key=near[0]) if near else _keys(key[:-1])
