#!/usr/bin/env python3
# The twin in Python: it does everything right, and with TWIN a single thing wrong. It has no telemetry.
import http.client
import json
import os
import sys
import time

mistake = os.environ.get("TWIN", "")
name = os.path.basename(__file__)
base = "/2020-01-01/extension"


def connect():
    return http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


connection = connect()


def ask(method, path, headers, body=None):
    connection.request(method, base + path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def poll(headers):
    global connection
    pause = 0.01
    while True:
        try:
            status, _, text = ask("GET", "/event/next", headers)
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


body = json.dumps({"events": ["INVOKE", "SHUTDOWN"]})
_, answered, _ = ask("POST", "/register", {"Lambda-Extension-Name": name}, body)
identifier = {"Lambda-Extension-Identifier": answered["Lambda-Extension-Identifier"]}
while True:
    event = poll(identifier)
    if event["eventType"] == "SHUTDOWN":
        if mistake == "hang-at-shutdown":
            time.sleep(1000)
        sys.exit(0)
    if mistake == "no-next":
        time.sleep(1000)
