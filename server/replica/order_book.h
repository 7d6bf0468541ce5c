// OrderBook: what every node keeps in memory of the orders and of the end of the audit, as applied
// here: health goes by the orders, and a reign continues the audit.
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
#include "server/codec/stored_rows.h"
#include "server/replica/audit_chain.h"

namespace baton::server {

class OrderBook {
 public:
  // The tables of the system keyspace that a page is made of.
  static constexpr engine::SystemTable kTables[] = {
      engine::SystemTable::kOrders, engine::SystemTable::kAudit, engine::SystemTable::kReigns};

  // All at one applied slot.
  struct Page {
    Orders orders;
    AuditEnd audit;
    std::vector<ReignRow> reigns;  // by ballot: the newest two, and all that the audit lacks
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
