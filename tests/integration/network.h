// Network: network namespaces of this test's own, one a node and one for the clients, joined by a
// bridge in another, and cuts between them.
//
//   auto network = Network::Make(3);
//   if (!network.ok()) GTEST_SKIP() << network.status().message();
//   Cluster cluster((*network)->Options());
//   (*network)->Cut(0, 1);  // nothing that node 0 sends reaches node 1
//
// Nothing has a name outside: the namespaces are held by descriptors of this process and vanish,
// with all that is in them, when it ends, however it ends. A cut is a packet filter (nft) in the
// namespace of the receiver; clients are cut like nodes, as kClients.
//
// Make moves the whole process into the clients' namespace, for good: call it once, from the main
// thread, before there is any other (sockets of an earlier client would stay outside). One thread.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/integration/cluster.h"

namespace baton::testing {

class Network {
 public:
  static constexpr int kNodesMax = 9;
  static constexpr int kClients = -1;

  // FAILED_PRECONDITION: namespaces are not allowed here; says what failed.
  static absl::StatusOr<std::unique_ptr<Network>> Make(int nodes);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  int size() const { return nodes_; }
  // Of a cluster whose nodes live here.
  ClusterOptions Options() const;

  // What goes from one place to another is lost from now on: every packet.
  void Cut(int from, int to);
  // Only packets that carry something: TCP's bare acknowledgements pass, so that the other
  // direction of a connection goes on. This is how one can send but not hear.
  void CutData(int from, int to);
  // Every packet, both ways: between the two; between the node and all other nodes.
  void CutBoth(int a, int b);
  void Isolate(int node);
  void Heal();  // all of it

 private:
  explicit Network(int nodes) : nodes_(nodes) {}
  absl::Status Build();
  absl::Status Run(int namespace_fd, const std::vector<std::string>& argv,
                   const std::string& input) const;
  int Place(int node) const { return node == kClients ? nodes_ : node; }
  std::string Address(int place) const;
  void Filter(int place) const;  // puts the cuts towards it in force

  const int nodes_;
  int bridge_ = -1;                          // descriptors of namespaces
  std::vector<int> places_;                  // the nodes', then the clients'
  std::set<std::pair<int, int>> cuts_;       // places from, to
  std::set<std::pair<int, int>> data_cuts_;  // the same
};

}  // namespace baton::testing
