#include "server/build_info.h"

#include <grpcpp/grpcpp.h>

#include "server/codec/entry_codec.h"
#include "server/codec/peer_codec.h"
#include "server/codec/stored_rows.h"
#include "server/rpc/hello.h"
#include "wal/format.h"

namespace baton::server {

v1::VersionInfo BuildVersion() {
  v1::VersionInfo info;
  info.set_version(BATON_VERSION);
  info.set_commit(BATON_COMMIT);
  info.set_build(BATON_BUILD);
  info.set_wire_version(kWireVersion);
  info.set_wal_version(wal::kFormatVersion);
  info.set_entry_version(kEntryVersion);
  info.set_row_version(kReignRowVersion);
  info.set_cluster_version(kClusterVersion);
  info.set_rocksdb(BATON_ROCKSDB_VERSION);
  info.set_grpc(grpc::Version());
  info.set_compiler(__VERSION__);
  return info;
}

std::string VersionLine() {
  const v1::VersionInfo info = BuildVersion();
  return "batond " + info.version() + " (commit " + info.commit() + ", " + info.build() +
         ", compiler " + info.compiler() + ", RocksDB " + info.rocksdb() + ", gRPC " + info.grpc() +
         ")";
}

}  // namespace baton::server
