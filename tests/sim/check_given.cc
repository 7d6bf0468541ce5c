#include "tests/sim/check_given.h"

#include <iterator>
#include <string>
#include <variant>

#include "server/codec/entry_codec.h"

namespace baton::sim {

void CheckGiven::Sent(const consensus::Message& message) {
  const auto* accept = std::get_if<consensus::Accept>(&message.body);
  if (accept == nullptr) return;
  for (const consensus::Entry& entry : accept->entries) {
    // The one that a Reign takes nobody is told of.
    const bool reign = std::holds_alternative<consensus::Reign>(entry.core);
    if (entry.id.born != accept->ballot || reign) continue;
    Slot& read = read_[entry.id.born];
    if (entry.id.slot <= read) continue;
    read = entry.id.slot;
    const auto decoded = server::DecodeEntry(*entry.bytes, server::EntryHash::kVerified);
    if (!decoded.ok() || decoded->stamp.request_count == 0) continue;
    const uint64_t first = decoded->stamp.base_revision.value;
    const uint64_t end = first + decoded->stamp.request_count;
    const auto after = given_.lower_bound(end);
    if (after != given_.begin() && std::prev(after)->second.end > first) {
      cluster_->Violated("given: " + ToString(entry.id) + " has revisions from " +
                         std::to_string(first) + " on, which " +
                         ToString(std::prev(after)->second.by) + " has too");
    }
    given_[first] = Given{end, entry.id};
  }
}

}  // namespace baton::sim
