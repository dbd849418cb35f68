"""Runs a function of a file as a Lambda function: loads the file, asks the Runtime API for invocations, answers them.

    python3 -u python.py /path/to/handler.py handler

Standard library only, started by the emulator as the function's process.
"""

import http.client
import importlib.util
import json
import os
import sys
import time
import traceback

# A wrapper may have made them non-blocking, and Python drops what does not fit into a full pipe then. With -u every
# write leaves at once.
for descriptor in (1, 2):
    os.set_blocking(descriptor, True)

# The folder of the user's handler stays as it is.
sys.dont_write_bytecode = True

RUNTIME = "/2018-06-01/runtime"


class Identity:
    def __init__(self, values):
        self.cognito_identity_id = values.get("cognitoIdentityId")
        self.cognito_identity_pool_id = values.get("cognitoIdentityPoolId")


def parse_header(headers, name):
    # Python reads headers as Latin-1; these hold UTF-8.
    return json.loads(headers.get(name, "null").encode("latin-1").decode("utf-8"))


class Context:
    """What Lambda's own Python runtime passes as the second argument."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.client_context = parse_header(headers, "Lambda-Runtime-Client-Context")
        self.identity = Identity(parse_header(headers, "Lambda-Runtime-Cognito-Identity") or {})
        self.tenant_id = headers.get("Lambda-Runtime-Aws-Tenant-Id")
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))


class RuntimeApi:
    def __init__(self):
        # A poll waits for hours, so there is no time limit.
        self.connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(self, method, path, body=None, headers=None):
        self.connection.request(method, RUNTIME + path, body, headers or {})
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def report(self, path, document):
        print(json.dumps(document), file=sys.stderr)
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Function-Error-Type": document["errorType"],
        }
        self.call("POST", path, json.dumps(document).encode(), headers)


def error_document(error, error_type=None, request_id=""):
    frames = traceback.extract_tb(error.__traceback__)
    # The first frame is this file's.
    stack = traceback.format_list(frames[1:])
    return {
        "errorMessage": str(error),
        "errorType": error_type or type(error).__name__,
        "requestId": request_id,
        "stackTrace": stack,
    }


def fail_init(api, document):
    api.report("/init/error", document)
    sys.exit(1)


def add_site_packages():
    """The libraries of layers that pip has put there for one version of Python."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in os.environ.get("PYTHONPATH", "").split(":"):
        if folder in sys.path:
            sys.path.insert(sys.path.index(folder), os.path.join(folder, "lib", version, "site-packages"))


def load(api, file, name):
    add_site_packages()
    sys.path.insert(0, os.path.dirname(file))
    stem = os.path.splitext(os.path.basename(file))[0]
    try:
        spec = importlib.util.spec_from_file_location(stem, file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[stem] = module
        spec.loader.exec_module(module)
    except SyntaxError as error:
        fail_init(api, error_document(error, "Runtime.UserCodeSyntaxError"))
    except ImportError as error:
        fail_init(api, error_document(error, "Runtime.ImportModuleError"))
    except Exception as error:
        fail_init(api, error_document(error))
    handler = getattr(module, name, None)
    if callable(handler):
        return handler
    names = ", ".join(key for key in vars(module) if not key.startswith("_")) or "nothing"
    message = f"{file} has no function named {name}. It has {names}."
    fail_init(api, {"errorMessage": message, "errorType": "Runtime.HandlerNotFound", "stackTrace": []})


def hooks():
    """Those that the function has registered for the snapshot and for the restore, as (function, args, kwargs)."""
    try:
        import snapshot_restore_py
    except ImportError:
        # The managed runtime has it; a function that cannot import it has registered nothing.
        return [], []
    return snapshot_restore_py.get_before_snapshot(), snapshot_restore_py.get_after_restore()


def take_snapshot(api):
    """The end of init with SnapStart: hooks, the snapshot, which one restore ends, and hooks again."""
    before, after = hooks()
    try:
        while before:
            # The last one registered comes first.
            function, args, kwargs = before.pop()
            function(*args, **kwargs)
    except Exception as error:
        api.report("/init/error", error_document(error, "Runtime.BeforeSnapshotError"))
        sys.exit(64)
    api.call("GET", "/restore/next")
    try:
        for function, args, kwargs in after:
            function(*args, **kwargs)
    except Exception as error:
        api.report("/restore/error", error_document(error, "Runtime.AfterRestoreError"))
        sys.exit(65)


def main():
    file, name = sys.argv[1], sys.argv[2]
    api = RuntimeApi()
    handler = load(api, file, name)
    if os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start":
        take_snapshot(api)
    while True:
        status, headers, body = api.call("GET", "/invocation/next")
        if status != 200:
            # This process has no business here any more.
            sys.exit(1)
        context = Context(headers)
        request_id = context.aws_request_id
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        try:
            event = json.loads(body)
        except ValueError as error:
            api.report(
                f"/invocation/{request_id}/error", error_document(error, "Runtime.MalformedEvent", request_id)
            )
            continue
        try:
            answer = json.dumps(handler(event, context)).encode()
        except Exception as error:
            api.report(f"/invocation/{request_id}/error", error_document(error, None, request_id))
            continue
        api.call(
            "POST", f"/invocation/{request_id}/response", answer, {"Content-Type": "application/json"}
        )


main()
