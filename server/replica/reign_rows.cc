#include "server/replica/reign_rows.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/state/system_rows.h"
#include "server/codec/stored_rows.h"

namespace baton::server {
namespace {

using engine::SystemTable;

// More than the reigns that one round can have, one a node, and the first of a later round.
constexpr uint64_t kRowsOfARound = 64;

// Rows of reigns from `first` on, or the newest ones in reverse.
absl::StatusOr<std::vector<ReignRow>> ReadRows(const engine::View& view, const Ballot& first,
                                               bool reverse, uint64_t limit,
                                               engine::ReadTier tier) {
  engine::ScanSpec spec;
  spec.keyspace = kSystemKeyspace;
  spec.begin = engine::SystemRowKey(SystemTable::kReigns, ReignRowSuffix(first));
  spec.end = engine::SystemRows(SystemTable::kReigns).end;
  spec.reverse = reverse;
  spec.limit = limit;
  const auto page = view.Scan(spec, tier);
  if (!page.ok()) return page.status();
  std::vector<ReignRow> rows;
  for (const engine::Record& record : page->records) {
    absl::StatusOr<ReignRow> row = DecodeReignRow(record.value);
    if (!row.ok()) return row.status();
    rows.push_back(*std::move(row));
  }
  return rows;
}

}  // namespace

absl::StatusOr<std::optional<ReignRow>> NewestReign(const engine::View& view,
                                                    engine::ReadTier tier) {
  const auto rows = ReadRows(view, Ballot{}, /*reverse=*/true, /*limit=*/1, tier);
  if (!rows.ok()) return rows.status();
  return rows->empty() ? std::nullopt : std::optional(rows->front());
}

absl::StatusOr<uint64_t> NewestRound(const engine::View& view, engine::ReadTier tier) {
  const auto newest = NewestReign(view, tier);
  if (!newest.ok()) return newest.status();
  return *newest ? (*newest)->reign.ballot.round : 0;
}

absl::StatusOr<std::optional<ReignRow>> ReignAfter(const engine::View& view, const Ballot& ballot,
                                                   engine::ReadTier tier) {
  const auto rows = ReadRows(view, ballot, /*reverse=*/false, /*limit=*/2, tier);
  if (!rows.ok()) return rows.status();
  for (const ReignRow& row : *rows) {
    if (ballot < row.reign.ballot) return std::optional(row);
  }
  return std::nullopt;
}

// Reigns follow one another in the order of their ballots: each wrote from its own entry up to the
// next one's.
absl::StatusOr<bool> Contains(const engine::View& view, const Position& position,
                              engine::ReadTier tier) {
  const Ballot first{position.reign_round, NodeId{}};
  const auto rows = ReadRows(view, first, /*reverse=*/false, kRowsOfARound, tier);
  if (!rows.ok()) return rows.status();
  bool within = false;
  for (const ReignRow& row : *rows) {
    if (row.slot > position.slot) break;
    within = row.reign.ballot.round == position.reign_round;
  }
  return within;
}

absl::StatusOr<Fate> FateOf(const engine::View& view, const EntryId& entry, engine::ReadTier tier) {
  const auto rows = ReadRows(view, entry.born, /*reverse=*/false, /*limit=*/2, tier);
  if (!rows.ok()) return rows.status();
  const bool begun = !rows->empty() && rows->front().reign.ballot == entry.born;
  const ReignRow* const later = rows->size() > begun ? &rows->at(begun) : nullptr;
  if (later != nullptr && later->slot <= entry.slot) return Fate::kLost;
  if (later == nullptr && view.slot() < entry.slot) return Fate::kUndecided;
  return begun && rows->front().slot <= entry.slot ? Fate::kChosen : Fate::kLost;
}

}  // namespace baton::server
