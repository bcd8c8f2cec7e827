#!/usr/bin/env python3
"""A field device with a stock MQTT client (paho): publishes uniquely numbered messages and notes every acknowledgement.

The file of acknowledged ids is the oracle of the crash test: this process is never killed, and an id is written there only
after the client library has seen PUBACK (QoS 1) or PUBCOMP (QoS 2).
"""

import argparse
import datetime
import json
import os
import sys
import threading
import time

import paho.mqtt.client as mqtt


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--protocol", choices=["3.1.1", "5"], default="3.1.1")
    parser.add_argument("--qos", type=int, default=1)
    parser.add_argument("--count", type=int, default=0, help="0: until standard input closes")
    parser.add_argument("--stamped", action="store_true", help="say when it was measured: a repeat is then known as one")
    parser.add_argument("--rate", type=float, default=0, help="messages a second; 0: as fast as it goes")
    parser.add_argument("--inflight", type=int, default=200)
    parser.add_argument("--acked", required=True, help="file that gets one acknowledged id a line")
    return parser.parse_args()


class Publisher:
    def __init__(self, options):
        self.options = options
        self.acked = open(options.acked, "a", buffering=1, encoding="ascii")
        self.waiting = {}
        self.early = set()
        self.lock = threading.Condition()
        self.connected = threading.Event()
        self.last_stamp = 0
        version = mqtt.MQTTv5 if options.protocol == "5" else mqtt.MQTTv311
        extra = {} if version == mqtt.MQTTv5 else {"clean_session": False}
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=options.client, protocol=version, **extra
        )
        # No window of paho's own: after a reconnect it forgets how far a QoS 2 message beyond its window was and
        # publishes it anew. `publish` below keeps the window instead.
        self.client.max_inflight_messages_set(0)
        self.client.max_queued_messages_set(0)
        self.client.reconnect_delay_set(min_delay=1, max_delay=1)
        self.client.on_publish = self.on_publish
        self.client.on_connect = lambda *_: self.connected.set()
        self.connect = {"keepalive": 30}
        if version == mqtt.MQTTv5:
            properties = mqtt.Properties(mqtt.PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600
            self.connect.update(clean_start=False, properties=properties)

    def on_publish(self, client, userdata, mid, reason_code, properties):
        with self.lock:
            ident = self.waiting.pop(mid, None)
            if ident is None:
                self.early.add(mid)
            else:
                self.note(ident)
            self.lock.notify_all()

    def note(self, ident):
        self.acked.write(ident + "\n")
        self.acked.flush()

    def publish(self, number):
        ident = f"{self.options.client}-{number}"
        payload = {"id": self.options.device, "seq": number, "pm25": 10 + number % 10, "note": ident}
        if self.options.stamped:
            payload["ts"] = self.stamp()
        topic = f"ioc/lao-cai/env/{self.options.device}/up"
        info = self.client.publish(topic, json.dumps(payload), qos=self.options.qos)
        with self.lock:
            if info.mid in self.early:
                self.early.discard(info.mid)
                self.note(ident)
            else:
                self.waiting[info.mid] = ident
            while len(self.waiting) >= self.options.inflight:
                self.lock.wait(1.0)

    def stamp(self):
        # Microseconds, never the same twice: the order of the times is the order of the numbers.
        self.last_stamp = max(self.last_stamp + 1, time.time_ns() // 1000)
        whole = datetime.datetime.fromtimestamp(self.last_stamp // 1_000_000, datetime.timezone.utc)
        return f"{whole:%Y-%m-%dT%H:%M:%S}.{self.last_stamp % 1_000_000:06d}Z"

    def run(self):
        stop = threading.Event()
        if self.options.count == 0:
            threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
        # The node may be down at this very moment: the network loop tries again.
        self.client.connect_async(self.options.host, self.options.port, **self.connect)
        self.client.loop_start()
        # What is published at QoS 0 without a connection is dropped without a word.
        if not self.connected.wait(timeout=60):
            sys.exit("not connected within 60 s")
        number = 0
        while not stop.is_set() and (self.options.count == 0 or number < self.options.count):
            began = time.monotonic()
            self.publish(number)
            number += 1
            if self.options.rate > 0:
                stop.wait(max(0.0, 1 / self.options.rate - (time.monotonic() - began)))
        with self.lock:
            drained = self.lock.wait_for(lambda: not self.waiting, timeout=60)
        self.client.disconnect()
        self.client.loop_stop()
        os.fsync(self.acked.fileno())
        print(json.dumps({"published": number, "unacknowledged": len(self.waiting)}))
        return 0 if drained else 1


if __name__ == "__main__":
    sys.exit(Publisher(arguments()).run())
