#include "client/read_places.h"

#include <algorithm>

namespace baton::client {

std::optional<std::string> ReadPlaces::Choose(const ReadPlace& place,
                                              const std::vector<std::string>& addresses,
                                              int64_t now_us, uint64_t random) {
  const auto avoided = [&](const std::string& address) {
    return now_us < Known(address).avoid_until_us;
  };
  if (!place.node.empty()) {
    if (avoided(place.node)) return std::nullopt;
    return place.node;
  }
  const bool nearest = place.from == ReadFrom::kNearest;
  std::string& chosen = nearest ? nearest_ : any_;
  if (!chosen.empty() && !avoided(chosen)) return chosen;
  std::vector<std::string> open;
  std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(open),
               [&](const std::string& address) { return !avoided(address); });
  if (open.empty()) return std::nullopt;
  if (!nearest) return chosen = open[random % open.size()];
  const auto best = std::min_element(open.begin(), open.end(), [&](const auto& a, const auto& b) {
    return Known(a).round_trip_us < Known(b).round_trip_us;
  });
  // Before any has been measured the first will do, for now.
  chosen = Known(*best).round_trip_us == INT64_MAX ? std::string() : *best;
  return *best;
}

int64_t ReadPlaces::RetryAtUs(const ReadPlace& place,
                              const std::vector<std::string>& addresses) const {
  if (!place.node.empty()) return Known(place.node).avoid_until_us;
  int64_t earliest_us = INT64_MAX;
  for (const std::string& address : addresses) {
    earliest_us = std::min(earliest_us, Known(address).avoid_until_us);
  }
  return earliest_us;
}

void ReadPlaces::Answered(const std::string& address, int64_t round_trip_us) {
  Remember(address).round_trip_us = round_trip_us;
}

void ReadPlaces::Failed(const std::string& address, int64_t now_us) {
  Remember(address).avoid_until_us = now_us + kAvoidUs;
}

const ReadPlaces::Node& ReadPlaces::Known(const std::string& address) const {
  static const Node kUnknown;
  const auto found = nodes_.find(address);
  return found == nodes_.end() ? kUnknown : found->second;
}

ReadPlaces::Node& ReadPlaces::Remember(const std::string& address) {
  if (nodes_.size() >= kNodesMax && nodes_.count(address) == 0) nodes_.clear();
  return nodes_[address];
}

}  // namespace baton::client
