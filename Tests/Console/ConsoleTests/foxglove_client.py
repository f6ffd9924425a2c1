"""Looks on at a run by Foxglove's WebSocket protocol, and prints as JSON what it saw.

    foxglove_client.py [--subprotocol NAME] [--messages N] [--seconds S] [--header NAME:VALUE]... [--meddle] URL [TOPIC...]
    foxglove_client.py --decode FILE

Nothing in it knows the robot: the protocol is spoken by robo-ws-bridge, whose author has nothing to do with Foxglove or
us (Foxglove's own packages on PyPI have servers only), and the messages are decoded by Foxglove's mcap-protobuf-support
and Google's protobuf, with the schemas that the server tells.

The first form subscribes to every channel and ends once each TOPIC has brought N messages (exit code 0), or after S
seconds (1 if any TOPIC has fewer, or there was no connection). --meddle also tries to publish and to set a parameter.

The second form gives the client what a server said: FILE has for each message one byte, "T" or "B" (text, binary), the
length (32 bits, little endian) and the payload. What the client would have sent is in the output as "sent".
"""

import argparse
import asyncio
import base64
import json
import logging
import struct
import sys

import websockets
from google.protobuf.unknown_fields import UnknownFieldSet
from mcap.records import Schema
from mcap_protobuf.decoder import DecoderFactory
from robo_ws_bridge import WebSocketBridgeClient


class Viewer(WebSocketBridgeClient):
    """The library's client, which offers the one subprotocol that it is told to instead of both."""

    def __init__(self, url, subprotocol=None, headers=()):
        super().__init__(url, min_retry_delay=0.2, max_retry_delay=1.0)
        self.offered = subprotocol
        self.headers = headers
        self.chosen = None

    async def _attempt_connection(self):
        if self.offered is None:
            await super()._attempt_connection()
        else:
            self._websocket = await websockets.connect(
                self._url, subprotocols=[self.offered], max_size=None, additional_headers=self.headers
            )
        self.chosen = self._websocket.subprotocol


class Ear:
    """In place of a socket: keeps what the client sends."""

    def __init__(self):
        self.sent = []

    async def send(self, message):
        self.sent.append(message)


