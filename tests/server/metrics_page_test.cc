// The metrics page as a strict parser reads it.
#include "server/metrics_page.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <sstream>
#include <string>

namespace baton::server {
namespace {

KeyspaceStatus StatusOf(const std::string& name, bool async) {
  auto info = std::make_shared<engine::KeyspaceInfo>();
  info->name = name;
  KeyspaceStatus status;
  status.info = std::move(info);
  if (async) status.unreplicated = UnreplicatedStats{.ops = 3};
  return status;
}

// The exposition format has one group of lines for each name.
TEST(MetricsPage, TellsEachNameOnceWhateverTheKeyspaces) {
  const v1::VersionInfo version;
  const RpcMetrics rpc;
  const PeerPortMetrics peer_port;
  const Metrics replica;
  MetricsSources sources{.version = &version, .rpc = &rpc, .peer_port = &peer_port};
  sources.replica = &replica;
  sources.keyspaces = {StatusOf("default", false), StatusOf("fast", true), StatusOf("other", false),
                       StatusOf("third", true)};
  const std::string page = MetricsPage(sources);
  std::set<std::string> types;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# TYPE ", 0) != 0) continue;
    EXPECT_TRUE(types.insert(line).second) << line << " twice";
  }
  EXPECT_GT(types.size(), 50u);
  EXPECT_NE(page.find("baton_keyspace_unreplicated_ops{keyspace=\"third\"} 3"), std::string::npos);
  EXPECT_NE(page.find("baton_keyspace_size_bytes{keyspace=\"other\"}"), std::string::npos);
}

}  // namespace
}  // namespace baton::server
