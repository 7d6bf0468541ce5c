// OrderBook: what every node keeps in memory of the orders, the policy and the end of the audit, as
// applied here: health goes by the orders, leadership is moved by the policy, and a reign continues
// the audit.
//
// Any thread reads; Load is the applier's, or comes before the threads start.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "engine/storage/engine.h"
#include "engine/storage/key_encoding.h"
#include "server/codec/order_row.h"
#include "server/codec/policy_row.h"
#include "server/codec/stored_rows.h"
#include "server/replica/audit_chain.h"

namespace baton::server {

class OrderBook {
 public:
  // As many as a policy may count moves, and the two between which the first of them was.
  static constexpr size_t kReignsKept = kMovesPerHourMax + 2;
  // The tables of the system keyspace that a page is made of.
  static constexpr engine::SystemTable kTables[] = {
      engine::SystemTable::kOrders, engine::SystemTable::kPolicies, engine::SystemTable::kAudit,
      engine::SystemTable::kReigns, engine::SystemTable::kMemberships};

  // All at one applied slot.
  struct Page {
    Orders orders;
    Policies policies;
    AuditEnd audit;
    Epoch epoch;  // the newest that is recorded; 0: none is
    // By ballot: the newest kReignsKept, and all that the audit lacks.
    std::vector<ReignRow> reigns;
  };

  OrderBook() : page_(std::make_shared<const Page>()) {}

  // Errors: DATA_LOSS, FAILED_PRECONDITION; what was there stays.
  absl::Status Load(const engine::Engine& engine);

  std::shared_ptr<const Page> Read() const {
    MutexLock lock(&mutex_);
    return page_;
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Page> page_ BATON_GUARDED_BY(mutex_);  // never null
};

}  // namespace baton::server
