// NodeHandle: where the services find the node, once there is one. Before formation, and while the
// log is being recovered, there is none.
//
// Set once, by the composition root; the node outlives every server that was given the handle.
// Any thread.
#pragma once

#include <atomic>

#include "server/replica/node.h"
#include "server/rpc/failure.h"

namespace baton::server {

class NodeHandle {
 public:
  Node* get() const { return node_.load(std::memory_order_acquire); }
  void Set(Node* node) { node_.store(node, std::memory_order_release); }

  void SetFormed() { formed_.store(true, std::memory_order_release); }
  // Why get() is null, for a caller.
  Failure Absent() const {
    return formed_.load(std::memory_order_acquire) ? StartingFailure() : UnformedFailure();
  }

 private:
  std::atomic<bool> formed_{false};
  std::atomic<Node*> node_{nullptr};
};

}  // namespace baton::server
