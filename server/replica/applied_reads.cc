#include "server/replica/applied_reads.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/state/view.h"
#include "server/replica/read_answers.h"
#include "server/replica/reign_rows.h"

namespace baton::server {
namespace {

using Kind = ReadLevel::Kind;

}  // namespace

bool IsLost(const Position& position, Slot commit, uint64_t round_at_commit) {
  return position.slot > commit && position.reign_round < round_at_commit;
}

bool AppliedReads::Satisfied(const Published& now, const QueuedRead& read) const {
  if (read.level.kind == Kind::kAtLeast) {
    return read.level.at_least.slot <= parts_.engine->applied();
  }
  if (read.level.kind != Kind::kBoundedStaleness || now.fresh_as_of_us == 0) return false;
  return read.arrived_us - read.level.max_staleness_us <= now.fresh_as_of_us;
}

void AppliedReads::Serve(const Published& now, std::vector<QueuedRead>* reads,
                         AnswerBatch* answers) {
  std::vector<QueuedRead> kept, later;
  for (QueuedRead& read : *reads) {
    const Position& at_least = read.level.at_least;
    if (read.level.kind == Kind::kAtLeast && IsLost(at_least, now.commit, now.reign_round)) {
      answers->Fail(read.to, PositionLostFailure(at_least));
    } else if (!Satisfied(now, read)) {
      kept.push_back(std::move(read));
    } else if (!MayBeTriedAtOnce(read)) {
      later.push_back(std::move(read));
    } else {
      absl::StatusOr<Answer> answer = Read(read, engine::ReadTier::kMemory);
      if (absl::IsUnavailable(answer.status())) {
        later.push_back(std::move(read));
      } else {
        parts_.metrics->reads_applied.Add();
        answers->Add(read.to, Settled(std::move(answer)));
      }
    }
  }
  reads->swap(kept);
  if (!later.empty()) ServeLater(std::move(later), answers);
}

void AppliedReads::ServeLater(std::vector<QueuedRead> reads, AnswerBatch* answers) {
  auto shared = std::make_shared<std::vector<QueuedRead>>(std::move(reads));
  if (parts_.readers->Post([this, shared] { ServeAll(std::move(*shared)); })) return;
  FailUnread(*shared, *parts_.board, parts_.metrics, answers);
}

void AppliedReads::ServeAll(std::vector<QueuedRead> reads) {
  AnswerBatch answers;
  for (QueuedRead& read : reads) {
    if (FailedLate(read, *parts_.clock, parts_.metrics, &answers)) continue;
    parts_.metrics->reads_applied.Add();
    answers.Add(read.to, Settled(Read(read, engine::ReadTier::kAny)));
  }
  answers.Deliver();
}

Answer AppliedReads::Settled(absl::StatusOr<Answer> answer) const {
  if (answer.ok()) return *std::move(answer);
  Answer failed;
  failed.failure = UnreadableFailure(answer.status());
  return failed;
}

absl::StatusOr<Answer> AppliedReads::Read(const QueuedRead& read, engine::ReadTier tier) const {
  const engine::View view(*parts_.engine, *parts_.overlay, Slot{});
  // Its commit slot is published before a state can be seen: this one lies at or above it.
  const Published now = parts_.board->Read();
  Answer answer;
  if (read.level.kind == Kind::kAtLeast) {
    const Position& at_least = read.level.at_least;
    const uint64_t round = now.RoundOf(at_least.slot);
    absl::StatusOr<bool> held = round == at_least.reign_round;
    if (round == 0) held = Contains(view, at_least, tier);
    if (!held.ok()) return held.status();
    if (!*held) {
      answer.failure = PositionLostFailure(at_least);
      return answer;
    }
  }
  absl::StatusOr<uint64_t> round = now.RoundOf(view.slot());
  if (*round == 0) round = NewestRound(view, tier);
  if (!round.ok()) return round.status();
  answer.position = Position{*round, view.slot(), Revision{}};
  answer.durability = engine::Durability::kQuorum;
  if (const auto* get = std::get_if<GetCall>(&read.request)) {
    auto records = view.MultiGet(get->keyspace, get->keys, tier);
    if (!records.ok()) return records.status();
    answer.position.revision = NewestOf(*records);
    answer.result = GetResult{*std::move(records)};
    return answer;
  }
  auto page = view.Scan(std::get<engine::ScanSpec>(read.request), tier);
  if (!page.ok()) return page.status();
  answer.position.revision = NewestOf(page->records);
  answer.result = *std::move(page);
  return answer;
}

}  // namespace baton::server
