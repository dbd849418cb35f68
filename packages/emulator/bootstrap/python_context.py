"""The second argument of a function, as Lambda's own Python runtime passes it."""

import json
import logging
import os
import sys
import time

from python_result import Fault


def values_of(headers, header, name):
    """The object of a header; an empty one says nothing."""
    text = headers.get(header)
    if not text:
        return None
    try:
        # Python reads headers as Latin-1; these hold UTF-8.
        values = json.loads(text.encode("latin-1").decode("utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"{type(values).__name__} is no object")
        return values
    except ValueError as error:
        raise Fault("LambdaContextUnmarshalError", f"Unable to parse {name} JSON: {error}") from None


class Values:
    """An object with these attributes alone."""

    def __init__(self, values):
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    def __repr__(self):
        return f"{type(self).__name__}([{','.join(f'{name}={getattr(self, name)}' for name in self.__slots__)}])"


class Client(Values):
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(Values):
    __slots__ = ("custom", "env", "client")


class CognitoIdentity(Values):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


def client_context_of(headers):
    values = values_of(headers, "Lambda-Runtime-Client-Context", "Client Context")
    if values is None:
        return None
    context = ClientContext(values)
    if context.client is not None:
        context.client = Client(context.client)
    return context


def identity_of(headers):
    values = values_of(headers, "Lambda-Runtime-Cognito-Identity", "Cognito Identity") or {}
    return CognitoIdentity(
        {
            "cognito_identity_id": values.get("cognitoIdentityId"),
            "cognito_identity_pool_id": values.get("cognitoIdentityPoolId"),
        }
    )


class LambdaContext:
    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.tenant_id = headers.get("Lambda-Runtime-Aws-Tenant-Id")
        self.client_context = client_context_of(headers)
        self.identity = identity_of(headers)
        self._epoch_deadline_time_in_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, text):
        for handler in logging.getLogger().handlers:
            if hasattr(handler, "log_sink"):
                return handler.log_sink.log(str(text))
        sys.stdout.write(str(text))

    def __repr__(self):
        names = [name for name in vars(self) if not name.startswith("_")]
        return f"LambdaContext([{','.join(f'{name}={getattr(self, name)}' for name in names)}])"
