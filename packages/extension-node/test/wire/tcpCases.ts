/** The promises of a listener over TCP, byte by byte: whole connections, and lines under way. */
import { type Case, eachBegins, many, mebibyte, MiB } from "./ListenerScript.ts"

const tcp: ReadonlyArray<Case> = [
  {
    name: "case 101: chunks as they come over TCP, then the end, per connection",
    protocol: "TCP",
    steps: [
      ["first", "sends", '{"a":'],
      ["first", "is delivered", '{"a":'],
      ["second", "sends", "other"],
      ["second", "is delivered", "other"],
      ["first", "sends", "1}\n"],
      ["first", "is delivered", '{"a":1}\n'],
      ["first", "ends"],
      ["second", "resets"]
    ],
    ends: [1, 1]
  },
  {
    name: "closed, it accepts nothing and cuts every connection, without waiting for the clients (TCP)",
    protocol: "TCP",
    steps: [
      ["idle", "is open"],
      ["busy", "sends", "abc"],
      ["busy", "is delivered", "abc"],
      ["the listener", "closes"],
      ["idle", "is closed"],
      ["busy", "is closed"],
      ["late", "is refused"]
    ],
    ends: [1, 1]
  },
  {
    name: "it survives a receiver that throws, and says so once (TCP)",
    protocol: "TCP",
    throws: true,
    steps: [
      ["a", "sends", "a"],
      ["a", "is delivered", "a"],
      ["a", "sends", "b"],
      ["a", "is delivered", "ab"]
    ],
    logs: "threw"
  }
]

const lines: ReadonlyArray<Case> = [
  {
    name: "256 unfinished lines take no more than 32 MiB, 128 KiB for each connection, and the first one gets done",
    protocol: "TCP",
    steps: [
      ["first", "sends", "x"],
      ["first", "is delivered", "x"],
      ...eachBegins(many, (name) => [name, "is open"]),
      ...eachBegins(many, (name) => [name, "presses", mebibyte]),
      ["first", "sends", `${"x".repeat(4 * MiB)}\n`],
      ["first", "is delivered", `x${"x".repeat(4 * MiB)}\n`]
    ],
    // As above; the receiver of the test keeps the line. Without a bound it is 254 MiB and more.
    growth: (32 + 32 + 8) * MiB
  },
  {
    name: "a line that waits is read on when the ones before it are done",
    protocol: "TCP",
    maxBodyBytes: MiB,
    limits: { maxBytes: 2 * MiB },
    steps: [
      ["first", "sends", "1"],
      ["first", "is delivered", "1"],
      ["second", "sends", "2"],
      ["second", "is delivered", "2"],
      ["second", "sends", "2\n"],
      ["first", "sends", "1\n"],
      ["first", "is delivered", "11\n"],
      ["second", "is delivered", "22\n"]
    ]
  },
  {
    name: "for a connection too many over TCP the longest idle one is closed, and not one with half a line",
    protocol: "TCP",
    limits: { maxConnections: 3 },
    steps: [
      ["busy", "sends", "half"],
      ["busy", "is delivered", "half"],
      ["a", "sends", "a\n"],
      ["a", "is delivered", "a\n"],
      ["b", "sends", "b\n"],
      ["b", "is delivered", "b\n"],
      ["a", "sends", "again\n"],
      ["a", "is delivered", "a\nagain\n"],
      ["c", "sends", "c\n"],
      ["b", "is closed"],
      ["c", "is delivered", "c\n"],
      ["busy", "sends", " a line\n"],
      ["busy", "is delivered", "half a line\n"],
      ["a", "is open"]
    ]
  },
  {
    name: "if all connections have half a line, the one that was silent for the longest time is closed",
    protocol: "TCP",
    limits: { maxConnections: 2 },
    steps: [
      ["first", "sends", "1"],
      ["first", "is delivered", "1"],
      ["second", "sends", "2"],
      ["second", "is delivered", "2"],
      ["third", "sends", "3\n"],
      ["first", "is closed"],
      ["third", "is delivered", "3\n"],
      ["second", "sends", "\n"],
      ["second", "is delivered", "2\n"]
    ]
  }
]

export const tcpCases: ReadonlyArray<Case> = [...tcp, ...lines]
