"""Runs a function of a file as a Lambda function: loads the file, asks the Runtime API for invocations, answers them.
The program does around a handler what Lambda's own runtime does.

    _EFFECT_LAMBDA_FUNCTION='{"file":"/path/to/main.py","export":"handler","handler":"main.handler"}' python3 -u python.py

Standard library only, started by the emulator as the function's process. The program gets no arguments, since wrappers
put their own before the last one.
"""

import http.client
import importlib
import importlib.util
import json
import os
import sys
import traceback

# The folder of the user's handler stays as it is.
sys.dont_write_bytecode = True

# A wrapper may have made these descriptors non-blocking, and then Python drops what does not fit into a full pipe. With
# -u every write leaves at once.
for descriptor in (1, 2):
    os.set_blocking(descriptor, True)

# The folder of this file leaves the path: a module of the function may have the same name as a file in it.
BOOTSTRAP = sys.path.pop(0)
sys.path.append(BOOTSTRAP)
import python_logs  # noqa: E402
from python_context import LambdaContext  # noqa: E402
from python_result import Fault, marshal, unmarshal  # noqa: E402

sys.path.remove(BOOTSTRAP)

os.environ["AWS_EXECUTION_ENV"] = f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"

RUNTIME = "/2018-06-01/runtime"


class RuntimeApi:
    def __init__(self):
        # A poll waits for hours, so there is no time limit.
        self.connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(self, method, path, body=None, headers=None):
        self.connection.request(method, RUNTIME + path, body, headers or {})
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def report(self, path, document):
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Function-Error-Type": document["errorType"].encode("utf-8"),
        }
        self.call("POST", path, json.dumps(document).encode(), headers)


def document_of(error, request_id=""):
    if isinstance(error, Fault):
        error_type, stack = error.error_type, error.stack
    else:
        frames = traceback.extract_tb(error.__traceback__)
        # The first frames belong to this file or to the import.
        own = next((at for at, frame in enumerate(frames) if not is_ours(frame.filename)), len(frames))
        # Tuples have no columns, which newer Pythons would mark.
        lines = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in frames[own:]]
        error_type, stack = type(error).__name__, traceback.format_list(lines)
    return {"errorMessage": str(error), "errorType": error_type, "requestId": request_id, "stackTrace": stack}


def is_ours(filename):
    return os.path.dirname(filename) == BOOTSTRAP or filename.startswith("<frozen importlib")


def add_site_packages():
    """The libraries of layers that pip has put there for one version of Python."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in os.environ.get("PYTHONPATH", "").split(":"):
        if folder in sys.path:
            sys.path.insert(sys.path.index(folder), os.path.join(folder, "lib", version, "site-packages"))


def import_module(given):
    """The module of the function, or of the handler that a wrapper has put before it."""
    add_site_packages()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    handler = os.environ["_HANDLER"]
    if handler != given["handler"]:
        name, dot, export = handler.rpartition(".")
        if not dot:
            message = f"_HANDLER is {handler}, which is no name of a module and of its function, such as main.handler."
            raise Fault("MalformedHandlerName", message)
        if name.split(".")[0] in sys.builtin_module_names:
            raise Fault("BuiltInModuleConflict", f"Cannot use built-in module {name} as a handler module")
        return name, export, lambda: importlib.import_module(name.replace("/", "."))
    file = given["file"]
    name = os.path.splitext(os.path.basename(file))[0]

    def load_file():
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    if os.path.dirname(file) != os.environ["LAMBDA_TASK_ROOT"]:
        sys.path.insert(0, os.path.dirname(file))
    return name, given["export"], load_file


def load():
    given = json.loads(os.environ.pop("_EFFECT_LAMBDA_FUNCTION"))
    name, export, import_it = import_module(given)
    try:
        module = import_it()
    except ImportError as error:
        raise Fault("ImportModuleError", f"Unable to import module '{name}': {error}") from None
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        raise Fault("UserCodeSyntaxError", f"Syntax error in module '{name}': {error}", [place]) from None
    handler = getattr(module, export, None)
    if callable(handler):
        return handler
    names = ", ".join(key for key in vars(module) if not key.startswith("_")) or "nothing"
    where = getattr(module, "__file__", name)
    raise Fault("HandlerNotFound", f"{where} has no function named {export}. It has {names}.")


def answer(api, sink, handler, headers, body):
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    path = f"/invocation/{request_id}"
    try:
        context = LambdaContext(headers)
        result, content_type = marshal(handler(unmarshal(body, headers.get("Content-Type")), context))
    except Exception as error:
        document = document_of(error, request_id)
        sink.log_error(document)
        return api.report(f"{path}/error", document)
    api.call("POST", f"{path}/response", result, {"Content-Type": content_type})


def hooks():
    """The hooks that the function has registered for the snapshot and for the restore, as (function, args, kwargs)."""
    try:
        import snapshot_restore_py
    except ImportError:
        # The managed runtime has it; a function that cannot import it has registered nothing.
        return [], []
    return snapshot_restore_py.get_before_snapshot(), snapshot_restore_py.get_after_restore()


def fail(api, sink, path, document, code):
    sink.log_error(document)
    api.report(path, document)
    sys.exit(code)


def take_snapshot(api, sink):
    """The end of init with SnapStart: hooks, the snapshot, which one restore ends, and hooks again."""
    before, after = hooks()
    try:
        while before:
            # The hook that was registered last comes first.
            function, args, kwargs = before.pop()
            function(*args, **kwargs)
    except Exception as error:
        fail(api, sink, "/init/error", {**document_of(error), "errorType": "Runtime.BeforeSnapshotError"}, 64)
    api.call("GET", "/restore/next")
    try:
        for function, args, kwargs in after:
            function(*args, **kwargs)
    except Exception as error:
        fail(api, sink, "/restore/error", {**document_of(error), "errorType": "Runtime.AfterRestoreError"}, 65)


def main():
    sink = python_logs.start()
    api = RuntimeApi()
    try:
        handler = load()
    except Exception as error:
        fail(api, sink, "/init/error", document_of(error), 1)
    if os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start":
        take_snapshot(api, sink)
    while True:
        status, headers, body = api.call("GET", "/invocation/next")
        if status != 200:
            # This process has no business here any more.
            sys.exit(1)
        python_logs.current.update(
            request_id=headers["Lambda-Runtime-Aws-Request-Id"], tenant_id=headers.get("Lambda-Runtime-Aws-Tenant-Id")
        )
        trace = headers.get("Lambda-Runtime-Trace-Id")
        if trace:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        answer(api, sink, handler, headers, body)


main()
