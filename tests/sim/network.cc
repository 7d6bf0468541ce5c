#include "tests/sim/network.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "server/codec/peer_codec.h"

namespace baton::sim {
namespace {

consensus::Message ThroughCodec(const consensus::Message& message) {
  const server::FramedMessage framed = server::FrameMessage(message);
  std::string bytes = framed.head;
  for (const auto& entry : framed.entries) bytes += *entry;
  const std::string_view slices[] = {bytes};
  auto parsed = server::ParseFrames(slices);
  BATON_CHECK(parsed.ok()) << std::string(parsed.status().message());
  consensus::Message received = std::get<consensus::Message>(std::move(parsed->at(0)));
  BATON_CHECK(received == message) << "a message changed on its way through the codec";
  return received;
}

}  // namespace

Network::Network(Schedule* schedule, Random* random, Coverage* coverage, uint32_t nodes,
                 bool through_codec, Deliver deliver)
    : schedule_(schedule),
      random_(random),
      coverage_(coverage),
      nodes_(nodes),
      through_codec_(through_codec),
      deliver_(std::move(deliver)),
      links_(size_t{nodes} * nodes) {}

int64_t Network::Delay() {
  int64_t delay_us = random_->Between(weather_.delay_us_min, weather_.delay_us_max);
  if (weather_.late > 0 && random_->Chance(weather_.late)) {
    delay_us += random_->Skewed(1, weather_.late_us_max);
  }
  return delay_us;
}

void Network::Send(consensus::Message message) {
  const uint32_t from = message.from.value;
  const uint32_t to = message.to.value;
  BATON_CHECK(from >= 1 && from <= nodes_ && to >= 1 && to <= nodes_ && to != from);
  Link& link = LinkOf(from, to);
  if (through_codec_) message = ThroughCodec(message);
  if (link.clogged) {
    if (link.held.size() < kClogMax) link.held.push_back(std::move(message));
    return;
  }
  if (link.cut || (weather_.drop > 0 && random_->Chance(weather_.drop))) {
    coverage_->Add(Path::kMessageDropped);
    return;
  }
  if (weather_.duplicate > 0 && random_->Chance(weather_.duplicate)) {
    coverage_->Add(Path::kMessageDuplicated);
    Carry(&link, message, Delay());
  }
  Carry(&link, std::move(message), Delay());
}

void Network::Carry(Link* link, consensus::Message message, int64_t delay_us) {
  int64_t at_us = schedule_->now_us() + delay_us;
  if (at_us < link->last_arrival_us) {
    if (weather_.reorder) {
      coverage_->Add(Path::kMessageOvertook);
    } else {
      at_us = link->last_arrival_us;
    }
  }
  link->last_arrival_us = std::max(link->last_arrival_us, at_us);
  schedule_->At(at_us, [this, link, message = std::move(message)]() mutable {
    if (link->cut) {
      coverage_->Add(Path::kMessageDropped);
    } else {
      deliver_(std::move(message));
    }
  });
}

void Network::Unclog(uint32_t from, uint32_t to) {
  Link& link = LinkOf(from, to);
  link.clogged = false;
  std::vector<consensus::Message> held;
  held.swap(link.held);
  if (!held.empty()) coverage_->Add(Path::kClogReleased);
  for (consensus::Message& message : held) Carry(&link, std::move(message), Delay());
}

void Network::Heal(uint32_t from, uint32_t to) {
  Cut(from, to, false);
  Unclog(from, to);
}

}  // namespace baton::sim
