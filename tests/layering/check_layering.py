#!/usr/bin/env python3
"""Reads every #include of the tree and reports those that the house does not allow.

    check_layering.py [ROOT]       one line a violation; exit 1 if there is any
    check_layering.py --self-test  plants each kind of violation and expects it to be found

The rules are the picture in docs/architecture.md. A new folder with sources needs a row in ROOMS.
Needs nothing but python3 and its own library.
"""

import pathlib
import re
import sys
import tempfile

# Room -> rooms whose headers it may name. Every room may name itself and base.
# "proto" is the generated messages, "services" the generated gRPC stubs, "sdk" client/include.
ROOMS = {
    "base": [],
    "proto": [],
    "consensus": [],
    "wal": [],
    "engine/storage": [],
    "engine/state": ["engine/storage"],
    "server/codec": ["consensus", "engine/state", "proto"],
    "server/replica": ["consensus", "wal", "engine/storage", "engine/state", "server/codec"],
    # Decorators over two seams: what the seams themselves speak of.
    "server/faults": ["server/replica", "consensus", "wal"],
    # consensus and engine/state: the types that server/replica's own headers speak of.
    "server/rpc": ["server/replica", "server/codec", "consensus", "engine/state", "proto",
                   "services"],
    # The composition root builds everything.
    "server": ["server/rpc", "server/faults", "server/replica", "server/codec", "consensus", "wal",
               "engine/storage", "engine/state", "proto", "services"],
    "sdk": [],
    "client": ["sdk", "proto", "services"],
    "tools/baton": ["sdk"],
    "tools/inspect": ["wal", "engine/storage", "engine/state", "server/codec", "consensus"],
    "bench/load": ["sdk"],
    "bench/micro": ["*"],
    "tests": ["*"],
}

BASE_HEADERS = {"types.h", "coding.h", "checksum.h", "mutex.h", "check.h"}

# No room for what has no better name.
FORBIDDEN_FOLDERS = {"common", "util", "utils", "misc", "helpers"}

