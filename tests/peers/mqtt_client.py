"""Paho against the hub's MQTT endpoint: host, port and secret in, what it met as JSON out."""
import json
import sys
import threading

import paho.mqtt.client as mqtt

LIMIT = 10


class Client:
    """One client, with what it was told."""

    def __init__(self, version, user, password, keepalive):
        protocol = mqtt.MQTTv5 if version == 5 else mqtt.MQTTv311
        self.met = {"connack": None, "subacks": {}, "messages": [], "ended": None}
        self.asked = {}
        self.changed = threading.Condition()
        api = mqtt.CallbackAPIVersion.VERSION2
        self.client = mqtt.Client(api, client_id="paho", protocol=protocol)
        self.client.username_pw_set(user, password)
        self.client.on_connect = lambda c, u, f, reason, p: self.note("connack", reason.value)
        self.client.on_disconnect = lambda c, u, f, reason, p: self.note("ended", str(reason))
        self.client.on_subscribe = self.subscribed
        self.client.on_message = self.message
        host, port = sys.argv[1], int(sys.argv[2])
        self.client.connect(host, port, keepalive=keepalive)
        self.client.loop_start()
        self.wait(lambda: self.met["connack"] is not None)

    def note(self, name, value):
        with self.changed:
            self.met[name] = value
            self.changed.notify_all()

    def subscribed(self, client, userdata, mid, reasons, properties):
        with self.changed:
            self.met["subacks"][self.asked.get(mid, mid)] = reasons[0].value
            self.changed.notify_all()

    def message(self, client, userdata, message):
        told = {"topic": message.topic, "retain": message.retain, "payload": json.loads(message.payload)}
        with self.changed:
            self.met["messages"].append(told)
            self.changed.notify_all()

    def subscribe(self, topic):
        with self.changed:
            _, mid = self.client.subscribe(topic, qos=1)
            self.asked[mid] = topic
        self.wait(lambda: topic in self.met["subacks"])

    def wait(self, so):
        with self.changed:
            if not self.changed.wait_for(so, LIMIT):
                raise SystemExit(f"it did not happen: {self.met}")

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()
        return self.met


def read(version, secret):
    # Keep-alive 0 is legal: the hub never cuts such a client for its silence.
    client = Client(version, "reader", secret, keepalive=0)
    client.subscribe("oneshelf/1/stock/S07/FLASK")
    client.wait(lambda: client.met["messages"])
    client.subscribe("#")
    client.subscribe("oneshelf/1/agent/+/down")
    return client.end()


secret = sys.argv[3]
print(json.dumps({
    "5": read(5, secret),
    "4": read(4, secret),
    "wrong": {str(v): Client(v, "reader", "osk_wrong", 30).end()["connack"] for v in (5, 4)},
}))
