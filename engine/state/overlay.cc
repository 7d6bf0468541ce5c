#include "engine/state/overlay.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/state/effects.h"

namespace baton::engine {

class Overlay::PinnedLayer : public Layer {
 public:
  PinnedLayer(const Overlay* overlay, std::shared_ptr<Generation> generation,
              EffectIndex::Window window)
      : overlay_(overlay), generation_(std::move(generation)), window_(window) {}

  std::optional<Change> Find(std::string_view key) const override {
    ReaderLock lock(&overlay_->mutex_);
    return generation_->index.Find(key, window_);
  }
  void Collect(std::string_view lower, std::string_view upper, bool reverse, size_t max,
               std::vector<Change>* changes) const override {
    ReaderLock lock(&overlay_->mutex_);
    generation_->index.Collect(lower, upper, reverse, max, window_, changes);
  }
  std::vector<Span> Hidden() const override {
    ReaderLock lock(&overlay_->mutex_);
    return generation_->index.Hidden(window_);
  }

 private:
  const Overlay* const overlay_;
  const std::shared_ptr<Generation> generation_;
  const EffectIndex::Window window_;
};

Overlay::Overlay() : current_(std::make_shared<Generation>()) {}
Overlay::~Overlay() {
  WriterLock lock(&mutex_);
  BATON_CHECK(current_->pins.empty()) << "the overlay was destroyed before its pins";
}

absl::Status Overlay::Add(Slot slot, std::shared_ptr<const std::string> bytes,
                          std::string_view effects, Revision base) {
  if (effects.empty()) return absl::OkStatus();
  WriterLock lock(&mutex_);
  BATON_CHECK(slot > current_->last) << slot.value << " after " << current_->last.value;
  current_->last = slot;
  EffectsReader reader(effects, base);
  return current_->index.Add(slot, std::move(bytes), &reader);
}

void Overlay::ForgetUpTo(Slot slot) {
  WriterLock lock(&mutex_);
  current_->forget_upto = std::max(current_->forget_upto, slot);
  Trim(current_.get());
}

void Overlay::Trim(Generation* generation) const {
  Slot upto = generation->forget_upto;
  if (!generation->pins.empty()) upto = std::min(upto, *generation->pins.begin());
  generation->index.RemoveUpTo(upto);
}

void Overlay::Clear() {
  auto fresh = std::make_shared<Generation>();
  WriterLock lock(&mutex_);
  current_.swap(fresh);
}

uint64_t Overlay::bytes() const {
  ReaderLock lock(&mutex_);
  return current_->index.charge();
}

std::optional<Overlay::Found> Overlay::Find(std::string_view key, Slot upto) const {
  ReaderLock lock(&mutex_);
  const std::optional<Change> change = current_->index.Find(key, {Slot{}, upto});
  if (!change) return std::nullopt;
  return Found{change->deleted, std::string(change->row)};
}

std::unique_ptr<Overlay::Pin> Overlay::NewPin() const {
  WriterLock lock(&mutex_);
  const Slot slot = current_->forget_upto;
  current_->pins.insert(slot);
  return std::unique_ptr<Pin>(new Pin(this, current_, slot));
}

Overlay::Pin::~Pin() {
  WriterLock lock(&overlay_->mutex_);
  generation_->pins.erase(generation_->pins.find(slot_));
  overlay_->Trim(generation_.get());
}

std::unique_ptr<Layer> Overlay::NewLayer(const Pin& pin, Slot after, Slot upto) const {
  BATON_CHECK(after >= pin.slot_) << "a snapshot older than its pin";
  return std::make_unique<PinnedLayer>(this, pin.generation_, EffectIndex::Window{after, upto});
}

}  // namespace baton::engine
