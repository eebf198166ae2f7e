"""Writes the rows of a Parquet file as JSON. Argument: the file."""

import json
import sys

import pyarrow.parquet

table = pyarrow.parquet.read_table(sys.argv[1])
json.dump(table.to_pylist(), sys.stdout, default=lambda value: f"{value:f}")
