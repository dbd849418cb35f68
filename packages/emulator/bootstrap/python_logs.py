"""Writes what a Python function logs as Lambda's own runtime does: each record of `logging` as one record."""

import json
import logging
import os
import sys
import time
import traceback

# The invocation that a record belongs to.
current = {"request_id": None, "tenant_id": None}

IS_JSON = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
LEVEL = {"TRACE": "DEBUG"}.get(
    os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper(), os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
)
TIME = "%Y-%m-%dT%H:%M:%S"

# The attributes of every record; `extra` has given the others.
STANDARD = {*vars(logging.LogRecord("", 0, "", 0, "", None, None)), "aws_request_id", "tenant_id"}


def type_of_frame(level):
    """The type says how the record is written, and its level."""
    mask = {10: 0x08, 20: 0x0C, 30: 0x10, 40: 0x14, 50: 0x18}.get(min(50, max(0, level)) // 10 * 10, 0)
    return (0xA55A0002 if IS_JSON else 0xA55A0003) | mask


class Sink:
    """The destination of records: a descriptor for frames, or stdout if there is none."""

    def __init__(self):
        given = os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", None)
        self.descriptor = None if given is None else int(given)
        if self.descriptor is not None:
            os.set_blocking(self.descriptor, True)

    def log(self, text, level=logging.NOTSET):
        if self.descriptor is None:
            sys.stdout.write(text)
            return
        record = text.encode("utf-8", "backslashreplace")
        # Lambda's protocol between runtimes and the platform: type, length, time in microseconds, all big-endian.
        frame = (
            type_of_frame(level).to_bytes(4, "big")
            + len(record).to_bytes(4, "big")
            + (time.time_ns() // 1000).to_bytes(8, "big")
            + record
        )
        while frame:
            frame = frame[os.write(self.descriptor, frame) :]

    def log_error(self, document):
        if IS_JSON:
            now = time.strftime(TIME + "Z", time.gmtime())
            return self.log(json.dumps({"timestamp": now, "level": "ERROR", **document}) + "\n", logging.ERROR)
        what = ": ".join(text for text in (document["errorType"], document["errorMessage"]) if text)
        lines = [f"[ERROR] {what}", "Traceback (most recent call last):"]
        for line in "".join(document["stackTrace"]).splitlines():
            text = line.lstrip(" ")
            # CloudWatch drops spaces at the beginning of a line.
            lines.append("\u00a0" * (len(line) - len(text)) + text)
        # Without frames a record is one line.
        text = ("\r" if self.descriptor is None else "\n").join(lines)
        self.log(text if self.descriptor is not None else text + "\n", logging.ERROR)


class Handler(logging.Handler):
    def __init__(self, sink):
        super().__init__()
        self.log_sink = sink

    def emit(self, record):
        self.log_sink.log(self.format(record), record.levelno)


class Filter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = current["request_id"] or ""
        record.tenant_id = current["tenant_id"]
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record):
        level = min(50, max(0, record.levelno)) // 10 * 10
        error_type, error, trace = record.exc_info or (None, None, None)
        values = {
            "timestamp": self.formatTime(record, TIME + "Z"),
            "level": logging.getLevelName(level),
            "message": record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(trace) if error_type else None,
            "errorType": error_type.__name__ if error_type else None,
            "errorMessage": str(error) if error_type else None,
            "requestId": record.aws_request_id,
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if error_type else None,
            "tenantId": record.tenant_id,
        }
        extra = {key: value for key, value in vars(record).items() if key not in STANDARD and key not in values}
        known = {key: value for key, value in {**values, **extra}.items() if value is not None}
        return json.dumps(known, ensure_ascii=False) + "\n"


def start():
    """Takes the root logger over, and gives the sink."""
    sink = Sink()
    logging.Formatter.converter = time.gmtime
    handler = Handler(sink)
    text = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
    handler.setFormatter(JsonFormatter() if IS_JSON else logging.Formatter(text, TIME))
    handler.addFilter(Filter())
    root = logging.getLogger()
    if isinstance(logging.getLevelName(LEVEL), int):
        root.setLevel(LEVEL)
    root.addHandler(handler)
    return sink
