// What lies outside the replicas, on the network and on its way to a disk, and its canonical forms.
//
// Equal values have equal forms and different ones different forms. Each form names all fields of
// its type, so that a new field, or a new kind of message or entry, does not compile until it is in
// the form: a form that left something out would let the explorer take two states for one.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "consensus/action.h"
#include "consensus/hasher.h"
#include "consensus/message.h"
#include "tests/explore/digest.h"

namespace baton::explore {

// What a disk does in order: a Persist, or a probe that it writes.
using DiskWrite = std::variant<consensus::Persist, consensus::ProveWrite>;

// The state of `from` after `last`, on its way.
struct Snapshot {
  NodeId from;
  NodeId to;
  Ballot ballot;
  EntryId last;
  std::optional<consensus::Seal> seal;  // of the entry at `last`, if it is one
  consensus::Configuration configuration;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

// What travels.
using Parcel = std::variant<consensus::Message, Snapshot>;
inline bool IsMessage(const Parcel& parcel) {
  return std::holds_alternative<consensus::Message>(parcel);
}
inline NodeId From(const Parcel& parcel) {
  return std::visit([](const auto& what) { return what.from; }, parcel);
}
inline NodeId To(const Parcel& parcel) {
  return std::visit([](const auto& what) { return what.to; }, parcel);
}

void Feed(const consensus::HardState& hard, consensus::Hasher* hasher);
void Feed(const consensus::Entry& entry, consensus::Hasher* hasher);
void Feed(const std::optional<consensus::Seal>& seal, consensus::Hasher* hasher);
void Feed(const consensus::Message& message, consensus::Hasher* hasher);
void Feed(const consensus::Persist& persist, consensus::Hasher* hasher);
void Feed(const DiskWrite& write, consensus::Hasher* hasher);
void Feed(const Snapshot& snapshot, consensus::Hasher* hasher);
void Feed(const Parcel& parcel, consensus::Hasher* hasher);
void Feed(const consensus::ReadLog& read, consensus::Hasher* hasher);
inline void Feed(const Digest& digest, consensus::Hasher* hasher) {
  hasher->Add(digest.high);
  hasher->Add(digest.low);
}

// Of a type with Feed(const T&, Hasher*) or a member Feed(Hasher*).
template <class T>
Digest DigestOfValue(const T& value) {
  thread_local consensus::Hasher hasher;
  hasher.Clear();
  if constexpr (requires { value.Feed(&hasher); }) {
    value.Feed(&hasher);
  } else {
    Feed(value, &hasher);
  }
  return DigestOf(hasher.canonical());
}

template <class T>
Hashed<T> MakeHashed(T value) {
  const Digest digest = DigestOfValue(value);
  return Hashed<T>{std::make_shared<const T>(std::move(value)), digest};
}

}  // namespace baton::explore