# Room -> (what may not be included there, as a pattern over the included path; why).
GRPC = r"(grpc|grpcpp|grpc\+\+)(/|\.h$)|.*\.grpc\.pb\.h$"
FORBIDDEN_INCLUDES = {
    "consensus": (
        r"(thread|mutex|shared_mutex|condition_variable|atomic|future|stop_token|semaphore|latch"
        r"|barrier|chrono|ctime|time\.h|sys/.*|unistd\.h|pthread\.h|random|fstream|iostream"
        r"|filesystem|cstdio|stdio\.h|unordered_map|unordered_set|google/.*|spdlog/.*|rocksdb/.*"
        r"|base/mutex\.h)$|" + GRPC,
        "the core has no threads, clocks, random devices, files, logs, wire or unordered containers"),
    "server/replica": (GRPC, "the simulator links this room: no gRPC"),
    "server/codec": (GRPC, "the simulator links this room: no gRPC"),
    "server/faults": (GRPC, "only server/rpc and the client speak gRPC"),
    "engine/storage": (GRPC, "only server/rpc and the client speak gRPC"),
    "engine/state": (GRPC + r"|rocksdb/.*", "the state sees the engine's interface alone"),
    "wal": (GRPC + r"|rocksdb/.*|google/.*", "the log knows nothing of what it stores"),
    "base": (GRPC + r"|rocksdb/.*|google/.*|spdlog/.*|absl/.*", "base is a closed leaf"),
    "sdk": (GRPC + r"|google/.*|absl/strings/.*", "public headers show no wire types"),
    "tools/baton": (GRPC + r"|google/.*|rocksdb/.*", "the command line speaks through the client"),
    "bench/load": (GRPC + r"|google/.*|rocksdb/.*", "the load speaks through the client"),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
SOURCES = {".h", ".cc", ".cpp", ".hpp", ".inc"}
OUTSIDE = {"build", ".git", ".cache"}


def room_of_file(path):
    """The room that the file at `path` (relative to the root) belongs to, or None."""
    parts = path.parts
    if parts[:2] == ("client", "include"):
        return "sdk"
    for depth in (2, 1):
        if len(parts) > depth and "/".join(parts[:depth]) in ROOMS:
            return "/".join(parts[:depth])
    return None


def room_of_include(included, root):
    """The room an include names; None if it is not ours."""
    if included.startswith(("baton/v1/", "baton/peer/v1/")):
        return "services" if "_service." in included or ".grpc.pb.h" in included else "proto"
    if included.startswith(("baton/", "client/include/baton/")):
        return "sdk"
    if (root / included).is_file():
        return room_of_file(pathlib.PurePath(included))
    return None


def violations_of_file(path, root):
    room = room_of_file(path)
    if room is None:
        yield f"{path}: this folder has no row in ROOMS of tests/layering/check_layering.py"
        return
    allowed = ROOMS[room]
    pattern, why = FORBIDDEN_INCLUDES.get(room, (None, None))
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, included = match.groups()
        where = f"{path}:{number}: {included}"
        if pattern and re.match(pattern, included):
            yield f"{where}: not in {room}: {why}"
        target = room_of_include(included, root)
        if target is None:
            if quote == '"' and (".." in included or "/" not in included):
                yield f"{where}: name a header by its path from the top of the tree"
            continue
        if target not in (room, "base") and target not in allowed and "*" not in allowed:
            yield f"{where}: {room} may not include {target}"
        if target == "base" and room == "sdk":
            yield f"{where}: the public headers stand alone: an installed SDK has no base/"


def violations_of_tree(root):
    """All violations, in the order of the files' names."""
    found = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if relative.parts[0] in OUTSIDE:
            continue
        if path.is_dir():
            if relative.name in FORBIDDEN_FOLDERS:
                found.append(f"{relative}: no folder of this name; say what it is for")
            continue
        if relative.parts[0] == "base" and path.suffix == ".h":
            if len(relative.parts) != 2 or relative.name not in BASE_HEADERS:
                found.append(f"{relative}: base is closed; another header needs an ADR")
        if path.suffix in SOURCES:
            found.extend(violations_of_file(relative, root))
    return found


# Path, line, and what the report must say of it ("" for: nothing).
PLANTED = [
    ("consensus/a.cc", '#include "base/types.h"', ""),
    ("consensus/a.cc", "#include <vector>", ""),
    ("consensus/a.cc", '#include "wal/wal.h"', "consensus may not include wal"),
    ("consensus/a.cc", '  #  include   "wal/wal.h"', "consensus may not include wal"),
    ("consensus/a.cc", "#include <wal/wal.h>", "consensus may not include wal"),
    ("consensus/a.cc", "#include <mutex>", "not in consensus"),
    ("consensus/a.cc", "#include <atomic>", "not in consensus"),
    ("consensus/a.cc", "#include <thread>", "not in consensus"),
    ("consensus/a.cc", "#include <chrono>", "not in consensus"),
    ("consensus/a.cc", "#include <random>", "not in consensus"),
    ("consensus/a.cc", "#include <fstream>", "not in consensus"),
    ("consensus/a.cc", "#include <iostream>", "not in consensus"),
    ("consensus/a.cc", "#include <unordered_map>", "not in consensus"),
    ("consensus/a.cc", "#include <unordered_set>", "not in consensus"),
    ("consensus/a.cc", "#include <grpcpp/grpcpp.h>", "not in consensus"),
    ("consensus/a.cc", "#include <google/protobuf/message.h>", "not in consensus"),
    ("consensus/a.cc", "#include <spdlog/spdlog.h>", "not in consensus"),
    ("consensus/a.cc", '#include "spdlog/spdlog.h"', "not in consensus"),
    ("consensus/a.cc", '#include "base/mutex.h"', "not in consensus"),
    ("consensus/a.cc", '#include "baton/v1/kv.pb.h"', "consensus may not include proto"),
    ("wal/a.cc", '#include "consensus/entry.h"', "wal may not include consensus"),
    ("engine/storage/a.cc", '#include "engine/state/request.h"',
     "engine/storage may not include engine/state"),
    ("engine/state/a.cc", '#include "engine/storage/engine.h"', ""),
    ("engine/state/a.cc", '#include "consensus/entry.h"', "engine/state may not include consensus"),
    ("server/codec/a.cc", '#include "baton/peer/v1/peer.pb.h"', ""),
    ("server/codec/a.cc", '#include "baton/v1/kv_service.grpc.pb.h"', "not in server/codec"),
    ("server/codec/a.cc", '#include "server/replica/node.h"',
     "server/codec may not include server/replica"),
    ("server/replica/a.cc", "#include <grpcpp/server.h>", "not in server/replica"),
    ("server/replica/a.cc", '#include "grpc/grpc.h"', "not in server/replica"),
    ("server/replica/a.cc", '#include "server/rpc/service.h"',
     "server/replica may not include server/rpc"),
    ("server/rpc/a.cc", '#include "server/replica/node.h"', ""),
    ("server/rpc/a.cc", '#include "wal/wal.h"', "server/rpc may not include wal"),
    ("server/faults/a.cc", '#include "server/replica/node.h"', ""),
    ("server/faults/a.cc", '#include "wal/wal.h"', ""),
    ("server/faults/a.cc", '#include "server/rpc/service.h"',
     "server/faults may not include server/rpc"),
    ("server/replica/a.cc", '#include "server/faults/fault.h"',
     "server/replica may not include server/faults"),
    ("server/main.cc", '#include "server/faults/fault.h"', ""),
    ("server/main.cc", '#include "wal/wal.h"', ""),
    ("client/a.cc", '#include "baton/client.h"', ""),
    ("client/a.cc", '#include "baton/v1/kv_service.grpc.pb.h"', ""),
    ("client/a.cc", '#include "server/replica/node.h"', "client may not include server/replica"),
    ("client/include/baton/client.h", '#include "baton/v1/kv.pb.h"', "sdk may not include proto"),
    ("client/include/baton/client.h", "#include <grpcpp/channel.h>", "not in sdk"),
    ("client/include/baton/client.h", '#include "base/types.h"', "stand alone"),
    ("tools/baton/a.cc", "#include <baton/client.h>", ""),
    ("tools/baton/a.cc", '#include "client/stream.h"', "tools/baton may not include client"),
    ("tools/baton/a.cc", '#include "engine/storage/engine.h"',
     "tools/baton may not include engine/storage"),
    ("tools/inspect/a.cc", '#include "wal/wal.h"', ""),
    ("bench/load/a.cc", '#include "baton/v1/kv.pb.h"', "bench/load may not include proto"),
    ("bench/micro/a.cc", '#include "wal/wal.h"', ""),
    ("tests/wal/a.cc", '#include "server/rpc/service.h"', ""),
    ("wal/a.cc", '#include "wal.h"', "path from the top of the tree"),
    ("wal/a.cc", '#include "../wal/wal.h"', "path from the top of the tree"),
    ("base/strings.h", "", "base is closed"),
    ("engine/util/a.cc", "", "no folder of this name"),
    ("server/common/a.cc", "", "no folder of this name"),
    ("gossip/a.cc", "", "no row in ROOMS"),
]

STANDING = ["base/types.h", "base/mutex.h", "wal/wal.h", "consensus/entry.h",
            "engine/storage/engine.h", "engine/state/request.h", "server/replica/node.h",
            "server/rpc/service.h", "server/faults/fault.h", "client/stream.h",
            "client/include/baton/client.h"]


def self_test():
    failures = 0
    for planted, line, expected in PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path in STANDING + [planted]:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text("")
            (root / planted).write_text("// a comment\n" + line + "\n")
            found = violations_of_tree(root)
            if expected:
                good = any(planted.split("/a.cc")[0] in v and expected in v for v in found)
            else:
                good = not found
            if not good:
                failures += 1
                print(f"planted {planted} {line!r}: expected {expected!r}, found {found}")
    print(f"{len(PLANTED)} planted, {failures} misjudged")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parents[2]).resolve()
    if not (root / "base" / "types.h").is_file():
        print(f"{root} is not the top of the tree: there is no base/types.h", file=sys.stderr)
        return 2
    found = violations_of_tree(root)
    for violation in found:
        print(violation)
    if found:
        print(f"{len(found)} forbidden by the layering; docs/architecture.md draws who may include "
              "whom", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
