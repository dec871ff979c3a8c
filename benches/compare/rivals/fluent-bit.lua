-- The list is read once, when the filter starts: one value a line, from the file named by RIVAL_LIST.
local listed = {}
for line in io.lines(os.getenv("RIVAL_LIST")) do
    listed[line] = true
end

local fields = {
    "id.orig_h", "id.resp_h", "query", "server_name", "host", "referrer", "md5", "sha1", "sha256", "src_ip",
}

function tag(_, timestamp, record)
    for i = 1, #fields do
        local value = record[fields[i]]
        if value and listed[value] then
            record.ti = value
            return 2, timestamp, record
        end
    end
    return 0, timestamp, record
end
