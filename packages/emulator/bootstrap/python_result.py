"""The result of a Python function as JSON, written as Lambda's own runtime writes it."""

import decimal
import json
import math
import re
import sys
import uuid


class Fault(Exception):
    """An error of the runtime itself, which has no stack of the function."""

    def __init__(self, error_type, message, stack=()):
        super().__init__(message)
        self.error_type = f"Runtime.{error_type}"
        self.stack = list(stack)


class Encoder(json.JSONEncoder):
    def __init__(self):
        # From Python 3.12 on Lambda leaves characters as they are.
        super().__init__(ensure_ascii=sys.version_info < (3, 12))
        self.mark = uuid.uuid4().hex
        self.decimals = []

    def default(self, value):
        if isinstance(value, bytes):
            return value.decode("utf-8")
        if not isinstance(value, decimal.Decimal):
            return super().default(value)
        if value.is_nan():
            return math.nan
        # A float would lose digits: the text of the number is put there when the rest is written.
        self.decimals.append(str(value))
        return f"{self.mark}{len(self.decimals) - 1}"

    def write(self, value):
        text = self.encode(value)
        return re.sub(f'"{self.mark}(\\d+)"', lambda found: self.decimals[int(found[1])], text)


def marshal(result):
    """The body of the answer and its content type."""
    if isinstance(result, bytes):
        return result, "application/unknown"
    try:
        return Encoder().write(result).encode("utf-8"), "application/json"
    except Exception as error:
        raise Fault("MarshalError", f"Unable to marshal response: {error}") from None


def unmarshal(body, content_type):
    if content_type != "application/json":
        return body
    try:
        return json.loads(body)
    except ValueError as error:
        raise Fault("UnmarshalError", f"Unable to unmarshal input: {error}") from None
