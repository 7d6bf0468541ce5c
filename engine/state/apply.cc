#include "engine/state/apply.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/state/effects.h"

namespace baton::engine {

absl::Status BatchApplier::Add(Slot slot, std::string_view effects, Revision base,
                               int64_t log_time_us) {
  if (batch_ == nullptr) {
    batch_ = engine_->NewBatch();
    last_ = engine_->applied();
  }
  BATON_CHECK(slot > last_) << slot.value << " after " << last_.value;
  EffectsReader reader(effects, base);
  absl::Status status;
  for (Effect effect; status.ok() && reader.Next(&effect);) {
    switch (effect.kind) {
      case EffectKind::kPut:
        batch_->Put(effect.key, effect.row);
        break;
      case EffectKind::kDelete:
        batch_->Delete(effect.key);
        break;
      case EffectKind::kDeleteRange:
        batch_->DeleteRange(effect.key, effect.end);
        break;
      case EffectKind::kRequest:
        break;
      case EffectKind::kOpenSession:
      case EffectKind::kResult:
      case EffectKind::kEndSession:
      case EffectKind::kTouchSession:
        status = sessions_->Add(effect, slot, log_time_us);
        continue;
    }
    if (const auto table = SystemTableOf(effect.key)) wrote_.insert(*table);
  }
  if (status.ok()) status = reader.status();
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat("slot ", slot.value, ": ", std::string(status.message())));
  }
  last_ = slot;
  ++entries_;
  return absl::OkStatus();
}

absl::Status BatchApplier::Commit() {
  if (batch_ == nullptr) return absl::OkStatus();
  sessions_->Write(last_, batch_.get());
  const absl::Status applied = engine_->Apply(std::move(batch_), last_);
  batch_ = nullptr;
  entries_ = 0;
  const bool keyspaces = TakeWrote(SystemTable::kKeyspaces);
  const bool ids = TakeWrote(SystemTable::kNextIds);
  if (!applied.ok() || !(keyspaces || ids)) return applied;
  const std::vector<KeyspacePtr> before = catalog_->Read().List();
  if (absl::Status loaded = catalog_->Load(*engine_); !loaded.ok()) return loaded;
  for (const KeyspacePtr& keyspace : before) {
    if (catalog_->Find(keyspace->id) == nullptr) dropped_.push_back(keyspace->id);
  }
  return absl::OkStatus();
}

bool BatchApplier::TakeWrote(SystemTable table) { return wrote_.erase(table) > 0; }

std::vector<KeyspaceId> BatchApplier::TakeDropped() { return std::exchange(dropped_, {}); }

}  // namespace baton::engine
