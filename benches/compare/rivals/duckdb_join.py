"""duckdb_join.py EVENTS LIST: the rows with a hit to standard output, by DuckDB in process on one thread."""

import sys

import duckdb

FIELDS = ["id.orig_h", "id.resp_h", "query", "server_name", "host", "referrer", "md5", "sha1", "sha256", "src_ip"]


def main() -> None:
    events, values = sys.argv[1:3]
    db = duckdb.connect()
    db.execute("SET threads = 1")
    db.execute(
        f"CREATE TABLE listed AS SELECT value FROM read_csv('{values}', header = false, delim = '\x01', quote = '', "
        "columns = {'value': 'VARCHAR'})"
    )
    columns = ", ".join(f"'{field}': 'VARCHAR'" for field in FIELDS)
    fields = ", ".join(f'"{field}"' for field in FIELDS)
    db.execute(
        f"""
        COPY (
            SELECT seen.* FROM (
                SELECT *, unnest([{fields}]) AS one
                FROM read_json('{events}', format = 'newline_delimited', columns = {{{columns}}})
            ) AS seen JOIN listed ON seen.one = listed.value
        ) TO '/dev/stdout' (FORMAT json)
        """
    )


main()