class Log(logging.Handler):
    """Keeps what the library complains about: messages that it cannot read or did not subscribe to."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        cause = f": {record.exc_info[1]!r}" if record.exc_info else ""
        self.lines.append(record.getMessage()[:200] + cause)


class Summary:
    def __init__(self, client):
        self.client = client
        self.decoders = DecoderFactory()
        self.types = {}
        self.channels = {}
        self.withdrawn = []
        self.status = []
        self.taken_back = []
        self.clock = []
        self.servers = []
        self.log = Log()
        logger = logging.getLogger("robo_ws_bridge")
        logger.addHandler(self.log)
        logger.propagate = False
        client.on_server_info(lambda name, capabilities, session: self.servers.append(dict(client.server_info)))
        client.on_advertised_channel(self.advertised)
        client.on_channel_unadvertised(lambda channel: self.withdrawn.append(channel["topic"]))
        client.on_message(self.received)
        client.on_status(lambda level, message, status_id: self.status.append([level, message, status_id]))
        client.on_remove_status(lambda ids: self.taken_back.extend(ids))
        client.on_time_update(lambda time: self.clock.append(time))

    async def advertised(self, channel):
        # A topic whose schema has changed, or which is of another run, begins anew.
        self.channels[channel["topic"]] = {
            "id": channel["id"],
            "schema": channel["schemaName"],
            "messages": 0,
        }
        # To a topic that it knows the library has subscribed again already.
        await self.client.subscribe(channel["topic"])

    def received(self, channel, time_ns, payload):
        entry = self.channels[channel["topic"]]
        message = self.decoded(channel, payload)
        entry["messages"] += 1
        entry.setdefault("first_ns", time_ns)
        entry["last_ns"] = time_ns
        # How far the message's time is from what the clock shows when it comes, at most.
        off = abs(time_ns - (self.clock[-1] if self.clock else 0))
        entry["off_clock_ns"] = max(entry.get("off_clock_ns", 0), off)
        entry["unknown_fields"] = sorted({field.field_number for field in UnknownFieldSet(message)})
        for field, value in message.ListFields():
            if isinstance(value, (str, int, float)):
                entry["field"] = {field.name: value}
                break
        if channel["schemaName"] in ("foxglove.RawImage", "foxglove.CompressedImage"):
            entry["image"] = image(message)

    def decoded(self, channel, payload):
        if channel["id"] not in self.types:
            assert channel["encoding"] == "protobuf", channel
            schema = Schema(
                id=channel["id"],
                name=channel["schemaName"],
                encoding=channel["schemaEncoding"],
                data=base64.b64decode(channel["schema"], validate=True),
            )
            self.types[channel["id"]] = self.decoders.decoder_for(channel["encoding"], schema)
        return self.types[channel["id"]](payload)

    def has(self, topics, count):
        return bool(topics) and all(self.channels.get(topic, {"messages": 0})["messages"] >= count for topic in topics)

    def json(self):
        clock = self.clock
        return {
            "servers": self.servers,
            "subprotocol": self.client.chosen,
            "channels": self.channels,
            "withdrawn": self.withdrawn,
            "status": self.status,
            "taken_back": self.taken_back,
            "clock": {"count": len(clock), "went_back": any(b < a for a, b in zip(clock, clock[1:]))},
            "problems": self.log.lines,
        }


def image(message):
    """What the picture says of itself, and whether its bytes agree."""
    if message.DESCRIPTOR.name == "RawImage":
        agrees = len(message.data) == message.step * message.height
        return {"encoding": message.encoding, "width": message.width, "height": message.height, "agrees": agrees}
    begins = {"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG"}[message.format]
    return {"format": message.format, "agrees": message.data.startswith(begins), "bytes": len(message.data)}


async def decode(path):
    client = Viewer("ws://nowhere")
    summary = Summary(client)
    # The library's own handlers, without its sockets.
    ear = client._websocket = Ear()
    client._running = True
    with open(path, "rb") as file:
        data = file.read()
    place = 0
    while place < len(data):
        kind, length = struct.unpack_from("<cI", data, place)
        payload = data[place + 5 : place + 5 + length]
        assert len(payload) == length and kind in (b"T", b"B"), f"{path}: cut at {place}"
        place += 5 + length
        if kind == b"T":
            await client._handle_json(payload.decode("utf-8"))
        else:
            await client._handle_binary(payload)
    return {**summary.json(), "sent": ear.sent}, True


async def watch(arguments):
    headers = [tuple(part.strip() for part in header.split(":", 1)) for header in arguments.header]
    client = Viewer(arguments.url, arguments.subprotocol, headers)
    summary = Summary(client)
    await client.connect()
    meddles = arguments.meddle
    for _ in range(int(arguments.seconds * 20)):
        await asyncio.sleep(0.05)
        if meddles and summary.servers:
            meddles = False
            channel = await client.advertise("arm/command", encoding="protobuf", schema_name="octo.ArmCommand")
            await client.publish(channel, b"\x08\x01")
            try:
                await client.set_parameters([{"name": "speed", "value": 1}], timeout=0.2)
            except asyncio.TimeoutError:
                pass
        if summary.has(arguments.topics, arguments.messages) and not meddles:
            break
    await client.disconnect()
    is_done = bool(summary.servers) and (not arguments.topics or summary.has(arguments.topics, arguments.messages))
    return summary.json(), is_done


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--decode", metavar="FILE")
    parser.add_argument("--subprotocol")
    parser.add_argument("--messages", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--header", action="append", default=[], metavar="NAME:VALUE")
    parser.add_argument("--meddle", action="store_true")
    parser.add_argument("url", nargs="?")
    parser.add_argument("topics", nargs="*")
    arguments = parser.parse_args()
    if arguments.decode is None and arguments.url is None:
        parser.error("give the address of a server, or --decode FILE")
    summary, is_done = asyncio.run(decode(arguments.decode) if arguments.decode else watch(arguments))
    print(json.dumps(summary))
    sys.exit(0 if is_done else 1)


main()
