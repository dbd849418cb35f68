"""Reads connections with h11: a line of standard input is a JSON list of packets, a line of output is the outcome."""

import json
import sys

import h11


def answer(connection, state):
    connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    state["answers"].append(200)
    if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
        connection.start_next_cycle()
        return True
    return False


def read(packets):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=16384)
    state = {"requests": [], "answers": [], "reason": "", "isClosed": False}
    request = None
    body = b""
    try:
        for packet in packets + [""]:
            connection.receive_data(packet.encode("latin1"))
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    break
                if isinstance(event, h11.Request):
                    request, body = event, b""
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                else:
                    seen = [request.method.decode("latin1"), request.target.decode("latin1"), body.decode("latin1")]
                    state["requests"].append(seen)
                    if not answer(connection, state):
                        state["isClosed"] = True
                        return state
    except h11.RemoteProtocolError as error:
        state["answers"].append(error.error_status_hint)
        state["reason"] = str(error)
    return state


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))), flush=True)
