"""A flood in Python that is right: hits are remembered by the file, not by the query."""

import argparse
import json
import sys

COURSE = None


class Node:
    def __init__(self, event):
        self.me, self.out = event["self"], []
        split = lambda text: [w for w in text.split(",") if w]
        self.neighbours = split(event["config"].get("neighbours", ""))
        self.files = split(event["config"].get("files", ""))
        self.back = {}  # a query: from whom it came first
        self.hits = {}  # a query of this node's: who has the file, and how far
        self.last = 0

    def send(self, to, **body):
        self.out.append({"send": to, "body": body})

    def flood(self, query, name, hops, but):
        if hops < int(COURSE.ttl):
            for a in self.neighbours:
                if a != but:
                    self.send(a, query=query, name=name, hops=hops + 1)

    def message(self, event):
        sender, body = event["from"], event["body"]
        query = body["query"]
        if "who" in body:
            if query in self.hits:
                self.hits[query][body["who"]] = body["hops"]
            elif query in self.back:
                self.send(self.back[query], **body)
        elif query not in self.back and query not in self.hits:
            self.back[query] = sender
            if body["name"] in self.files:
                self.send(sender, query=query, who=self.me, hops=body["hops"])
            self.flood(query, body["name"], body["hops"], sender)

    def do(self, event):
        if event["do"] == "leave":
            self.out.append({"result": event["op"]})
            return
        self.last += 1
        query = "%s/%d" % (self.me, self.last)
        own = COURSE.own == "included" and event["name"] in self.files
        self.hits[query] = {self.me: 0} if own else {}
        self.flood(query, event["name"], 0, None)
        self.out.append({"after": 3_000_000_000, "timer": event["op"]})
        self.back[event["op"]] = query

    def timer(self, event):
        op = event["timer"]
        hits = self.hits[self.back[op]]
        found = sorted(hits, key=lambda a: (hits[a], a), reverse=COURSE.order == "far")
        far = sorted(hits.values()) or [0xFFFF]
        value = {"count": len(found), "nearest": far[0], "farthest": far[-1]}[COURSE.field]
        self.out.append({"result": op, "found": found, "id": "%04x" % value})

    def inspect(self, event):
        self.out.append({"state": {"id": "", "neighbours": self.neighbours}})


def main():
    global COURSE
    flags = argparse.ArgumentParser()
    for name in ("ttl", "own", "order", "field"):
        flags.add_argument("-" + name)
    COURSE = flags.parse_args()
    nodes = {}
    for line in sys.stdin:
        event = json.loads(line)
        if event["event"] == "start":
            nodes[event["node"]] = Node(event)
        elif event["event"] != "stop":
            getattr(nodes[event["node"]], event["event"])(event)
        node = nodes[event["node"]]
        print(json.dumps(node.out), flush=True)
        node.out = []


main()
