#include "engine/state/session_writer.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/check.h"

namespace baton::engine {
namespace {

Effect On(EffectKind kind, uint64_t session) {
  Effect effect;
  effect.kind = kind;
  effect.stamp.session = session;
  return effect;
}

}  // namespace

void SessionWriter::Begin(SessionTable applied) {
  table_ = std::move(applied);
  looks_.clear();
  look_of_.clear();
  table_.ForEach([&](uint64_t id, const Session& session) { LookAt(session.EndsUs(), id); });
}

void SessionWriter::BeginEntry(Slot slot, int64_t log_time_us, EffectsWriter* writer) {
  slot_ = slot;
  log_time_us_ = log_time_us;
  writer_ = writer;
}

std::optional<uint64_t> SessionWriter::Open(uint64_t ttl_ms) {
  if (table_.size() >= kSessionsMax) return std::nullopt;
  writer_->BeginRequest();
  writer_->OpenSession(ttl_ms);
  Effect effect;
  effect.kind = EffectKind::kOpenSession;
  effect.ttl_ms = ttl_ms;
  effect.revision = writer_->EndRequest();
  Apply(effect);
  const uint64_t id = effect.revision.value;
  LookAt(table_.Find(id)->EndsUs(), id);
  return id;
}

void SessionWriter::Touch(uint64_t session) {
  writer_->TouchSession(session);
  Apply(On(EffectKind::kTouchSession, session));
}

void SessionWriter::LookAt(int64_t at_us, uint64_t session) {
  looks_.emplace(at_us, session);
  look_of_[session] = at_us;
}

void SessionWriter::End(uint64_t session) {
  if (const auto look = look_of_.find(session); look != look_of_.end()) {
    looks_.erase({look->second, session});
    look_of_.erase(look);
  }
  writer_->EndSession(session);
  Apply(On(EffectKind::kEndSession, session));
}

void SessionWriter::Keep(const SessionStamp& stamp, const WriteResult& result) {
  KeepFate(stamp, result.revision, Fate{.result = result});
}

void SessionWriter::Fence(uint64_t session, uint64_t sequence) {
  KeepFate({.session = session, .sequence = sequence}, Revision{}, Fate{.fenced = true});
}

void SessionWriter::MarkRepeats(LossRequest* request) const {
  for (Loss& loss : request->losses) {
    const Session* session = loss.session == 0 ? nullptr : table_.Find(loss.session);
    if (session == nullptr) continue;
    const auto kept = session->kept.find(loss.sequence);
    bool again = session->CountsElsewhere(loss.sequence, loss.entry.born);
    if (kept != session->kept.end()) {
      const absl::StatusOr<Fate> fate = DecodeFate(kept->second.fate, kept->second.of_request);
      BATON_CHECK(fate.ok()) << "a kept result cannot be read";
      again = !fate->fenced || (fate->lost && fate->lost->entry != loss.entry);
    }
    if (again) loss.acknowledged = Loss::Acknowledged::kAgain;
  }
  // Of several attempts of one number that come together the newest counts.
  std::map<std::pair<uint64_t, uint64_t>, EntryId> newest;
  for (const Loss& loss : request->losses) {
    if (loss.session == 0 || loss.acknowledged != Loss::Acknowledged::kUnknown) continue;
    EntryId& entry = newest[{loss.session, loss.sequence}];
    entry = std::max(entry, loss.entry);
  }
  for (Loss& loss : request->losses) {
    const auto counts = newest.find({loss.session, loss.sequence});
    const bool older = counts != newest.end() && loss.entry < counts->second;
    if (older && loss.acknowledged == Loss::Acknowledged::kUnknown) {
      loss.acknowledged = Loss::Acknowledged::kAgain;
    }
  }
}

void SessionWriter::KeepLosses(const LossRequest& request) {
  for (const Loss& loss : request.losses) {
    // One of a sync keyspace: nobody was told of it, and its client may still be sending it. One
    // that was sent again has its result.
    if (loss.acknowledged != Loss::Acknowledged::kUnknown) continue;
    const Session* session = loss.session == 0 ? nullptr : table_.Find(loss.session);
    if (session == nullptr) continue;
    if (StandingOf(*session, loss.sequence, 0) == Standing::kTooFarOn) continue;
    const SessionStamp stamp{.session = loss.session, .sequence = loss.sequence};
    KeepFate(stamp, Revision{}, Fate{.fenced = true, .lost = LossName{loss.entry, loss.index}});
  }
}

void SessionWriter::KeepFate(const SessionStamp& stamp, Revision revision, const Fate& fate) {
  const std::string bytes = EncodeFate(fate);
  writer_->KeepResult(stamp, bytes);
  Effect effect = On(EffectKind::kResult, stamp.session);
  effect.stamp = stamp;
  effect.revision = revision;
  effect.result = bytes;
  Apply(effect);
}

void SessionWriter::EndIdle() {
  for (uint64_t ended = 0; ended < kIdleEndsMax && !looks_.empty();) {
    const auto [at_us, id] = *looks_.begin();
    if (at_us > log_time_us_) return;
    const Session* session = table_.Find(id);
    BATON_CHECK(session != nullptr) << "session " << id << " has ended and is looked at";
    if (session->EndsUs() > log_time_us_) {
      looks_.erase(looks_.begin());
      LookAt(session->EndsUs(), id);
      continue;
    }
    End(id);
    ++ended;
  }
}

std::optional<int64_t> SessionWriter::NextIdleUs() const {
  if (looks_.empty()) return std::nullopt;
  return looks_.begin()->first;
}

}  // namespace baton::engine
