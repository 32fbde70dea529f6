"""Your Chord in Python. Lines of JSON come in, lines of JSON go out; README.md and
peerbed/harness/classroom/step/doc.go say what they mean."""

import json
import sys

SECOND = 1_000_000_000
NOBODY = "0.0.0.0:0"


class Node:
    """One node of the ring. Each method appends to self.out what the node does."""

    def __init__(self, event):
        self.me = event["self"]
        self.id = int(event["config"]["id"], 16)
        self.contact = event["config"].get("contact")
        self.predecessor = NOBODY
        self.successors = []
        self.timers = 0
        self.out = []
        self.after(SECOND)

    def send(self, to, body):
        self.out.append({"send": to, "body": body})

    def after(self, nanoseconds):
        self.timers += 1
        self.out.append({"after": nanoseconds, "timer": self.timers})
        return self.timers

    def message(self, event):
        sender, body = event["from"], event["body"]

    def timer(self, event):
        self.after(SECOND)  # stabilise, here

    def do(self, event):
        # A node without a contact is alone, so far: every key is its own.
        self.out.append({"result": event["op"], "error": "not written yet"})

    def inspect(self, event):
        detail = {"predecessor": self.predecessor, "successors": self.successors}
        state = {"id": "%04x" % self.id, "neighbours": self.successors, "detail": detail}
        self.out.append({"state": state})


def main():
    nodes = {}
    for line in sys.stdin:
        event = json.loads(line)
        number, what = event["node"], event["event"]
        if what == "start":
            nodes[number] = Node(event)
        elif what != "stop":
            getattr(nodes[number], what)(event)
        node = nodes[number]
        print(json.dumps(node.out), flush=True)
        node.out = []
        if what == "stop":
            del nodes[number]


main()
