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

// The rows of a table, from its end, until `take` says that it has enough. `take` gets the decoded
// value and gives a StatusOr<bool>: whether it wants more.
template <class Take>
absl::Status ReadBackwards(const engine::Snapshot& snapshot, SystemTable table, const Take& take) {
  const std::string begin = engine::SystemKey(table, {});
  const auto next = static_cast<SystemTable>(static_cast<uint8_t>(table) + 1);
  const auto it = snapshot.NewIterator(begin, engine::SystemKey(next, {}), engine::ReadTier::kAny);
  for (it->SeekToLast(); it->Valid(); it->Prev()) {
    const absl::StatusOr<engine::Row> row = engine::DecodeRow(it->value());
    if (!row.ok()) return row.status();
    const absl::StatusOr<bool> more = take(row->value);
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  return it->status();
}

}  // namespace

absl::Status OrderBook::Load(const engine::Engine& engine) {
  Page page;
  const std::unique_ptr<engine::Snapshot> snapshot = engine.NewSnapshot();
  absl::Status status = ReadBackwards(*snapshot, SystemTable::kOrders,
                                      [&](std::string_view value) -> absl::StatusOr<bool> {
                                        absl::StatusOr<OrderRow> row = DecodeOrderRow(value);
                                        if (!row.ok()) return row.status();
                                        page.orders.Put(*std::move(row));
                                        return true;
                                      });
  if (!status.ok()) return status;
  status = ReadBackwards(*snapshot, SystemTable::kPolicies,
                         [&](std::string_view value) -> absl::StatusOr<bool> {
                           absl::StatusOr<PolicyRow> row = DecodePolicyRow(value);
                           if (!row.ok()) return row.status();
                           page.policies.Put(*std::move(row));
                           return true;
                         });
  if (!status.ok()) return status;
  status = ReadBackwards(*snapshot, SystemTable::kAudit,
                         [&](std::string_view value) -> absl::StatusOr<bool> {
                           const absl::StatusOr<AuditRow> row = DecodeAuditRow(value);
                           if (!row.ok()) return row.status();
                           page.audit = AuditEnd{row->number, AuditHash(value), row->reign};
                           return false;
                         });
  if (!status.ok()) return status;
  status = ReadBackwards(*snapshot, SystemTable::kReigns,
                         [&](std::string_view value) -> absl::StatusOr<bool> {
                           absl::StatusOr<ReignRow> row = DecodeReignRow(value);
                           if (!row.ok()) return row.status();
                           const bool lacking = page.audit.reign < row->reign.ballot;
                           if (!lacking && page.reigns.size() >= kReignsKept) return false;
                           page.reigns.push_back(*std::move(row));
                           return true;
                         });
  if (!status.ok()) return status;
  status = ReadBackwards(*snapshot, SystemTable::kMemberships,
                         [&](std::string_view value) -> absl::StatusOr<bool> {
                           const absl::StatusOr<MembersRow> row = DecodeMembersRow(value);
                           if (!row.ok()) return row.status();
                           page.epoch = row->membership.epoch;
                           return false;
                         });
  if (!status.ok()) return status;
  std::reverse(page.reigns.begin(), page.reigns.end());
  auto read = std::make_shared<const Page>(std::move(page));
  MutexLock lock(&mutex_);
  page_ = std::move(read);
  return absl::OkStatus();
}

}  // namespace baton::server
