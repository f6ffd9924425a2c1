"""Writes the MCAP cases beside it: files and what is in them, by Python's own struct and zlib, from the specification.

    make_cases.py
"""

import json
import os
import struct
import zlib

MAGIC = b"\x89MCAP0\r\n"
FOLDER = os.path.dirname(os.path.abspath(__file__))
FIRST_FIELD = {"Header": 1, "Footer": 2, "Schema": 3, "Channel": 4, "Message": 5, "Chunk": 6, "MessageIndex": 7,
    "ChunkIndex": 8, "Attachment": 9, "AttachmentIndex": 10, "Statistics": 11, "Metadata": 12, "MetadataIndex": 13,
    "SummaryOffset": 14, "DataEnd": 15}
PADDED = set(FIRST_FIELD) - {"Message", "Chunk", "DataEnd", "Footer"}

u8, u16, u32, u64 = (lambda v, f=f: struct.pack("<" + f, v) for f in "BHIQ")
text = lambda v: u32(len(v.encode())) + v.encode()
blob = lambda v: u32(len(v)) + v
table = lambda v: blob(b"".join(text(k) + text(v[k]) for k in sorted(v)))
counts = lambda v: blob(b"".join(u16(k) + u64(v[k]) for k in sorted(v)))
FIELDS = {
    "Header": [("profile", text), ("library", text)],
    "Footer": [("summary_start", u64), ("summary_offset_start", u64), ("summary_crc", u32)],
    "Schema": [("id", u16), ("name", text), ("encoding", text), ("data", blob)],
    "Channel": [("id", u16), ("schema_id", u16), ("topic", text), ("message_encoding", text), ("metadata", table)],
    "Message": [("channel_id", u16), ("sequence", u32), ("log_time", u64), ("publish_time", u64), ("data", bytes)],
    "ChunkIndex": [("message_start_time", u64), ("message_end_time", u64), ("chunk_start_offset", u64),
        ("chunk_length", u64), ("message_index_offsets", counts), ("message_index_length", u64), ("compression", text),
        ("compressed_size", u64), ("uncompressed_size", u64)],
    "AttachmentIndex": [("offset", u64), ("length", u64), ("log_time", u64), ("create_time", u64), ("data_size", u64),
        ("name", text), ("media_type", text)],
    "Statistics": [("message_count", u64), ("schema_count", u16), ("channel_count", u32), ("attachment_count", u32),
        ("metadata_count", u32), ("chunk_count", u32), ("message_start_time", u64), ("message_end_time", u64),
        ("channel_message_counts", counts)],
    "Metadata": [("name", text), ("metadata", table)],
    "MetadataIndex": [("offset", u64), ("length", u64), ("name", text)],
    "SummaryOffset": [("group_opcode", u8), ("group_start", u64), ("group_length", u64)],
    "DataEnd": [("data_section_crc", u32)],
}


def shown(value):
    if isinstance(value, bytes):
        return [str(byte) for byte in value]
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else str(value)


