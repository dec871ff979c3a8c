"""polars_tag.py EVENTS LIST: every line to standard output, hits tagged, by Polars' streaming engine on one thread."""

import os
import sys

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl  # noqa: E402 (the number of threads is read at import)

FIELDS = ["id.orig_h", "id.resp_h", "query", "server_name", "host", "referrer", "md5", "sha1", "sha256", "src_ip"]


def main() -> None:
    events, values = sys.argv[1:3]
    whole_lines = {"has_header": False, "separator": "\x01", "quote_char": None, "infer_schema": False}
    listed = pl.read_csv(values, new_columns=["value"], **whole_lines)["value"].implode()
    fields = pl.Struct({field: pl.String for field in FIELDS})
    read = pl.col("line").str.json_decode(fields).struct
    hit = pl.coalesce(
        pl.when(read.field(field).is_in(listed)).then(read.field(field)) for field in FIELDS
    )
    tagged = pl.concat_str(pl.col("line").str.head(-1), pl.lit(',"ti":"'), pl.col("hit"), pl.lit('"}'))
    (
        pl.scan_csv(events, new_columns=["line"], **whole_lines)
        .with_columns(hit=hit)
        .select(pl.when(pl.col("hit").is_null()).then(pl.col("line")).otherwise(tagged))
        .sink_csv("/dev/stdout", include_header=False, quote_style="never", separator="\x01")
    )


main()
