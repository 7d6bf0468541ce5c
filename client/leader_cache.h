// Which addresses there are, and which leader to believe.
//
// Owned by the dispatcher and guarded by its mutex. Pure: no time, no I/O.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "baton/v1/cluster.pb.h"

namespace baton::client {

class LeaderCache {
 public:
  // Addresses kept at most; beyond it the oldest learned one is forgotten, configured ones never.
  static constexpr size_t kAddressesMax = 64;

  explicit LeaderCache(std::vector<std::string> configured);

  // All that should be asked: the configured ones first.
  const std::vector<std::string>& addresses() const { return addresses_; }

  // An address that an answer named. Returns true if it is new.
  bool Learn(const std::string& address);

  // A node says that it leads. True if no higher ballot of the same cluster is known to have led:
  // a leader that was cut off may not know yet that it is one no more.
  bool Believe(const std::string& cluster_id, const v1::BallotNumber& ballot);

  // True if a claim is strictly above all that were believed before.
  bool IsNews(const std::string& cluster_id, const v1::BallotNumber& ballot) const;

 private:
  const size_t configured_;             // addresses_[0, configured_) were given
  std::vector<std::string> addresses_;  // no duplicates; size ≤ max(configured_, kAddressesMax)
  std::string cluster_id_;              // of the last leader believed; empty: none yet
  // The highest ballot believed within cluster_id_. Never decreases while cluster_id_ stays.
  uint64_t round_ = 0;
  uint32_t node_ = 0;
};

}  // namespace baton::client
