"""Reads Parquet files with Apache Arrow and prints as JSON what they hold, byte strings in hexadecimal.

    parquet_check.py FILE...
"""

import json
import sys

import pyarrow.parquet as parquet


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


files = []
for path in sys.argv[1:]:
    file = parquet.ParquetFile(path)
    metadata = file.metadata.metadata or {}
    files.append({
        "rows": file.metadata.num_rows,
        "groups": file.metadata.num_row_groups,
        "types": {field.name: str(field.type) for field in file.schema_arrow},
        "columns": {name: plain(column) for name, column in file.read().to_pydict().items()},
        "metadata": {key.decode(): value.decode() for key, value in metadata.items()},
    })
json.dump(files, sys.stdout)
