#include "server/replica/losses.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "engine/state/keyspace_change.h"
#include "engine/state/row.h"
#include "engine/state/sessions.h"
#include "engine/state/system_rows.h"
#include "engine/state/view.h"
#include "server/codec/entry_codec.h"
#include "server/replica/reign_rows.h"
#include "server/replica/stage.h"

namespace baton::server {
namespace {

using engine::KeyspaceInfo;
using engine::Loss;

// Looks through what one node has dropped, against one view.
class Finder {
 public:
  Finder(NodeId self, const engine::View* view) : self_(self), view_(view) {}

  // What was found; no more is looked for once that is full.
  std::vector<Loss>& losses() { return losses_; }
  bool full() const { return bytes_ > engine::kLossReportBytesMax; }

  // Looks through one file. True: all of it is known, and it may go.
  absl::StatusOr<bool> LookThrough(const std::vector<std::string>& entries) {
    const size_t before = losses_.size();
    for (const std::string& encoded : entries) {
      const auto entry = DecodeEntry(encoded, EntryHash::kVerified);
      if (!entry.ok()) return entry.status();
      const absl::StatusOr<Fate> fate = FateOf(*view_, entry->id, engine::ReadTier::kAny);
      if (!fate.ok()) return fate.status();
      if (*fate == Fate::kUndecided || full()) return false;
      if (*fate == Fate::kChosen) continue;
      const absl::StatusOr<bool> followed = IsFollowed(entry->id.born);
      if (!followed.ok()) return followed.status();
      if (!*followed) return false;
      if (absl::Status s = Look(*entry); !s.ok()) return s;
    }
    return losses_.size() == before && !full();
  }

 private:
  // Appends what is not in the state yet of an entry that is lost. Ends between two requests.
  absl::Status Look(const DecodedEntry& entry) {
    engine::EffectsReader effects(entry.effects, entry.stamp.base_revision);
    engine::Effect effect;
    const size_t first = losses_.size();
    RequestSeen request;
    for (uint32_t index = 0; effects.Next(&effect); ++index) {
      if (effect.kind == engine::EffectKind::kResult) {
        const absl::Status named = NameRequest(effect, std::span(losses_).subspan(first));
        if (!named.ok()) return named;
      }
      if (IsOfSession(effect.kind)) continue;
      if (effect.revision != request.revision) {
        Close(request);
        if (full()) return absl::OkStatus();
        request = {effect.revision, losses_.size(), bytes_};
      }
      if (engine::KeyspaceOf(effect.key) == kSystemKeyspace) {
        request.of_system = true;
        continue;
      }
      const absl::StatusOr<bool> known = IsLogged(entry.id, index);
      if (!known.ok()) return known.status();
      if (*known) continue;
      absl::StatusOr<Loss> loss = LossOf(entry, index, effect);
      if (!loss.ok()) return loss.status();
      request.synced |= loss->acknowledged == Loss::Acknowledged::kNo;
      bytes_ += engine::LossBytes(*loss);
      losses_.push_back(*std::move(loss));
    }
    Close(request);
    return effects.status();
  }

  struct RequestSeen {
    Revision revision;
    size_t first = 0;        // of its losses
    uint64_t bytes = 0;      // of those before
    bool of_system = false;  // a change of keyspaces, say: no write of anybody
    bool synced = false;     // a keyspace of it was sync: the strictest of them decides
  };
  void Close(const RequestSeen& request) {
    if (request.of_system && losses_.size() > request.first) {
      losses_.resize(request.first);
      bytes_ = request.bytes;
    }
    if (!request.synced) return;
    for (size_t i = request.first; i < losses_.size(); ++i) {
      losses_[i].acknowledged = Loss::Acknowledged::kNo;
    }
  }

  // Whether a reign after that one is applied; then ends_ says where it begins.
  absl::StatusOr<bool> IsFollowed(const Ballot& born) {
    if (ends_.count(born) != 0) return true;
    const auto after = ReignAfter(*view_, born, engine::ReadTier::kAny);
    if (!after.ok()) return after.status();
    if (!*after) return false;
    ends_[born] = (*after)->slot;
    return true;
  }

