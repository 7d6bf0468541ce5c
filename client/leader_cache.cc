#include "client/leader_cache.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace baton::client {

LeaderCache::LeaderCache(std::vector<std::string> configured)
    : configured_(configured.size()), addresses_(std::move(configured)) {}

bool LeaderCache::Learn(const std::string& address) {
  if (address.empty()) return false;
  if (std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end()) return false;
  if (addresses_.size() >= kAddressesMax) {
    if (addresses_.size() == configured_) return false;
    addresses_.erase(addresses_.begin() + static_cast<std::ptrdiff_t>(configured_));
  }
  addresses_.push_back(address);
  return true;
}

bool LeaderCache::Believe(const std::string& cluster_id, const v1::BallotNumber& ballot) {
  const auto claim = std::make_tuple(ballot.round(), ballot.node());
  if (cluster_id == cluster_id_ && claim < std::make_tuple(round_, node_)) return false;
  cluster_id_ = cluster_id;
  std::tie(round_, node_) = claim;
  return true;
}

bool LeaderCache::IsNews(const std::string& cluster_id, const v1::BallotNumber& ballot) const {
  return cluster_id == cluster_id_ &&
         std::make_tuple(ballot.round(), ballot.node()) > std::make_tuple(round_, node_);
}

}  // namespace baton::client
