"""Reads MCAP files with the Python mcap package, checksums checked, and prints as JSON what they hold.

    mcap_check.py FILE...

For each file: its messages in log-time order by the index, and in file order by the stream reader, each as [topic,
schema, sequence, log time, publish time, data in hexadecimal]; attachments, metadata and statistics.
"""

import json
import sys

from mcap.reader import NonSeekingReader, SeekingReader
from mcap.records import Message
from mcap.stream_reader import StreamReader


def told(schema, channel, message):
    return [channel.topic, schema.name if schema else "", message.sequence, message.log_time, message.publish_time,
        message.data.hex()]


def read(path):
    with open(path, "rb") as file:
        reader = SeekingReader(file, validate_crcs=True)
        summary = reader.get_summary()
        found = {
            "messages": [told(*item) for item in reader.iter_messages(log_time_order=True)],
            "attachments": [[a.name, a.media_type, a.log_time, a.create_time, a.data.hex()] for a in reader.iter_attachments()],
            "metadata": [[m.name, m.metadata] for m in reader.iter_metadata()],
            "counts": [summary.statistics.message_count, summary.statistics.chunk_count, len(summary.chunk_indexes)],
            "compressions": sorted({index.compression for index in summary.chunk_indexes}),
        }
    with open(path, "rb") as file:
        found["in_file_order"] = [told(*item) for item in NonSeekingReader(file).iter_messages(log_time_order=False)]
    with open(path, "rb") as file:
        found["streamed"] = sum(isinstance(r, Message) for r in StreamReader(file, validate_crcs=True).records)
    return found


if __name__ == "__main__":
    json.dump([read(path) for path in sys.argv[1:]], sys.stdout)
