"""chdb_tag.py EVENTS LIST: every line to standard output, hits tagged, by ClickHouse in process on one thread."""

import sys

from chdb import session

FIELDS = ["id.orig_h", "id.resp_h", "query", "server_name", "host", "referrer", "md5", "sha1", "sha256", "src_ip"]


def main() -> None:
    events, values = sys.argv[1:3]
    db = session.Session()
    db.query("SET max_threads = 1")
    db.query("CREATE DATABASE bench")
    db.query("CREATE TABLE bench.listed (value String) ENGINE = Set")
    db.query(f"INSERT INTO bench.listed SELECT line FROM file('{values}', 'LineAsString', 'line String')")
    extracted = ", ".join(f"JSONExtractString(line, '{field}') AS f{i}" for i, field in enumerate(FIELDS))
    chosen = ", ".join(f"f{i} IN bench.listed, f{i}" for i in range(len(FIELDS)))
    tagged = "concat(substring(line, 1, length(line) - 1), ',\"ti\":\"', hit, '\"}')"
    db.query(
        f"""
        INSERT INTO FUNCTION file('/dev/stdout', 'LineAsString', 'out String')
        SELECT if(hit = '', line, {tagged}) FROM (
            SELECT line, {extracted}, multiIf({chosen}, '') AS hit
            FROM file('{events}', 'LineAsString', 'line String')
        )
        SETTINGS max_threads = 1, max_insert_threads = 1, engine_file_truncate_on_insert = 0
        """
    )


main()
