#include "engine/state/sessions.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/coding.h"

namespace baton::engine {
namespace {

// What follows the flags, in this order.
enum Flag : uint64_t {
  kFenced = 1,
  kHasRevision = 2,  // its request's
  kHasExisted = 4,
  kExisted = 8,
  kHasDeleted = 16,    // varint
  kHasNumbers = 32,    // varint count, zigzag varints
  kHasRejection = 64,  // why (u8), at, found, limit (varints)
  kLost = 128          // with kFenced: born round, born node, slot, index (varints)
};
constexpr uint64_t kFlagsKnown = 255;

uint64_t Zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
int64_t Unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

uint64_t FlagsOf(const Fate& fate) {
  if (fate.fenced) return fate.lost ? kFenced | kLost : kFenced;
  const WriteResult& result = fate.result;
  uint64_t flags = 0;
  if (result.revision != Revision{}) flags |= kHasRevision;
  if (result.existed) flags |= kHasExisted;
  if (result.existed.value_or(false)) flags |= kExisted;
  if (result.deleted) flags |= kHasDeleted;
  if (!result.numbers.empty()) flags |= kHasNumbers;
  if (result.rejection) flags |= kHasRejection;
  return flags;
}

uint64_t FlagsOf(std::string_view fate) { return Decoder(fate).ReadVarint(); }

LossName ReadLossName(Decoder* in) {
  LossName name;
  name.entry.born.round = in->ReadVarint();
  const uint64_t node = in->ReadVarint();
  name.entry.slot = Slot{in->ReadVarint()};
  const uint64_t index = in->ReadVarint();
  if (node > UINT32_MAX || index > UINT32_MAX) in->Fail();
  name.entry.born.node = NodeId{static_cast<uint32_t>(node)};
  name.index = static_cast<uint32_t>(index);
  return name;
}

// Whose reign lost it; Ballot{}: it is not lost.
Ballot LostBy(std::string_view fate) {
  Decoder in(fate);
  return (in.ReadVarint() & kLost) == 0 ? Ballot{} : ReadLossName(&in).entry.born;
}

// The run begins at `from`; nothing if it is empty.
void AddUnused(Session* session, uint64_t from, const UnusedRun& run) {
  if (from == run.end) return;
  const auto after = session->unused.upper_bound(from);
  if (after != session->unused.begin()) {
    UnusedRun& before = std::prev(after)->second;
    if (before.end == from && before.lost_by == run.lost_by) {
      before.end = run.end;
      return;
    }
  }
  session->unused.emplace(from, run);
}

// Forgets the oldest.
void BoundUnused(Session* session) {
  for (auto* unused = &session->unused; unused->size() > kUnusedMax;) {
    session->unused_from = unused->begin()->second.end;
    unused->erase(unused->begin());
  }
}

std::optional<Rejection> ReadRejection(Decoder* in) {
  Rejection rejection;
  rejection.why = static_cast<Rejection::Why>(in->ReadByte());
  const uint64_t at = in->ReadVarint();
  rejection.at = static_cast<uint32_t>(at);
  rejection.found = Revision{in->ReadVarint()};
  rejection.limit = in->ReadVarint();
  if (rejection.why < Rejection::Why::kCondition || rejection.why > Rejection::Why::kFull ||
      at >= kRequestOpsMax) {
    in->Fail();
  }
  return rejection;
}

}  // namespace

std::string EncodeFate(const Fate& fate) {
  const WriteResult& result = fate.result;
  std::string bytes;
  PutVarint(&bytes, FlagsOf(fate));
  if (fate.lost) {
    PutVarint(&bytes, fate.lost->entry.born.round);
    PutVarint(&bytes, fate.lost->entry.born.node.value);
    PutVarint(&bytes, fate.lost->entry.slot.value);
    PutVarint(&bytes, fate.lost->index);
  }
  if (fate.fenced) return bytes;
  if (result.deleted) PutVarint(&bytes, *result.deleted);
  if (!result.numbers.empty()) {
    PutVarint(&bytes, result.numbers.size());
    for (const int64_t number : result.numbers) PutVarint(&bytes, Zigzag(number));
  }
  if (result.rejection) {
    PutByte(&bytes, static_cast<uint8_t>(result.rejection->why));
    PutVarint(&bytes, result.rejection->at);
    PutVarint(&bytes, result.rejection->found.value);
    PutVarint(&bytes, result.rejection->limit);
  }
  return bytes;
}

absl::StatusOr<Fate> DecodeFate(std::string_view bytes, Revision of_request) {
  Decoder in(bytes);
  const uint64_t flags = in.ReadVarint();
  if (in.ok() && flags > kFlagsKnown) {
    return absl::FailedPreconditionError(
        absl::StrCat("a result of a session with unknown flags ", flags, ": upgrade this node"));
  }
  Fate fate;
  fate.fenced = (flags & kFenced) != 0;
  const uint64_t alone = kFenced | kLost;
  if (fate.fenced ? (flags & ~alone) != 0 : (flags & kLost) != 0) in.Fail();
  if ((flags & kLost) != 0) fate.lost = ReadLossName(&in);
  WriteResult& result = fate.result;
  if ((flags & kHasRevision) != 0) {
    result.revision = of_request;
    if (of_request == Revision{}) in.Fail();
  }
  if ((flags & kHasExisted) != 0) result.existed = (flags & kExisted) != 0;
  if ((flags & kHasDeleted) != 0) result.deleted = in.ReadVarint();
  if ((flags & kHasNumbers) != 0) {
    const uint64_t count = in.ReadVarint();
    if (count == 0 || count > kRequestOpsMax) in.Fail();
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
      result.numbers.push_back(Unzigzag(in.ReadVarint()));
    }
  }
  if ((flags & kHasRejection) != 0) result.rejection = ReadRejection(&in);
  if (!in.Done()) return absl::DataLossError("a damaged result of a session");
  return fate;
}

