// NodeWorker: the worker as one node uses it. What the node has posted never runs once the node is
// gone: Close awaits the task that runs and makes all later ones do nothing.
//
// Owned by the node. Any thread posts.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "server/replica/worker.h"

namespace baton::server {

class NodeWorker : public Worker {
 public:
  explicit NodeWorker(Worker* below) : below_(below) {}
  ~NodeWorker() override { Close(); }

  bool Post(std::function<void()> task) override {
    return below_->Post([gate = gate_, task = std::move(task)] {
      MutexLock lock(&gate->mutex);
      if (!gate->closed) task();
    });
  }

  void Close() {
    MutexLock lock(&gate_->mutex);
    gate_->closed = true;
  }

 private:
  struct Gate {
    Mutex mutex;  // held while a task runs
    bool closed BATON_GUARDED_BY(mutex) = false;
  };

  Worker* const below_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

}  // namespace baton::server
