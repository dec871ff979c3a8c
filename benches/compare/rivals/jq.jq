# jq -n -c --rawfile list LIST -f jq.jq EVENTS
($list | split("\n") | map({key: ., value: true}) | from_entries) as $listed
| inputs
| . as $event
| first(
    ( .["id.orig_h"], .["id.resp_h"], .query, .server_name, .host, .referrer, .md5, .sha1, .sha256, .src_ip )
    | select(. != null and $listed[.])
  ) // null
| . as $hit
| $event
| if $hit then . + {ti: $hit} else . end
