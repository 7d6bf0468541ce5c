#include "server/replica/audit_chain.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/storage/key_encoding.h"

namespace baton::server {
namespace {

const char* WordOf(const consensus::Reign& reign) {
  if (ByElection(reign)) return "ELECTED";
  return reign.cause == consensus::Cause::kHandover ? "HANDED_OVER" : "CAME_BACK";
}

AuditRow RowOf(const ReignRow& reign) {
  AuditRow row;
  row.kind = AuditKind::kReign;
  row.what = WordOf(reign.reign);
  row.object = ToString(reign.reign.ballot);
  row.node = reign.reign.ballot.node;
  row.from = reign.reign.predecessor;
  row.from_slot = reign.reign.predecessor_durable;
  row.slot = reign.slot;
  row.log_time_us = reign.log_time_us;
  row.wall_time_us = reign.wall_time_us;
  if (reign.reign.cause != consensus::Cause::kElection) {
    row.reason = absl::StrCat("the handover that was asked for at slot ", reign.reign.handover);
  }
  return row;
}

}  // namespace

void AuditChain::Append(AuditRow row, engine::EffectsWriter* writer) {
  BATON_CHECK(!reigns_.empty()) << "nobody leads";
  AppendReigns(writer);
  Write(std::move(row), end_.reign, writer);
}

void AuditChain::AppendReigns(engine::EffectsWriter* writer) {
  for (const ReignRow& reign : reigns_) {
    if (end_.reign < reign.reign.ballot) Write(RowOf(reign), reign.reign.ballot, writer);
  }
}

void AuditChain::Write(AuditRow row, const Ballot& reign, engine::EffectsWriter* writer) {
  row.number = end_.number + 1;
  row.previous = end_.hash;
  row.reign = reign;
  const std::string bytes = EncodeAuditRow(row);
  writer->PutSystem(engine::SystemKey(engine::SystemTable::kAudit, AuditRowSuffix(row.number)),
                    bytes);
  end_ = AuditEnd{row.number, AuditHash(bytes), reign};
}

}  // namespace baton::server
