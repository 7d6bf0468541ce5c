// What this build is, for handshakes, banners and bug reports. Functions, any thread.
#pragma once

#include <string>

#include "baton/v1/cluster.pb.h"

namespace baton::server {

v1::VersionInfo BuildVersion();
std::string VersionLine();  // "batond 0.1.0 (commit ..., gcc ..., RocksDB ..., gRPC ...)"

}  // namespace baton::server
