"""Inserts the rows of a file into DuckDB, durably, in transactions of a given size; tells seconds and bytes.

Usage: duckdb.py ROWS DATABASE TRANSACTION. ROWS has ten little-endian 64-bit integers a row, in the order of the columns.
"""

import os
import sys
import time

# This folder has a file of the module's own name.
sys.path.pop(0)

import duckdb
import numpy
import pyarrow

NUMBERS = ["ts", "id", "series", "input", "cached_input", "cache_write", "output", "reasoning", "cost", "rating"]


def main(rows_path, database, transaction):
    columns = numpy.fromfile(rows_path, dtype="<i8").reshape(-1, len(NUMBERS)).T
    rows = pyarrow.table({name: numpy.ascontiguousarray(column) for name, column in zip(NUMBERS, columns)})
    connection = duckdb.connect(database)
    columns = ", ".join(f"{name} BIGINT NOT NULL" for name in NUMBERS)
    connection.execute(f"CREATE TABLE event ({columns}, extra TEXT, PRIMARY KEY (ts, id))")
    since = time.monotonic()
    for start in range(0, rows.num_rows, transaction):
        batch = rows.slice(start, transaction)  # found by its name in the statement below
        connection.execute("BEGIN")
        connection.execute(f"INSERT INTO event ({', '.join(NUMBERS)}) SELECT * FROM batch")
        connection.execute("COMMIT")
    seconds = time.monotonic() - since
    assert connection.execute("SELECT count(*) FROM event").fetchone() == (rows.num_rows,)
    connection.close()
    print(seconds, os.path.getsize(database))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
