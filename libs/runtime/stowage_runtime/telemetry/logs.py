"""Structured logs on stderr: every line names its service and trace, none holds a secret."""

import logging
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import structlog
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from stowage_runtime.settings import ServiceSettings
from stowage_runtime.telemetry import current_traceparent
from stowage_runtime.telemetry.redaction import Redactor, secrets_of

_CHATTY = ("aiohttp.access", "aiobotocore", "botocore", "asyncio", "urllib3")
_TOLD_BY_US = ("aio_pika", "aiormq")
"""They log each failed attempt as an error; the bus says once that the broker is away."""


def start_logs(
    settings: ServiceSettings, stream: TextIO | None = None, hide: Iterable[str] = ()
) -> None:
    """Send all logging, ours and the libraries', through one chain; the last call wins.

    The secrets of ``settings`` never show, nor do the values in ``hide``.
    """
    redactor = Redactor([*secrets_of(settings), *hide])
    early: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    structlog.configure(
        processors=[*early, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*early, structlog.stdlib.ExtraAdder()],
            processors=[*_late(redactor), _renderer(settings)],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _TOLD_BY_US:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def name_service(service: str) -> None:
    """Put ``service`` on every line of this context and of the tasks made in it."""
    bind_contextvars(service=service)


def _late(redactor: Redactor) -> list[Processor]:
    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {name: redactor.value(value, name) for name, value in event.items()}

    return [ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info, redact]


def _renderer(settings: ServiceSettings) -> Any:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    parts = current_traceparent().split("-")
    if len(parts) == 4:
        event["trace_id"], event["span_id"] = parts[1], parts[2]
    return event
