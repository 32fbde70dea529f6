"""A ring in Python that is right and otherwise than the reference: a lookup is handed
on from node to node, and the last one answers the asker; the successor list is longer."""

import argparse
import json
import random
import sys

SECOND = 1_000_000_000
NOBODY = "0.0.0.0:0"
LENGTH = 5
COURSE = None


def away(a, b):
    """How many ids lie from a to b in the direction of the ring."""
    return (a - b if COURSE.direction == "counterclockwise" else b - a) % 65536


def between(x, a, b):
    return x not in (a, b) and (a == b or away(a, x) < away(a, b))


def up_to(x, a, b):
    return x == b or a == b or between(x, a, b)


class Node:
    def __init__(self, event):
        self.out, self.timers, self.tasks = [], 0, {}
        self.random = random.Random(event["seed"])
        self.me = (int(event["config"]["id"], 16), event["self"])
        self.contact = event["config"].get("contact")
        self.predecessor = None
        self.successors = [] if self.contact else [self.me]
        self.fingers = [None] * 16
        self.row = 0
        self.asked = {}  # questions that wait for an answer
        self.questions = 0
        self.now = event["now"]
        self.every(SECOND, self.stabilise)
        self.every(SECOND, self.mend)
        self.every(2 * SECOND, self.check)

    # What the world offers.

    def send(self, to, body):
        self.out.append({"send": to[1], "body": body})

    def later(self, nanoseconds, task):
        self.timers += 1
        self.tasks[self.timers] = task
        self.out.append({"after": nanoseconds, "timer": self.timers})

    def every(self, period, task):
        def run():
            task()
            self.later(period // 2 + self.random.randrange(period // 2), run)

        self.later(self.random.randrange(period // 4), run)

    def ask(self, to, body, then, patience=400_000_000, tries=2):
        """Calls then(answer) once, or then(None) after the last try."""
        self.questions += 1
        number = self.questions
        self.asked[number] = then
        self.send(to, dict(body, q=number, me=self.me))

        def expire():
            if self.asked.pop(number, None) is None:
                return
            if tries > 1:
                self.ask(to, body, then, patience, tries - 1)
            else:
                then(None)

        self.later(patience, expire)

    # Events.

    def message(self, event):
        body = event["body"]
        if "a" in body:
            then = self.asked.pop(body["a"], None)
            if then:
                then(body)
        elif body["do"] == "look":
            self.look(body)
        elif body["do"] == "list":
            answer = {"a": body["q"], "before": self.predecessor, "list": self.successors}
            self.send(body["me"], answer)
        elif body["do"] == "notify":
            self.notified(tuple(body["me"]))
        elif body["do"] == "bye":
            self.forget(tuple(body["me"]))

    def timer(self, event):
        self.tasks.pop(event["timer"])()

    def do(self, event):
        op = event["op"]
        if event["do"] == "leave":
            for n in sorted({*self.successors, self.predecessor} - {None, self.me}):
                self.send(n, {"do": "bye", "me": self.me})
            self.out.append({"result": op})
            return
        extra, _, key = event["name"].rpartition(":")
        key = int(key, 16)
        if extra == "opposite":
            key = (key + 32768) % 65536
        if not self.successors:
            self.out.append({"result": op, "error": "not in the ring yet"})
            return

        def then(answer):
            if answer is None:
                self.out.append({"result": op, "error": "nobody answered"})
            else:
                self.out.append(dict(tell(extra, key, answer), result=op))

        self.ask(self.me, {"do": "look", "key": key, "hops": 0}, then, 1_500_000_000, 4)

    def inspect(self, event):
        before = self.predecessor[1] if self.predecessor else NOBODY
        after = [n[1] for n in self.successors]
        state = {"id": "%04x" % self.me[0], "neighbours": after}
        state["detail"] = {"predecessor": before, "successors": after}
        self.out.append({"state": state})

    # Lookups.

    def look(self, body):
        """Hands a lookup on, or answers it."""
        if not self.successors:
            return
        key, first = body["key"], self.successors[0]
        if up_to(key, self.me[0], first[0]):
            answer = {"a": body["q"], "before": self.predecessor or self.me, "me": self.me}
            answer["after"], answer["hops"] = self.successors, body["hops"]
            self.send(body["me"], answer)
            return
        known = {n for n in [*self.fingers, *self.successors] if n and between(n[0], self.me[0], key)}
        if known:
            body["hops"] += 1
            self.send(min(known, key=lambda n: away(n[0], key)), body)

    # The ring.

    def stabilise(self):
        if not self.successors:
            self.join()
        elif self.successors[0] != self.me:
            self.round(self.successors[0])

    def round(self, of):
        def then(answer):
            if answer is None:
                self.forget(of)
                if self.successors and self.successors[0] != self.me:
                    self.round(self.successors[0])
                return
            self.adopt(of, answer["list"])
            nearer = answer["before"] and tuple(answer["before"])
            if nearer and between(nearer[0], self.me[0], of[0]):
                self.ask(nearer, {"do": "list"}, lambda a: a and self.adopt(nearer, a["list"]), tries=1)
            self.send(self.successors[0], {"do": "notify", "me": self.me})

        self.ask(of, {"do": "list"}, then)

    def adopt(self, node, rest):
        head = self.successors[0] if self.successors else self.me
        if head not in (self.me, node) and not between(node[0], self.me[0], head[0]):
            return
        line = [node]
        for n in map(tuple, rest):
            if n == self.me or len(line) == LENGTH:
                break
            if n not in line:
                line.append(n)
        self.successors = line

    def notified(self, by):
        if by != self.me and (self.predecessor is None or between(by[0], self.predecessor[0], self.me[0])):
            self.predecessor = by
        if self.successors == [self.me] and by != self.me:
            self.successors = [by]

    def check(self):
        before = self.predecessor
        if before:
            self.ask(before, {"do": "list"}, lambda a: a is None and self.forget(before))

    def forget(self, node):
        if self.predecessor == node:
            self.predecessor = None
        self.fingers = [None if f == node else f for f in self.fingers]
        if node in self.successors:
            self.successors.remove(node)
            if not self.successors:
                others = [n for n in [*self.fingers, self.predecessor] if n and n != self.me]
                others.sort(key=lambda n: away(self.me[0], n[0]))
                self.successors = others[:1] or ([] if self.contact else [self.me])

    def join(self):
        def then(answer):
            if answer is None or self.successors:
                return
            first = tuple(answer["after"][0])
            if first != self.me:
                self.ask(first, {"do": "list"}, lambda a: a and self.adopt(first, a["list"]))

        step = -1 if COURSE.direction == "counterclockwise" else 1
        look = {"do": "look", "key": (self.me[0] + step) % 65536, "hops": 0}
        self.ask((None, self.contact), look, then, 2 * SECOND, 1)

    def mend(self):
        """Looks one row of the finger table up, and after it whoever asks dead nodes."""
        if not self.successors or self.successors[0] == self.me:
            return
        for finger in sorted({f for f in self.fingers if f} - set(self.successors)):
            if self.random.randrange(8) == 0:
                self.ask(finger, {"do": "list"}, lambda a, f=finger: a is None and self.forget(f))
        for _ in range(16):
            row, self.row = self.row, (self.row + 1) % 16
            step = -(1 << row) if COURSE.direction == "counterclockwise" else 1 << row
            start = (self.me[0] + step) % 65536
            if up_to(start, self.me[0], self.successors[0][0]):
                self.fingers[row] = self.successors[0]
                continue

            def then(answer, row=row):
                self.fingers[row] = tuple(answer["after"][0]) if answer else None

            self.ask(self.me, {"do": "look", "key": start, "hops": 0}, then, SECOND, 1)
            return


def tell(extra, key, answer):
    """The result of a wish, from the nodes around its key."""
    line = [answer["before"], answer["me"], *answer["after"]]
    if len(answer["after"]) < LENGTH:
        line.append(answer["me"])  # the list went all the way round
    if COURSE.owner == "before" and line[2][0] != key:
        before, owner, after = line[0], line[1], line[2:]
    else:
        before, owner, after = line[1], line[2], line[3:] or [line[1]]
    found = [owner[1]]
    result = {"found": found, "hops": answer["hops"]}
    if extra == "next":
        for n in after:
            if n[1] not in found and len(found) < 3:
                found.append(n[1])
    elif extra == "arc":
        size = away(before[0], owner[0]) if COURSE.owner == "after" else away(owner[0], after[0][0])
        result["id"] = "%04x" % (size or 65536)
    elif not extra:
        distance = away(key, owner[0]) if COURSE.owner == "after" else away(owner[0], key)
        fields = {"predecessor": before[0], "successor": after[0][0], "distance": distance, "owner": owner[0]}
        result["id"] = "%04x" % fields[COURSE.field]
    return result


def main():
    global COURSE
    flags = argparse.ArgumentParser()
    for name in ("direction", "owner", "field", "operation"):
        flags.add_argument("-" + name)
    COURSE = flags.parse_args()
    nodes = {}
    for line in sys.stdin:
        event = json.loads(line)
        number, what = event["node"], event["event"]
        if what == "start":
            nodes[number] = Node(event)
        node = nodes[number]
        node.now = event["now"]
        if what == "stop":
            del nodes[number]
        elif what != "start":
            getattr(node, what)(event)
        print(json.dumps(node.out, separators=(",", ":")), flush=True)
        node.out = []


main()
