#include "server/replica/read_service.h"

#include <algorithm>
#include <utility>

#include "engine/state/view.h"
#include "server/replica/read_answers.h"

namespace baton::server {
namespace {

// A read without a snapshot may have seen what was applied meanwhile: its position is the newest
// that was committed before it was looked at, in the same reign.
Answer Settled(const QueuedRead& read, const Published& after, Answer answer) {
  if (answer.failure.ok() && std::holds_alternative<GetCall>(read.request)) {
    answer.position.slot = std::max(answer.position.slot, after.commit);
  }
  return answer;
}

engine::Durability DurabilityAt(Slot slot, const Published& now) {
  return slot <= now.commit ? engine::Durability::kQuorum : engine::Durability::kLocal;
}

}  // namespace

// By the catalogue as applied: no LOCAL ack is given before a keyspace is async there, and none
// after it is to be sync.
bool ReadService::ReadsDurable(const QueuedRead& read) const {
  const KeyspaceId keyspace =
      std::visit([](const auto& request) { return request.keyspace; }, read.request);
  const engine::KeyspacePtr info = parts_.catalog->Find(keyspace);
  return info != nullptr && info->settings.mode == engine::KeyspaceMode::kAsync;
}

absl::StatusOr<Answer> ReadService::Read(const QueuedRead& read, const Published& now, Slot slot,
                                         engine::ReadTier tier) const {
  if (ReadsDurable(read)) slot = std::max(slot, now.durable);
  Answer answer;
  answer.position = Position{now.ballot.round, slot, Revision{}};
  if (const auto* get = std::get_if<GetCall>(&read.request)) {
    GetResult result;
    if (get->keys.size() == 1) {
      auto record =
          engine::GetNow(*parts_.engine, *parts_.overlay, get->keyspace, get->keys[0], slot, tier);
      if (!record.ok()) return record.status();
      result.records.push_back(*std::move(record));
    } else {
      auto records = engine::MultiGetNow(*parts_.engine, *parts_.overlay, get->keyspace, get->keys,
                                         slot, tier);
      if (!records.ok()) return records.status();
      result.records = *std::move(records);
    }
    answer.position.revision = NewestOf(result.records);
    answer.durability = DurabilityAt(slot, now);
    answer.result = std::move(result);
    return answer;
  }
  const engine::View view(*parts_.engine, *parts_.overlay, slot);
  auto page = view.Scan(std::get<engine::ScanSpec>(read.request), tier);
  if (!page.ok()) return page.status();
  answer.position.slot = view.slot();
  answer.position.revision = NewestOf(page->records);
  answer.durability = DurabilityAt(slot, now);  // what is applied beyond it is chosen
  answer.result = *std::move(page);
  return answer;
}

Answer ReadService::AnswerOf(absl::StatusOr<Answer> read) const {
  if (read.ok()) return *std::move(read);
  Answer answer;
  answer.failure = UnreadableFailure(read.status());
  return answer;
}

void ReadService::Serve(const Published& now, std::vector<QueuedRead>* reads,
                        AnswerBatch* answers) {
  if (reads->empty() || !now.Leased(parts_.clock->LeaseNowUs())) return;
  std::vector<QueuedRead> later;
  std::vector<std::pair<QueuedRead, Answer>> done;
  std::vector<QueuedRead> kept;
  for (QueuedRead& read : *reads) {
    if (read.level.kind == ReadLevel::Kind::kAtLeast) {
      kept.push_back(std::move(read));
      continue;
    }
    if (!MayBeTriedAtOnce(read)) {
      later.push_back(std::move(read));
      continue;
    }
    absl::StatusOr<Answer> answer = Read(read, now, now.commit, engine::ReadTier::kMemory);
    if (absl::IsUnavailable(answer.status())) {
      later.push_back(std::move(read));
    } else {
      done.emplace_back(std::move(read), AnswerOf(std::move(answer)));
    }
  }
  reads->swap(kept);
  // The clock is read before the board: a lease seen valid then was not given up before.
  const int64_t after_us = parts_.clock->LeaseNowUs();
  const Published after = parts_.board->Read();
  const bool valid = after.SameReign(now) && after.Leased(after_us);
  if (valid) parts_.metrics->reads_at_once.Add(done.size());
  for (auto& [read, answer] : done) {
    if (valid) {
      answers->Add(read.to, Settled(read, after, std::move(answer)));
    } else {
      reads->push_back(std::move(read));
    }
  }
  if (!later.empty()) ServeLater(now, std::move(later));
}

void ReadService::ServeLater(const Published& now, std::vector<QueuedRead> reads) {
  parts_.metrics->reads_queued.Add(reads.size());
  auto shared = std::make_shared<std::vector<QueuedRead>>(std::move(reads));
  const bool posted = parts_.readers->Post([this, now, shared] {
    AnswerBatch answers;
    std::vector<std::pair<QueuedRead, Answer>> done;
    for (QueuedRead& read : *shared) {
      if (FailedLate(read, *parts_.clock, parts_.metrics, &answers)) continue;
      Answer answer = AnswerOf(Read(read, now, now.commit, engine::ReadTier::kAny));
      done.emplace_back(std::move(read), std::move(answer));
    }
    const int64_t after_us = parts_.clock->LeaseNowUs();
    const Published after = parts_.board->Read();
    const bool valid = after.SameReign(now) && after.Leased(after_us);
    std::vector<QueuedRead> again;
    for (auto& [read, answer] : done) {
      if (valid) {
        answers.Add(read.to, Settled(read, after, std::move(answer)));
      } else {
        again.push_back(std::move(read));
      }
    }
    const bool taken = parts_.to_loop(&again);
    const Failure refusal = taken ? OverloadedFailure("queue_calls_max") : ShuttingDownFailure();
    for (const QueuedRead& read : again) answers.Fail(read.to, refusal);
    answers.Deliver();
  });
  if (posted) return;
  AnswerBatch answers;
  FailUnread(*shared, *parts_.board, parts_.metrics, &answers);
  answers.Deliver();
}

void ReadService::ServeAt(const Published& asked, Slot slot, std::vector<QueuedRead> reads) {
  AnswerBatch answers;
  for (QueuedRead& read : reads) {
    if (FailedLate(read, *parts_.clock, parts_.metrics, &answers)) continue;
    Answer answer = AnswerOf(Read(read, asked, slot, engine::ReadTier::kAny));
    const Published after = parts_.board->Read();
    if (after.SameReign(asked)) {
      answers.Add(read.to, Settled(read, after, std::move(answer)));
    } else {
      answers.Fail(read.to, NotLeaderFailure(parts_.members->Hint(after.leader)));
      parts_.metrics->refused_leader.Add();
    }
  }
  answers.Deliver();
}

}  // namespace baton::server
