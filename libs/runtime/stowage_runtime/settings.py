"""Settings every service has; each reads the environment, then files of STOWAGE_SECRETS_DIR."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_origin

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from stowage_contracts.errors import InvalidInput

SECRETS_DIR = "STOWAGE_SECRETS_DIR"
PREFIX = "STOWAGE_"


def _split(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return [word.strip() for word in text.split(",") if word.strip()]


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Several words in one variable, separated by commas."""


class ServiceSettings(BaseSettings):
    """What every service takes; a service's own ``Settings`` adds to it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True
    )

    database_url: SecretStr = Field(
        SecretStr(""),
        description="PostgreSQL, as postgresql://user:password@host/database; "
        "with sslmode=verify-full on another machine.",
    )
    amqp_url: SecretStr = Field(
        SecretStr(""),
        description="RabbitMQ, as amqp://user:password@host/vhost; amqps on another machine.",
    )
    bus_prefix: str = Field(
        "stowage",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$",
        description="First word of every exchange and queue; clouds sharing a broker differ here.",
    )
    http_host: str = Field("127.0.0.1", description="Address the HTTP server listens on.")
    http_port: int = Field(
        8080, ge=0, le=65535, description="Port the HTTP server listens on; 0 takes a free one."
    )
    http_cert: str = Field("", description="Certificate chain it serves with (PEM file).")
    http_key: str = Field("", description="Its private key (PEM file).")
    plaintext: bool = Field(
        False,
        description="Lets what goes to other machines go without TLS, for networks that never "
        "leave one machine.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important lines that are written."
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="`json` for machines, `console` for people."
    )
    otlp_endpoint: str = Field(
        "", description="OTLP/HTTP collector for traces, as http://host:4318; none when empty."
    )
    stop_seconds: float = Field(
        20.0, gt=0, description="How long a stopping service lets running work finish."
    )
    migrate_on_start: bool = Field(
        False, description="Migrate the database in `run`; otherwise run `migrate` before it."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, and that over secret files."""
        folder = os.environ.get(SECRETS_DIR, "")
        if not folder:
            return init_settings, env_settings
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, _existing(folder))

    @classmethod
    def read(cls, **given: Any) -> Self:
        """Read all sources; raises InvalidInput naming each bad variable, never its value."""
        try:
            return cls(**given)
        except ValidationError as error:
            told = [f"{PREFIX}{_name(row['loc'])}: {row['msg']}" for row in error.errors()]
        except SettingsError as error:
            told = [str(error)]
        raise InvalidInput(
            "; ".join(told),
            resource="settings",
            code="settings",
            hint="docs/reference/settings.md lists every setting",
        )


def reference(services: Iterable[tuple[str, type[ServiceSettings]]]) -> str:
    """``docs/reference/settings.md``: the common settings, then what each service adds."""
    common = ServiceSettings.model_fields
    parts = ["# Settings", _INTRODUCTION, "## Every service", _table(common)]
    for name, kind in services:
        own = {key: info for key, info in kind.model_fields.items() if key not in common}
        parts += [f"## {name}", _table(own) if own else "No settings of its own."]
    return "\n\n".join(parts) + "\n"


_INTRODUCTION = f"""Each is an environment variable, or a file of that name in lower case in the
folder `{SECRETS_DIR}` names (mounted secrets). The environment wins."""


def _table(fields: dict[str, FieldInfo]) -> str:
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(info)} | {info.description or ''} |"
        for name, info in fields.items()
    ]
    return "\n".join(["| variable | default | what it does |", "|---|---|---|", *rows])


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "*required*"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, SecretStr) or info.annotation is SecretStr:
        return "*secret*"
    if value in ("", None) or (get_origin(info.annotation) is tuple and not value):
        return "*empty*"
    return f"`{value}`"


def _existing(folder: str) -> Path:
    if not Path(folder).is_dir():
        raise InvalidInput(f"{SECRETS_DIR} names no folder", resource=folder, code="settings")
    return Path(folder)


def _name(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location).upper()
