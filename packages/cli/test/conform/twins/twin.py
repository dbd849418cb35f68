#!/usr/bin/env python3
# The twin in Python: it does everything right, and with TWIN a single thing wrong. It sends the lines of the function to
# TWIN_SINK before it calls next.
import http.client
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from urllib.parse import urlsplit
from urllib.request import getproxies

mistake = os.environ.get("TWIN", "")
name = os.path.basename(__file__)
base = "/2020-01-01/extension"
envelope = re.compile(r'^\[\{"time":"[^"]*","type":"[^"]*","record":')

heard = threading.Condition()
queue = []
done_ids = set()
rest = ""
last = b""


def connect():
    proxy = getproxies().get("http")
    if mistake == "obeys-proxy" and proxy:
        return http.client.HTTPConnection(proxy.split("//")[1])
    return http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


connection = connect()


def ask(method, path, headers, body=None):
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def poll(headers):
    global connection
    pause = 0.01
    while True:
        try:
            status, _, text = ask("GET", base + "/event/next", headers)
            if status == 200:
                return json.loads(text)
            if mistake == "exit-at-403" and status == 403:
                sys.exit(1)
        except (OSError, http.client.HTTPException):
            if mistake == "exit-at-lost-poll":
                raise
            connection.close()
            connection = connect()
        time.sleep(pause)
        pause = min(pause * 2, 1)


def records_of(body):
    """The records of a batch. A record that was cut is joined when its rest has come."""
    global rest
    text = body.decode(errors="strict" if mistake == "strict-utf8" else "replace")
    whole = text if rest == "" else rest + envelope.sub("", text)
    try:
        records = json.loads(whole)
    except ValueError:
        rest = "" if mistake == "no-join" else whole.removesuffix("}]")
        return []
    rest = ""
    return records


def line_of(record):
    if mistake == "needs-text":
        return record.strip() + "\n"
    if mistake == "needs-object" and record.startswith("{"):
        return record["message"]
    return record if isinstance(record, str) else json.dumps(record) + "\n"


def hear(body):
    global last
    if body == last:
        return
    records = records_of(body)
    last = body
    with heard:
        for event in records:
            if event["type"] == "function":
                queue.append(line_of(event["record"]))
            if event["type"] == "platform.runtimeDone":
                done_ids.add(event["record"]["requestId"])
        heard.notify_all()


class Listener(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) == length:
            hear(body)
        elif mistake == "exit-at-half":
            os._exit(1)
        if mistake == "sends-in-listener":
            flush(4)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True
            if mistake == "exit-at-half":
                os._exit(1)

    def log_message(self, *_):
        pass


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def listen():
    """The port outlives a reset, as the subscription does."""
    memory = "/tmp/twin-" + os.environ["AWS_LAMBDA_RUNTIME_API"].replace(":", "-") + ".py-port"
    port = int(open(memory).read()) if os.path.exists(memory) else 0
    try:
        server = Server(("", port), Listener)
    except OSError:
        # The file may be that of a twin which was killed long ago, if the environment has no /tmp for itself.
        server = Server(("", 0), Listener)
    with open(memory, "w") as file:
        file.write(str(server.server_address[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1], memory


def subscribe(headers):
    status, _, text = ask(
        "PUT",
        "/2022-07-01/telemetry",
        headers,
        json.dumps(
            {
                "schemaVersion": os.environ.get("TWIN_SCHEMA", "2025-01-29"),
                "types": ["platform", "function"],
                "buffering": {"timeoutMs": 25, "maxBytes": 262144, "maxItems": 1000},
                "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d/" % port},
            }
        ),
    )
    if status != 200:
        print("no telemetry:", status, text.decode(), flush=True)
        if mistake == "needs-telemetry":
            sys.exit(1)
    return status == 200


def flush(seconds):
    """Sends what is there; what could not be sent waits for the next time."""
    with heard:
        batch = queue[:]
        queue.clear()
    if not batch or "TWIN_SINK" not in os.environ:
        return
    try:
        sink = http.client.HTTPConnection(urlsplit(os.environ["TWIN_SINK"]).netloc, timeout=seconds)
        sink.request("POST", "/", "".join(batch).encode())
        if sink.getresponse().status == 200:
            return
    except (OSError, http.client.HTTPException):
        pass
    with heard:
        queue[:0] = batch


body = json.dumps({"events": ["INVOKE", "SHUTDOWN"]})
_, answered, _ = ask("POST", base + "/register", {"Lambda-Extension-Name": name}, body)
identifier = {"Lambda-Extension-Identifier": answered["Lambda-Extension-Identifier"]}
port, memory = listen()
hears = mistake != "subscribes-late" and subscribe(identifier)
while True:
    event = poll(identifier)
    if event["eventType"] == "SHUTDOWN":
        if mistake == "hang-at-shutdown":
            time.sleep(1000)
        if event["shutdownReason"] == "spindown":
            os.remove(memory)
        flush(1)
        if queue:
            print("lost", len(queue), "lines", flush=True)
        sys.exit(0)
    if mistake == "no-next":
        time.sleep(1000)
    if mistake == "subscribes-late" and not hears:
        hears = subscribe(identifier)
    if hears and "requestId" in event:
        with heard:
            heard.wait_for(lambda: event["requestId"] in done_ids, 0.5)
        done_ids.discard(event["requestId"])
    if mistake != "sends-in-listener":
        flush(0.3)
