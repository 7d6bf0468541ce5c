#include "server/replica/order_book.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/state/row.h"
#include "engine/storage/key_encoding.h"
#include "server/codec/audit_row.h"

namespace baton::server {
namespace {

using engine::SystemTable;

// The rows of a table, from its end, until take(row, bytes) is false: it has enough.
template <class Row, class Take>
absl::Status ReadBackwards(const engine::Snapshot& snapshot, SystemTable table,
                           absl::StatusOr<Row> (*decode)(std::string_view), const Take& take) {
  const std::string begin = engine::SystemKey(table, {});
  const auto next = static_cast<SystemTable>(static_cast<uint8_t>(table) + 1);
  const auto it = snapshot.NewIterator(begin, engine::SystemKey(next, {}), engine::ReadTier::kAny);
  for (it->SeekToLast(); it->Valid(); it->Prev()) {
    const absl::StatusOr<engine::Row> stored = engine::DecodeRow(it->value());
    if (!stored.ok()) return stored.status();
    absl::StatusOr<Row> row = decode(stored->value);
    if (!row.ok()) return row.status();
    if (!take(*std::move(row), stored->value)) break;
  }
  return it->status();
}

absl::Status ReadPage(const engine::Snapshot& snapshot, OrderBook::Page* page) {
  absl::Status status = ReadBackwards(snapshot, SystemTable::kOrders, &DecodeOrderRow,
                                      [page](OrderRow row, std::string_view) {
                                        page->orders.Put(std::move(row));
                                        return true;
                                      });
  if (!status.ok()) return status;
  status = ReadBackwards(snapshot, SystemTable::kPolicies, &DecodePolicyRow,
                         [page](PolicyRow row, std::string_view) {
                           page->policies.Put(std::move(row));
                           return true;
                         });
  if (!status.ok()) return status;
  status = ReadBackwards(snapshot, SystemTable::kAudit, &DecodeAuditRow,
                         [page](const AuditRow& row, std::string_view bytes) {
                           page->audit = AuditEnd{row.number, AuditHash(bytes), row.reign};
                           return false;
                         });
  if (!status.ok()) return status;
  status = ReadBackwards(snapshot, SystemTable::kMemberships, &DecodeMembersRow,
                         [page](const MembersRow& row, std::string_view) {
                           page->epoch = row.membership.epoch;
                           return false;
                         });
  if (!status.ok()) return status;
  status = ReadBackwards(snapshot, SystemTable::kReigns, &DecodeReignRow,
                         [page](ReignRow row, std::string_view) {
                           const bool lacking = page->audit.reign < row.reign.ballot;
                           const bool kept = page->reigns.size() < OrderBook::kReignsKept;
                           if (lacking || kept) page->reigns.push_back(std::move(row));
                           return lacking || kept;
                         });
  std::reverse(page->reigns.begin(), page->reigns.end());
  return status;
}

}  // namespace

absl::Status OrderBook::Load(const engine::Engine& engine) {
  Page page;
  if (absl::Status s = ReadPage(*engine.NewSnapshot(), &page); !s.ok()) return s;
  auto read = std::make_shared<const Page>(std::move(page));
  MutexLock lock(&mutex_);
  page_ = std::move(read);
  return absl::OkStatus();
}

}  // namespace baton::server
