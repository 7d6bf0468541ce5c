// MembersAsked: the changes of members that operators asked for, and what they were told. Who wants
// to know which memberships may still come about asks here; the last check compares what was told
// with what was chosen.
//
// Each change is known again by a mark that it leaves in the card of its first member. Owned by the
// Cluster; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "consensus/entry.h"
#include "server/replica/node.h"

namespace baton::sim {

struct MembersAsk {
  Epoch from;
  std::vector<consensus::Member> wanted;  // sorted by node
  bool legal = true;                      // false: it must never come about
  enum class Told : uint8_t { kNothing, kDone, kRefused } told = Told::kNothing;
  Epoch epoch;  // kDone only
};

class MembersAsked {
 public:
  // Marks the call as the next one and takes note of it. Returns its number. REQUIRES: it has
  // members.
  size_t Add(server::MembersCall* call, bool legal);
  // What came of it; null: the connection broke.
  void Told(size_t number, const server::MembersResult* result);

  const std::vector<MembersAsk>& all() const { return all_; }
  // The one that left its mark in the membership; nullopt: none did.
  std::optional<size_t> AskOf(const std::vector<consensus::Member>& members) const;
  // May still come about, when `chosen` is the newest epoch that is.
  std::vector<consensus::Membership> Open(Epoch chosen) const;

 private:
  std::vector<MembersAsk> all_;
};

}  // namespace baton::sim
