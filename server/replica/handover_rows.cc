#include "server/replica/handover_rows.h"

#include "absl/status/status.h"
#include "base/coding.h"
#include "engine/state/system_rows.h"
#include "engine/storage/key_encoding.h"

namespace baton::server {
namespace {

using engine::SystemTable;

absl::StatusOr<std::optional<HandoverRow>> Decode(const std::string& value) {
  absl::StatusOr<HandoverRow> row = DecodeHandoverRow(value);
  if (!row.ok()) return row.status();
  return std::optional(*std::move(row));
}

}  // namespace

absl::StatusOr<std::optional<HandoverRow>> NewestHandover(const engine::View& view) {
  const engine::KeyRange rows = engine::SystemRows(SystemTable::kHandovers);
  engine::ScanSpec spec;
  spec.keyspace = kSystemKeyspace;
  spec.begin = rows.begin;
  spec.end = rows.end;
  spec.reverse = true;
  spec.limit = 1;
  const auto page = view.Scan(spec, engine::ReadTier::kAny);
  if (!page.ok()) return page.status();
  if (page->records.empty()) return std::nullopt;
  return Decode(page->records.front().value);
}

absl::StatusOr<std::optional<HandoverRow>> FindHandover(const engine::View& view,
                                                        std::string_view id) {
  const auto number = view.Get(kSystemKeyspace, engine::SystemRowKey(SystemTable::kHandoverIds, id),
                               engine::ReadTier::kAny);
  if (!number.ok()) return number.status();
  if (!*number) return std::nullopt;
  const auto row =
      view.Get(kSystemKeyspace, engine::SystemRowKey(SystemTable::kHandovers, (*number)->value),
               engine::ReadTier::kAny);
  if (!row.ok()) return row.status();
  if (!*row) return absl::DataLossError("the id of a handover names none");
  return Decode((*row)->value);
}

void PutHandover(const HandoverRow& row, bool first, engine::EffectsWriter* to) {
  const std::string suffix = HandoverRowSuffix(row.number);
  to->PutSystem(engine::SystemKey(SystemTable::kHandovers, suffix), EncodeHandoverRow(row));
  if (first) {
    to->PutSystem(engine::SystemKey(SystemTable::kHandoverIds, row.order.id), suffix);
  }
}

}  // namespace baton::server