bool Session::CountsElsewhere(uint64_t sequence, const Ballot& by) const {
  if (sequence < unused_from || acked_below <= sequence) return false;
  const auto after = unused.upper_bound(sequence);
  if (after == unused.begin()) return true;
  const UnusedRun& run = std::prev(after)->second;
  return run.end <= sequence || (run.lost_by != Ballot{} && run.lost_by != by);
}

void SessionTable::Apply(const Effect& effect, Slot slot, int64_t log_time_us) {
  BATON_CHECK(IsOfSession(effect.kind));
  if (effect.kind == EffectKind::kOpenSession) {
    Session session;
    session.ttl_us = static_cast<int64_t>(effect.ttl_ms) * 1000;
    session.active_us = log_time_us;
    sessions_[effect.revision.value] = std::move(session);
    return;
  }
  const auto found = sessions_.find(effect.stamp.session);
  if (found == sessions_.end()) return;
  if (effect.kind == EffectKind::kEndSession) {
    for (const auto& [sequence, kept] : found->second.kept) kept_bytes_ -= kept.Bytes();
    sessions_.erase(found);
    return;
  }
  Session& session = found->second;
  session.active_us = std::max(session.active_us, log_time_us);
  if (effect.kind == EffectKind::kResult) Keep(effect, slot, &session);
}

void SessionTable::Forget(Session* session, uint64_t below) {
  const auto end = session->kept.lower_bound(below);
  for (auto at = session->kept.begin(); at != end; ++at) kept_bytes_ -= at->second.Bytes();
  session->kept.erase(session->kept.begin(), end);
}

// What its client lets go of without a result was not used, or was lost.
void SessionTable::NoteUnused(Session* session, uint64_t below) {
  uint64_t from = session->acked_below;
  const auto end = session->kept.lower_bound(below);
  for (auto at = session->kept.begin(); at != end; ++at) {
    const auto& [sequence, kept] = *at;
    AddUnused(session, from, {sequence, Ballot{}});
    from = sequence + 1;
    if ((FlagsOf(kept.fate) & kFenced) != 0) {
      AddUnused(session, sequence, {from, LostBy(kept.fate)});
    }
  }
  AddUnused(session, from, {below, Ballot{}});
  BoundUnused(session);
}

void SessionTable::NoteListed(Session* session, uint64_t sequence, const Ballot& lost_by) {
  const auto after = session->unused.upper_bound(sequence);
  if (after == session->unused.begin()) return;
  const auto [from, run] = *std::prev(after);
  if (run.end <= sequence || run.lost_by != Ballot{}) return;
  session->unused.erase(from);
  AddUnused(session, from, {sequence, Ballot{}});
  AddUnused(session, sequence, {sequence + 1, lost_by});
  AddUnused(session, sequence + 1, {run.end, Ballot{}});
  BoundUnused(session);
}

void SessionTable::Keep(const Effect& effect, Slot slot, Session* session) {
  if (effect.stamp.acked_below > session->acked_below) {
    NoteUnused(session, effect.stamp.acked_below);
    session->acked_below = effect.stamp.acked_below;
    Forget(session, session->acked_below);
  }
  const bool lost = (FlagsOf(effect.result) & kLost) != 0;
  if (effect.stamp.sequence < session->acked_below) {
    if (lost) NoteListed(session, effect.stamp.sequence, LostBy(effect.result));
    return;
  }
  KeptResult kept;
  kept.slot = slot;
  if ((FlagsOf(effect.result) & kHasRevision) != 0) kept.of_request = effect.revision;
  kept.fate = std::string(effect.result);
  const auto [found, fresh] = session->kept.try_emplace(effect.stamp.sequence);
  // One result counts. But what was asked about, and is found in the ledger, is known to be lost.
  if (!fresh && !(lost && FlagsOf(found->second.fate) == kFenced)) return;
  if (!fresh) kept_bytes_ -= found->second.Bytes();
  kept_bytes_ += kept.Bytes();
  found->second = std::move(kept);
}

const Session* SessionTable::Find(uint64_t id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

void SessionTable::Put(uint64_t id, Session session) {
  for (const auto& [sequence, kept] : session.kept) kept_bytes_ += kept.Bytes();
  sessions_[id] = std::move(session);
}

Standing StandingOf(const Session& session, uint64_t sequence, uint64_t acked_below) {
  if (sequence < session.acked_below) return Standing::kTooOld;
  if (session.kept.count(sequence) != 0) return Standing::kKept;
  const uint64_t lowest = std::max(session.acked_below, acked_below);
  return sequence - lowest >= kSessionWindowMax ? Standing::kTooFarOn : Standing::kNew;
}

}  // namespace baton::engine
