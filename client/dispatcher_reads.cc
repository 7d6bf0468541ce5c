// The dispatcher's part for reads that are not the leader's alone.
#include <algorithm>
#include <optional>
#include <string>

#include "client/dispatcher.h"

namespace baton::client {

void Dispatcher::RoutePlaced(Call* call) {
  const ReadPlace& place = call->header.place;
  const std::optional<std::string> address =
      places_.Choose(place, leaders_.addresses(), NowUs(), environment_->Random());
  if (!address) return ResumeAt(call, places_.RetryAtUs(place, leaders_.addresses()));
  for (const auto& lane : lanes_) {
    if (lane->reads && !lane->given_up && lane->address == *address) {
      return Gather(lane.get(), call);
    }
  }
  Gather(OpenLane(*address, /*name=*/"", /*reads=*/true), call);
}

// The time of a read was up at the node that was to answer it: others are drawn for those to come.
// A node that was asked for by name is no worse for it.
void Dispatcher::PassOver(const Call& call) {
  const ReadPlace& place = call.header.place;
  if (call.state != Call::State::kSent || place.leader() || !place.node.empty()) return;
  places_.Failed(call.lane->address, NowUs());
}

// A read may rightly wait for long, so a node that falls silent over one is asked whether it lives.
void Dispatcher::CheckReadLanes(int64_t now_us, Outbox* outbox) {
  for (const auto& lane : lanes_) {
    if (!lane->reads || lane->given_up || lane->sent == 0) continue;
    if (now_us - lane->heard_us < silence_us_) continue;
    Ask(lane->address, outbox);
    lane->heard_us = now_us;
  }
}

// Its node was asked at that time, and did not answer.
void Dispatcher::GiveUpSilent(const std::string& address, int64_t asked_us, Outbox* outbox) {
  const auto silent = [&](const auto& lane) {
    return lane->reads && !lane->given_up && lane->address == address && lane->sent > 0 &&
           lane->heard_us <= asked_us;
  };
  const auto found = std::find_if(lanes_.begin(), lanes_.end(), silent);
  if (found != lanes_.end()) GiveUp(found->get(), address + " fell silent", outbox);
}

}  // namespace baton::client