class Case:
    def __init__(self, name, features):
        self.name, self.features, self.records, self.out = name, features, [], MAGIC
        self.pad = b"\x01\xff\xff" if "pad" in features else b""

    def framed(self, kind, content, padded=True):
        content += self.pad if padded and kind in PADDED else b""
        return u8(FIRST_FIELD[kind]) + u64(len(content)) + content

    def tell(self, kind, **values):
        self.records.append({"type": kind, "fields": [[k, shown(values[k])] for k in sorted(values)]})

    def encoded(self, kind, padded=True, **values):
        self.tell(kind, **values)
        return self.framed(kind, b"".join(put(values[key]) for key, put in FIELDS[kind]), padded)

    def write(self, definitions, messages, attachments=(), metadata=()):
        has = lambda feature: feature in self.features
        self.out += self.encoded("Header", profile="", library="")
        indexes = {"MetadataIndex": [], "AttachmentIndex": [], "ChunkIndex": []}
        for log, create, name, media, data in attachments:
            start = len(self.out)
            content = u64(log) + u64(create) + text(name) + text(media) + u64(len(data)) + data
            self.tell("Attachment", log_time=log, create_time=create, name=name, media_type=media, data=data)
            self.out += self.framed("Attachment", content + u32(zlib.crc32(content)))
            indexes["AttachmentIndex"].append(dict(offset=start, length=len(self.out) - start, log_time=log,
                create_time=create, data_size=len(data), name=name, media_type=media))
        for name, values in metadata:
            start = len(self.out)
            self.out += self.encoded("Metadata", name=name, metadata=values)
            indexes["MetadataIndex"].append(dict(offset=start, length=len(self.out) - start, name=name))
        body, places, tally = b"", {}, {}
        for kind, values in definitions:
            body += self.encoded(kind, padded=not has("ch"), **values)
        for message in messages:
            places.setdefault(message["channel_id"], []).append((message["log_time"], len(body)))
            body += self.encoded("Message", **message)
        times = [message["log_time"] for message in messages] or [0]
        chunks = 0
        if not has("ch"):
            self.out += body
        elif body:
            chunks, start = 1, len(self.out)
            self.out += self.framed("Chunk", u64(min(times)) + u64(max(times)) + u64(len(body)) + u32(zlib.crc32(body))
                + text("") + u64(len(body)) + body)
            length, tops = len(self.out) - start, {}
            if has("mx"):
                for channel in sorted(places):
                    tops[channel] = len(self.out)
                    self.out += self.framed("MessageIndex",
                        u16(channel) + blob(b"".join(u64(time) + u64(place) for time, place in places[channel])))
            indexes["ChunkIndex"].append(dict(message_start_time=min(times), message_end_time=max(times),
                chunk_start_offset=start, chunk_length=length, message_index_offsets=tops,
                message_index_length=len(self.out) - start - length, compression="", compressed_size=len(body),
                uncompressed_size=len(body)))
        self.out += self.encoded("DataEnd", data_section_crc=zlib.crc32(self.out))
        summary = len(self.out)
        kinds = [kind for kind, _ in definitions]
        groups = [("rsh", "Schema", [v for k, v in definitions if k == "Schema"]),
            ("rch", "Channel", [v for k, v in definitions if k == "Channel"]),
            ("st", "Statistics", [dict(message_count=len(messages), schema_count=kinds.count("Schema"),
                channel_count=kinds.count("Channel"), attachment_count=len(attachments), metadata_count=len(metadata),
                chunk_count=chunks, message_start_time=min(times), message_end_time=max(times),
                channel_message_counts={channel: len(found) for channel, found in places.items()})]),
            ("mdx", "MetadataIndex", indexes["MetadataIndex"]), ("ax", "AttachmentIndex", indexes["AttachmentIndex"]),
            ("chx", "ChunkIndex", indexes["ChunkIndex"])]
        offsets = []
        for feature, kind, group in groups:
            start = len(self.out)
            if has(feature):
                for values in group:
                    self.out += self.encoded(kind, **values)
                if group:
                    offsets.append((FIRST_FIELD[kind], start, len(self.out) - start))
        ends = len(self.out) if has("sum") and offsets else 0
        for opcode, start, length in offsets if ends else []:
            self.out += self.encoded("SummaryOffset", group_opcode=opcode, group_start=start, group_length=length)
        begins = summary if len(self.out) > summary else 0
        fixed = u8(2) + u64(20) + u64(begins) + u64(ends)
        crc = zlib.crc32(self.out[summary:] + fixed)
        self.tell("Footer", summary_start=begins, summary_offset_start=ends, summary_crc=crc)
        self.out += fixed + u32(crc) + MAGIC
        with open(f"{FOLDER}/{self.name}.mcap", "wb") as file:
            file.write(self.out)
        with open(f"{FOLDER}/{self.name}.json", "w") as file:
            json.dump({"records": self.records, "meta": {"variant": {"features": self.features}}}, file, indent=1)
            file.write("\n")


DEFINITIONS = [
    ("Schema", dict(id=7, name="octo.ArmState", encoding="protobuf", data=bytes(range(16)))),
    ("Schema", dict(id=65535, name="Größe", encoding="jsonschema", data=b"{}")),
    ("Channel", dict(id=3, schema_id=7, topic="arm/state", message_encoding="protobuf", metadata={"b": "2", "a": ""})),
    ("Channel", dict(id=1, schema_id=65535, topic="küche/größe", message_encoding="json", metadata={})),
    ("Channel", dict(id=0, schema_id=0, topic="plain", message_encoding="", metadata={"ü": "€"})),
]
MESSAGES = [dict(channel_id=[3, 1, 0][i % 3], sequence=i, log_time=[10, 5, 2**63, 7, 0, 7][i % 6], publish_time=i,
    data=bytes([i]) * i) for i in range(12)]
FILES = [(2**64 - 1, 0, "calibration.json", "application/json", b"{}"), (1, 2, "leer", "", b"")]
NOTES = [("robot", {"arm": "wx250s", "base": ""}), ("robot", {})]

if __name__ == "__main__":
    everything = ["ch", "mx", "st", "rsh", "rch", "ax", "mdx", "chx", "sum"]
    Case("Everything", everything).write(DEFINITIONS, MESSAGES, FILES, NOTES)
    Case("EverythingPadded", everything + ["pad"]).write(DEFINITIONS, MESSAGES, FILES, NOTES)
    Case("NoChunks", ["st", "rsh", "rch", "ax", "mdx", "sum"]).write(DEFINITIONS, MESSAGES, FILES, NOTES)
    Case("NoSummary", ["ch"]).write(DEFINITIONS, MESSAGES, FILES, NOTES)
    Case("NoMessages", everything).write(DEFINITIONS, [])
    Case("Nothing", everything).write([], [])