  // A result follows the effects of its request, which have its revision.
  static absl::Status NameRequest(const engine::Effect& result, std::span<Loss> losses) {
    const absl::StatusOr<engine::Fate> fate = engine::DecodeFate(result.result, result.revision);
    if (!fate.ok()) return fate.status();
    for (Loss& loss : losses) {
      if (loss.revision != fate->result.revision) continue;
      loss.session = result.stamp.session;
      loss.sequence = result.stamp.sequence;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> IsLogged(const EntryId& entry, uint32_t index) const {
    const std::string key =
        engine::SystemKey(engine::SystemTable::kLosses, engine::LossSuffix(entry, index));
    const auto row = view_->Get(kSystemKeyspace, engine::UserKey(key), engine::ReadTier::kAny);
    if (!row.ok()) return row.status();
    return row->has_value();
  }

  absl::StatusOr<Loss> LossOf(const DecodedEntry& entry, uint32_t index,
                              const engine::Effect& effect) {
    Loss loss;
    loss.entry = entry.id;
    loss.index = index;
    loss.keyspace = engine::KeyspaceOf(effect.key);
    const absl::StatusOr<KeyspaceInfo> keyspace =
        AsOf(loss.keyspace, std::min(entry.id.slot, ends_.at(entry.id.born)));
    if (!keyspace.ok()) return keyspace.status();
    loss.keyspace_name = keyspace->name;
    loss.acknowledged = keyspace->settings.mode == engine::KeyspaceMode::kAsync
                            ? Loss::Acknowledged::kUnknown
                            : Loss::Acknowledged::kNo;
    loss.key = engine::UserKey(effect.key);
    loss.revision = effect.revision;
    loss.wall_time_us = entry.stamp.wall_time_us;
    loss.found_on = self_;
    switch (effect.kind) {
      case engine::EffectKind::kPut: {
        const auto row = engine::DecodeRow(effect.row);
        if (!row.ok()) return row.status();
        loss.kind = Loss::Kind::kPut;
        loss.value = row->value;
        break;
      }
      case engine::EffectKind::kDeleteRange:
        loss.kind = Loss::Kind::kDeleteRange;
        // At the end of the keyspace it has the id of the next.
        if (engine::KeyspaceOf(effect.end) == loss.keyspace) loss.end = engine::UserKey(effect.end);
        break;
      default:
        loss.kind = Loss::Kind::kDelete;
    }
    return loss;
  }

  // The keyspace as it was just before `slot`. The changes that this reads are chosen: those from
  // where a later reign begins on are not of the history that was dropped.
  absl::StatusOr<KeyspaceInfo> AsOf(KeyspaceId id, Slot slot) {
    const auto changes = ChangesOf(id);
    if (!changes.ok()) return changes.status();
    KeyspaceInfo info = engine::DefaultKeyspaceInfo(0);
    if (id != kDefaultKeyspace) {  // until its creation, which may have been dropped with it
      info.name.clear();
      info.settings.mode = engine::KeyspaceMode::kAsync;
    }
    for (const engine::KeyspaceChangeRow& change : **changes) {
      if (change.stamp.slot < slot) info = change.info;
    }
    return info;
  }

  absl::StatusOr<const std::vector<engine::KeyspaceChangeRow>*> ChangesOf(KeyspaceId id) {
    const auto found = changes_.find(id);
    if (found != changes_.end()) return &found->second;
    engine::ScanSpec spec;
    spec.keyspace = kSystemKeyspace;
    constexpr auto kTable = engine::SystemTable::kKeyspaceChanges;
    spec.begin = engine::SystemRowKey(kTable, engine::KeyspaceChangeSuffix(id, Revision{}));
    spec.end = engine::SystemRowKey(
        kTable, engine::KeyspaceChangeSuffix(KeyspaceId{id.value + 1}, Revision{}));
    std::vector<engine::KeyspaceChangeRow> changes;
    while (true) {
      const auto page = view_->Scan(spec, engine::ReadTier::kAny);
      if (!page.ok()) return page.status();
      for (const engine::Record& record : page->records) {
        auto row = engine::DecodeKeyspaceChange(id, record.value);
        if (!row.ok()) return row.status();
        changes.push_back(*std::move(row));
      }
      if (!page->next) break;
      spec.begin = *page->next;
    }
    return &changes_.emplace(id, std::move(changes)).first->second;
  }

  const NodeId self_;
  const engine::View* const view_;
  std::vector<Loss> losses_;
  uint64_t bytes_ = 0;           // of losses_
  std::map<Ballot, Slot> ends_;  // where the reign after it begins; of those that are followed
  std::map<KeyspaceId, std::vector<engine::KeyspaceChangeRow>> changes_;
};

}  // namespace

LossesFound FindLosses(NodeId self, const LossSources& sources) {
  const engine::View view(*sources.engine, *sources.overlay, Slot{});
  Finder finder(self, &view);
  LossesFound found;
  const auto note = [&found](const absl::Status& status) {
    if (found.status.ok()) found.status = status;
    return status.ok();
  };
  const auto names = sources.dropped->List();
  if (!note(names.status())) return found;
  for (const std::string& name : *names) {
    if (finder.full()) break;
    const auto entries = sources.dropped->Read(name);
    if (!note(entries.status())) continue;
    const absl::StatusOr<bool> known = finder.LookThrough(*entries);
    if (note(known.status()) && *known) note(sources.dropped->Remove(name));
  }
  found.told.losses = std::move(finder.losses());
  return found;
}

void LossDesk::RunDue(Slot applied) {
  if (looking_ || parts_.sources.dropped->empty() || (applied == looked_at_ && !told_)) return;
  if (parts_.clock->LeaseNowUs() < next_us_) return;
  looking_ = parts_.worker->Post([self = parts_.self, sources = parts_.sources,
                                  found = parts_.found] { found(FindLosses(self, sources)); });
  if (looking_) looked_at_ = applied;
}

engine::LossRequest LossDesk::On(LossesFound found) {
  looking_ = false;
  if (!found.status.ok()) {
    spdlog::error("cannot tell what became of entries that were dropped: {}",
                  std::string(found.status.message()));
  }
  told_ = !found.told.losses.empty();
  rest_us_ = told_ || !found.status.ok() ? std::min(2 * rest_us_, kTellUsMax) : kLookUs;
  next_us_ = parts_.clock->LeaseNowUs() + rest_us_;
  return std::move(found.told);
}

int64_t LossDesk::NextDeadlineUs() const {
  return looking_ || !told_ || parts_.sources.dropped->empty() ? kNever : next_us_;
}

}  // namespace baton::server
