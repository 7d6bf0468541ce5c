// Overlay: effects that are sequenced but not applied. Filled on the leader only; elsewhere empty.
//
// The replica loop is its one writer: Add as entries are proposed, ForgetUpTo as they are applied,
// Clear when it stops leading. Readers on any thread; nobody holds the lock across I/O.
//
// What is kept is always a suffix: slots (forgotten, last]. A Pin, which every View holds, stops
// the forgetting at the slot it was taken, so what a view can see stays. Slots kept only for pins
// go with the last pin, on the thread that drops it. Clear leaves open pins what they saw.
//
// Entries' bytes are shared, not copied. The overlay outlives its pins.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "base/types.h"
#include "engine/state/effect_index.h"
#include "engine/state/layer.h"

namespace baton::engine {

inline constexpr uint64_t kOverlayBytesMax = 128 << 20;  // the sequencer stops at it

class Overlay {
  struct Generation;

 public:
  Overlay();
  ~Overlay();
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;

  // `effects` lies inside *bytes, the entry's. Entries without effects may be left out.
  // REQUIRES: slot > last slot added. Every slot with effects above the engine's applied slot must
  // be in before a reader uses a read slot at or above it: a new leader lets readers and the
  // evaluator in once all of its log before its own entries is applied. Errors as EffectsReader;
  // final.
  absl::Status Add(Slot slot, std::shared_ptr<const std::string> bytes, std::string_view effects,
                   Revision base);
  // REQUIRES: the engine has applied `slot`.
  void ForgetUpTo(Slot slot);
  void Clear();

  // What it holds, index included, in bytes: the sequencer waits while it is >= kOverlayBytesMax.
  uint64_t bytes() const;

  // The newest change of the key at or below `upto`, copied out. nullopt: ask the engine. Ask it
  // after this call: what is forgotten meanwhile is in the engine already.
  struct Found {
    bool deleted = false;
    std::string row;  // unless deleted
  };
  std::optional<Found> Find(std::string_view key, Slot upto) const;

  // Keeps slots above forgotten() until it is destroyed.
  class Pin {
   public:
    ~Pin();
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

   private:
    friend class Overlay;
    Pin(const Overlay* overlay, std::shared_ptr<Generation> generation, Slot slot)
        : overlay_(overlay), generation_(std::move(generation)), slot_(slot) {}
    const Overlay* const overlay_;
    const std::shared_ptr<Generation> generation_;
    const Slot slot_;
  };
  // Take the pin first, then the engine's snapshot: the snapshot then has all that is forgotten.
  std::unique_ptr<Pin> NewPin() const;

  // The slots (after, upto] as a layer. The pin outlives it.
  // REQUIRES: `after` is the applied slot of a snapshot taken after the pin.
  std::unique_ptr<Layer> NewLayer(const Pin& pin, Slot after, Slot upto) const;

 private:
  class PinnedLayer;

  // One span of leading. Frozen, and kept by its pins alone, once Clear has replaced it.
  struct Generation {
    EffectIndex index;
    Slot last;         // last slot added
    Slot forget_upto;  // asked for
    std::multiset<Slot> pins;
  };

  // Drops what is asked to be forgotten and not pinned.
  void Trim(Generation* generation) const BATON_REQUIRES(mutex_);

  mutable SharedMutex mutex_;
  mutable std::shared_ptr<Generation> current_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::engine
