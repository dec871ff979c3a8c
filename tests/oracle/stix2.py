"""Plain values of STIX 2 documents, read with json: one JSON object a file.

    python3 stix2.py FILE...

A second reading, short and slow, to hold the program's against. Patterns are taken apart by regular expressions: those
of nothing but equality, IN and OR give their values, files joined by AND their digests, all others nothing.
"""
import json
import re
import sys

STRING = r"'(?:[^'\\]|\\.)*'"
REFERENCES = [("network-traffic", "src_ref.value"), ("network-traffic", "dst_ref.value"), ("domain-name", "resolves_to_refs[*].value")]
TEST = re.compile(rf"^\s*([a-z0-9-]+:(?:[^\s=']|'[^']*')+?)\s*(=|IN|ISSUBSET)\s*(.*?)\s*$", re.S)


def objects(document):
    """All objects of bundles, envelopes and arrays."""
    if isinstance(document, list):
        for inner in document:
            yield from objects(inner)
    elif isinstance(document, dict):
        if isinstance(document.get("objects"), list):
            yield from objects(document["objects"])
        elif "type" in document:
            yield document


def documents(text):
    """One document, or one a line."""
    try:
        yield json.loads(text)
    except ValueError:
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                pass


def instant(text):
    """Something that sorts: seconds and a fraction of any length."""
    whole, _, fraction = str(text or "").rstrip("Z").partition(".")
    return whole, fraction.ljust(9, "0")


def split(text, word):
    """Parts between a word that stands outside of strings, brackets and parentheses."""
    parts, depth, last = [], 0, 0
    for token in re.finditer(rf"{STRING}|[\[\]()]|\b{word}\b", text, re.S):
        if token.group() in ("[", "("):
            depth += 1
        elif token.group() in ("]", ")"):
            depth -= 1
        elif token.group() == word and depth == 0:
            parts.append(text[last:token.start()])
            last = token.end()
    return parts + [text[last:]]


def bare(text):
    """Without parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and len(split(text + " OR x", "OR")) == 2 and closes(text):
        text = text[1:-1].strip()
    return text


def closes(text):
    depth = 0
    for token in re.finditer(rf"{STRING}|[()]", text, re.S):
        depth += {"(": 1, ")": -1}.get(token.group(), 0)
        if depth == 0:
            return token.end() == len(text)
    return False


def observations(text):
    text = bare(text)
    parts = split(text, "OR")
    if len(parts) > 1:
        return set().union(*map(observations, parts))
    outside = re.sub(rf"{STRING}|\[\*\]|\[\d+\]", "", text, flags=re.S)
    if text.startswith("[") and text.endswith("]") and outside.count("[") == 1:
        return comparisons(text[1:-1])
    return set()


def comparisons(text):
    text = bare(text)
    parts = split(text, "OR")
    if len(parts) > 1:
        return set().union(*map(comparisons, parts))
    parts = split(text, "AND")
    if len(parts) > 1:
        paths = [path for part in parts for path in re.findall(r"[a-z0-9-]+:", re.sub(STRING, "", part))]
        if all(path == "file:" for path in paths) and " NOT " not in text:
            equal = [part for part in parts if TEST.match(part) and re.search(r"hashes\.", part)]
            return set().union(*map(comparisons, equal))
        return comparisons(parts[0]) if len({part.strip() for part in parts}) == 1 else set()
    test = TEST.match(text)
    if not test or re.search(r"(^|[^:])\bNOT\s*$", test.group(1)):
        return set()
    path, operator, operand = test.groups()
    if operator == "IN" and not operand.startswith("(") or operator == "ISSUBSET" and not path.startswith("ip"):
        return set()
    kind = meaning(path)
    texts = [re.sub(r"\\(.)", r"\1", one[1:-1], flags=re.S) for one in re.findall(STRING, operand, re.S)]
    return {(kind, one) for one in texts} if kind else set()


def meaning(path):
    """How the value of a property is to be read."""
    kind, _, steps = path.partition(":")
    steps = steps.replace("'", "").replace('"', "")
    algorithm = re.sub("[^a-z0-9]", "", steps.rsplit("hashes.", 1)[-1].lower())
    algorithm = algorithm[4:] if kind == "app" and algorithm.startswith("cert") else algorithm
    if algorithm in ("md5", "sha1", "sha256", "sha512") and kind in ("file", "artifact", "x509-certificate", "app"):
        return algorithm
    if (kind, steps) in REFERENCES:
        return "any"
    if steps != "value":
        return {"from_ref.value": "email", "sender_ref.value": "email"}.get(steps) if kind == "email-message" else None
    return {"ipv4-addr": "ip", "ipv6-addr": "ip", "domain-name": "domain", "url": "url", "email-addr": "email"}.get(kind)


def values(text):
    newest = {}
    for document in documents(text):
        for found in objects(document):
            if found["type"] == "indicator" and isinstance(found.get("id"), str):
                version = instant(found.get("modified") or found.get("created"))
                held = newest.get(found["id"])
                if held is None or version > held[0]:
                    newest[found["id"]] = version, found
    used = set()
    for _, found in newest.values():
        if found.get("revoked") is not True and found.get("pattern_type", "stix").lower() == "stix":
            used |= observations(str(found.get("pattern", "")))
    return sorted(used)


for path in sys.argv[1:]:
    with open(path, encoding="utf-8-sig") as file:
        print(json.dumps({"file": path, "values": values(file.read())}))
